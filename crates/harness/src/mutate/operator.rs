//! A statement → its mutants.

use serde_json::json;
use tollgate_policy::{Effect, PrincipalElement, PrincipalPattern, Span, Spanned, Statement};

use super::{condition, pattern};
use crate::probe::unplaced;

/// A changed statement.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) operator: &'static str,
    pub(super) change: String,
    /// What was changed.
    pub(super) span: Span,
    /// What stands there instead; `None` if the statement was left out.
    pub(super) statement: Option<Statement>,
}

impl Edit {
    /// A copy of the statement with one change made to it.
    pub(super) fn of(
        statement: &Statement,
        operator: &'static str,
        change: String,
        span: Span,
        make: impl FnOnce(&mut Statement),
    ) -> Edit {
        let mut changed = statement.clone();
        make(&mut changed);
        Edit { operator, change, span, statement: Some(changed) }
    }
}

/// All single changes of a statement.
pub(super) fn edits(statement: &Statement) -> Vec<Edit> {
    let mut edits = vec![delete(statement), flip(statement)];
    edits.extend(statement.principal.iter().flat_map(|element| principals(statement, element)));
    edits.extend(pattern::edits(statement));
    edits.extend(condition::edits(statement));
    edits
}

fn delete(statement: &Statement) -> Edit {
    Edit {
        operator: "delete-statement",
        change: "left out".to_owned(),
        span: statement.span,
        statement: None,
    }
}

fn flip(statement: &Statement) -> Edit {
    let (flipped, change) = match statement.effect.value {
        Effect::Allow => (Effect::Deny, "`Allow` → `Deny`"),
        Effect::Deny => (Effect::Allow, "`Deny` → `Allow`"),
    };
    let span = statement.effect.span;
    Edit::of(statement, "flip-effect", change.to_owned(), span, |changed| {
        changed.effect.value = flipped;
    })
}

fn principals(statement: &Statement, element: &PrincipalElement) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, named) in element.principals.iter().enumerate() {
        let name = named_in_json(named);
        if element.principals.len() > 1 {
            let change = format!("{name} left out");
            let shorter = without(&element.principals, index);
            edits.push(replaced(statement, "delete-principal", change, named, shorter));
        }
        if named.value != PrincipalPattern::Everyone && !element.negated {
            let change = format!("{name} → `*`");
            let everyone = vec![unplaced(PrincipalPattern::Everyone)];
            edits.push(replaced(statement, "widen-principal", change, named, everyone));
        }
    }
    edits
}

fn replaced(
    statement: &Statement,
    operator: &'static str,
    change: String,
    named: &Spanned<PrincipalPattern>,
    principals: Vec<Spanned<PrincipalPattern>>,
) -> Edit {
    Edit::of(statement, operator, change, named.span, |changed| {
        if let Some(element) = &mut changed.principal {
            element.principals = principals;
        }
    })
}

fn named_in_json(named: &Spanned<PrincipalPattern>) -> String {
    let alone = PrincipalElement { negated: false, principals: vec![named.clone()] };
    format!("`{}`", json!(alone))
}

/// A list without one of its items.
pub(super) fn without<T: Clone>(items: &[T], index: usize) -> Vec<T> {
    let mut items = items.to_vec();
    if index < items.len() {
        items.remove(index);
    }
    items
}
