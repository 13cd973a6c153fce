//! Mutation testing as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Mutant, Mutation, Survivor};
use crate::excerpt::{excerpt, indent};
use crate::report::{count, place_fields};
use crate::write::Shown;

pub(super) fn text(mutation: &Mutation) -> String {
    let mut text = String::new();
    let (killed, of) = mutation.counts();
    let aside = count(mutation.equivalent.len(), "equivalent candidate");
    let _ = writeln!(
        text,
        "mutation score {:.1} % ({killed} of {of} mutants killed, {aside} set aside)",
        mutation.score()
    );
    for (operator, (killed, of)) in mutation.operators.iter().filter(|(_, (_, of))| *of > 0) {
        let _ = writeln!(text, "  {operator}: {killed} of {of}");
    }
    if !mutation.survivors.is_empty() {
        let _ = writeln!(text, "\nsurvivors, with the test that would notice each:");
    }
    let mut shown = Shown::default();
    for Survivor { mutant, original, mutated, file, test } in &mutation.survivors {
        let Mutant { operator, change, place } = mutant;
        let _ = writeln!(text, "  {place}: {operator}: {change}");
        text.push_str(&indent(&excerpt(place), 4));
        let _ = write!(text, "    a request goes from {original} to {mutated}; ");
        match shown.is_new(file, test) {
            true => drop(write!(text, "add to {file}:\n{}", indent(test, 4))),
            false => text.push_str("a test above would notice\n"),
        }
    }
    if !mutation.equivalent.is_empty() {
        let _ = writeln!(text, "\nset aside, no request tried tells them from the original:");
    }
    for Mutant { operator, change, place } in &mutation.equivalent {
        let _ = writeln!(text, "  {place}: {operator}: {change}");
    }
    text
}

pub(super) fn json(mutation: &Mutation) -> Value {
    let (killed, of) = mutation.counts();
    let operator = |(name, (killed, of)): (&&str, &(usize, usize))| json!({ "operator": name, "killed": killed, "of": of });
    json!({
        "version": 1,
        "score": mutation.score(),
        "killed": killed,
        "of": of,
        "operators": mutation.operators.iter().map(operator).collect::<Vec<_>>(),
        "survivors": mutation.survivors.iter().map(survivor).collect::<Vec<_>>(),
        "equivalentCandidates": mutation.equivalent.iter().map(mutant).collect::<Vec<_>>(),
    })
}

fn mutant(mutant: &Mutant) -> Value {
    let mut fields = place_fields(&mutant.place);
    fields.insert("operator".to_owned(), json!(mutant.operator));
    fields.insert("change".to_owned(), json!(mutant.change));
    Value::Object(fields)
}

fn survivor(survivor: &Survivor) -> Value {
    let mut value = mutant(&survivor.mutant);
    if let Value::Object(fields) = &mut value {
        fields.insert("original".to_owned(), json!(survivor.original.as_str()));
        fields.insert("mutated".to_owned(), json!(survivor.mutated.as_str()));
        fields.insert("testFile".to_owned(), json!(survivor.file));
        fields.insert("test".to_owned(), json!(survivor.test));
    }
    value
}
