//! One request, explained.

use std::borrow::Cow;

use miette::Report;
use serde_json::json;
use tollgate_policy::{Explanation, Key, Outcome as Decided, Principal, Request, Value, explain};

use super::policies::{Attached, read_policies};
use super::{Args, Format};
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Decides the request and writes the explanation.
pub(super) fn run(args: &Args, principal: &str, action: &str, world: &World) -> Outcome {
    let (documents, attached) = read_policies(args, action)?;
    let known = known_keys(args)?;
    let mut request = Request::new(read_principal(args, principal)?, action, &args.resource);
    if let Some(account) = &args.resource_account {
        request = request.with_resource_account(account);
    }
    for (key, values) in &known {
        request.context.set(Key::new(key), value_of(values));
    }
    for key in &args.unknown {
        request.context.set(Key::new(key), Value::Unknown);
    }
    let explanation = explain(&documents.compile().borrow(), &request);
    let report = match args.format {
        Format::Text => text(&explanation, &attached),
        Format::Json => json(&explanation, &attached),
    };
    world.write(None, report.as_bytes())?;
    Ok(match explanation.outcome {
        Decided::Indeterminate => Exit::Undecided,
        Decided::ExplicitDeny | Decided::ImplicitDeny if args.fail_on_deny => Exit::Findings,
        _ => Exit::Ok,
    })
}

fn read_principal<'a>(args: &'a Args, text: &'a str) -> miette::Result<Principal<'a>> {
    let principal = Principal::parse(text).ok_or_else(|| {
        miette::miette!(
            help = "expected an ARN, `anonymous`, a service such as `lambda.amazonaws.com`, or the \
                    domain name of an identity provider",
            "no principal: `{text}`"
        )
    })?;
    Ok(match &args.session_issuer {
        Some(issuer) => principal.issued_by(issuer),
        None => principal,
    })
}

/// A condition key with all its values.
type KnownKey<'a> = (&'a str, Vec<Cow<'a, str>>);

/// The condition keys that have values, in order.
fn known_keys(args: &Args) -> miette::Result<Vec<KnownKey<'_>>> {
    let mut known: Vec<KnownKey<'_>> = Vec::new();
    for (key, value) in &args.context {
        if args.unknown.iter().any(|unknown| Key::new(unknown) == Key::new(key)) {
            return Err(given_twice(key));
        }
        match known.iter_mut().find(|(seen, _)| Key::new(seen) == Key::new(key)) {
            Some((_, values)) => values.push(value.into()),
            None => known.push((key, vec![value.into()])),
        }
    }
    Ok(known)
}

fn given_twice(key: &str) -> Report {
    miette::miette!("context key `{key}` has a value and is unknown: it can only be one of them")
}

fn value_of<'a>(values: &'a [Cow<'a, str>]) -> Value<'a> {
    match values {
        [one] => Value::Text(one),
        several => Value::Set(several),
    }
}

/// The explanation, and which file is which policy.
fn text(explanation: &Explanation, attached: &[Attached<'_>]) -> String {
    let files: String = attached.iter().map(|each| format!("  {each}\n")).collect();
    if files.is_empty() {
        return explanation.to_string();
    }
    format!("{explanation}policies:\n{files}")
}

/// The explanation as JSON, with a member `policies` that says which file is which policy.
fn json(explanation: &Explanation, attached: &[Attached<'_>]) -> String {
    let mut document = json!(explanation);
    if let Some(members) = document.as_object_mut() {
        let files = attached.iter().map(Attached::to_json).collect();
        members.insert("policies".to_owned(), files);
    }
    format!("{document:#}\n")
}
