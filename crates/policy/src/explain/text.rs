//! Explanations as text.

use std::fmt::{self, Display, Formatter};

use crate::decision::{Outcome, StatementId};
use crate::document::Effect;

use super::{
    Element, Explanation, LayerExplanation, LayerVerdict, Matched, Miss, MissReason,
    StatementExplanation,
};

impl Display for Explanation {
    /// Some lines: the decision, then layer by layer what each statement says.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.outcome, self.summary())?;
        for layer in &self.layers {
            writeln!(f, "  {layer}")?;
            for statement in &layer.statements {
                let mark = if self.determined_by.contains(&statement.id) { '*' } else { ' ' };
                writeln!(f, "  {mark} {statement}")?;
            }
        }
        Ok(())
    }
}

impl Explanation {
    /// The decision's reason in one line.
    fn summary(&self) -> String {
        match (self.determined_by.as_slice(), self.depends_on.as_slice()) {
            (_, [_, ..]) => format!("depends on {}", ticked(&self.depends_on)),
            ([], []) if self.outcome == Outcome::Allowed => "no policy has to allow it".to_owned(),
            ([], []) => match self.nearest.and_then(|id| self.statement(id)) {
                Some(nearest) => format!("nothing allows it; nearest is {nearest}"),
                None => self.lack(),
            },
            (determining, []) => {
                let named: Vec<String> = determining.iter().map(|id| self.name(*id)).collect();
                format!("by {}", named.join(", "))
            }
        }
    }

    /// What does not allow it, where no statement came near.
    fn lack(&self) -> String {
        let missing: Vec<String> = self.missing.iter().map(|layer| format!("no {layer}")).collect();
        format!("{} allows it", missing.join(" and "))
    }

    fn name(&self, id: StatementId) -> String {
        match self.statement(id) {
            Some(statement) => format!("{} of the {}", statement.name(), id.policy_type),
            None => format!("a statement of the {}", id.policy_type),
        }
    }
}

fn ticked(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl Display for LayerExplanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            LayerVerdict::Denies => "denies",
            LayerVerdict::Allows => "allows",
            LayerVerdict::Undetermined => "depends on unknown keys",
            LayerVerdict::Silent => "says nothing",
        };
        write!(f, "{}", self.policy_type)?;
        if self.level > 0 {
            write!(f, " (level {})", self.level)?;
        }
        write!(f, ": {verdict}")
    }
}

impl StatementExplanation {
    /// `ReadIssues` or `statement 2`, and where it stands.
    fn name(&self) -> String {
        match &self.sid {
            Some(sid) if !sid.is_empty() => {
                format!("`{sid}` (policy {}, {})", self.id.policy, self.position)
            }
            _ => format!(
                "statement {} (policy {}, {})",
                self.id.statement, self.id.policy, self.position
            ),
        }
    }
}

impl Display for StatementExplanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        write!(f, "{effect} {}: ", self.name())?;
        match &self.matched {
            Matched::Yes => f.write_str("matches"),
            Matched::Unknown(keys) => write!(f, "depends on {}", ticked(keys)),
            Matched::No(miss) => miss.fmt(f),
        }
    }
}

impl Display for Miss {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Miss { element, pattern, value, position, reason } = self;
        let value = value.as_deref().unwrap_or_default();
        match reason {
            MissReason::NoneMatches => {
                write!(f, "{element} `{pattern}` does not match `{value}`")?;
            }
            MissReason::Excluded => write!(f, "{element} `{pattern}` excludes `{value}`")?,
            MissReason::EmptyList => write!(f, "{element} is an empty list")?,
            MissReason::KeyAbsent => {
                write!(f, "{element} `{pattern}`: the key is absent from the request")?;
            }
            MissReason::SeveralValues => write!(
                f,
                "{element} `{pattern}`: the key has several values (`{value}`), which takes \
                 `ForAllValues:` or `ForAnyValue:`"
            )?,
            MissReason::Unreadable => {
                write!(f, "{element} `{pattern}` cannot be compared with `{value}`")?;
            }
            MissReason::UnresolvedVariable(key) => {
                write!(f, "{element} `{pattern}`: the variable `${{{key}}}` has no value")?;
            }
        }
        write!(f, " ({position})")
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Element::Condition { operator, key } => write!(f, "{operator} {key}"),
            other => f.write_str(other.as_str()),
        }
    }
}

impl Element {
    /// The element's name in the document: `NotAction`, `Condition`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Element::Principal => "Principal",
            Element::NotPrincipal => "NotPrincipal",
            Element::Action => "Action",
            Element::NotAction => "NotAction",
            Element::Resource => "Resource",
            Element::NotResource => "NotResource",
            Element::Condition { .. } => "Condition",
        }
    }
}
