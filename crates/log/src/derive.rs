//! Columns that follow from others: the session's role, what a denial says.

use std::collections::HashMap;
use std::str::from_utf8;

use crate::identity::{self, AssumedRole, Denial};
use crate::rows::{Layout, NO_SLOT, Span, text};
use crate::schema::{Field, Projection};

/// Each derived column and the variables it needs.
const DERIVED: &[(Field, &[Field])] = &[
    (Field::Role, &[Field::UserArn]),
    (Field::Session, &[Field::UserArn]),
    (Field::PrincipalArn, &[Field::UserArn]),
    (Field::CallerAccount, &[Field::UserArn]),
    (Field::ApiId, &[Field::DomainName]),
    (Field::Region, &[Field::DomainName]),
    (Field::Action, &[Field::ErrorMessage]),
    (Field::DeniedBy, &[Field::ErrorMessage]),
    (Field::DeniedExplicitly, &[Field::ErrorMessage]),
    (
        Field::Resource,
        &[Field::ErrorMessage, Field::AccountId, Field::CallerAccount, Field::UserArn],
    ),
];

/// A shorter value has nothing to derive from: the shortest is `arn:aws:iam::…`.
const SHORTEST: usize = 10;

/// The variables that must be read for a projection.
pub(crate) fn inputs(projection: Projection) -> Projection {
    let mut inputs = projection;
    for (field, needs) in DERIVED {
        if projection.contains(*field) {
            inputs = inputs.union(Projection::of(needs.iter().copied()));
        }
    }
    let relative = [Field::RateReset, Field::TokenReset, Field::RetryAfter];
    if relative.into_iter().any(|field| projection.contains(field)) {
        inputs = inputs.with(Field::Time);
    }
    inputs
}

/// Whether a projection has derived columns.
pub(crate) fn any(projection: Projection) -> bool {
    DERIVED.iter().any(|(field, _)| projection.contains(*field))
}

/// Fills the derived slots of rows.
pub(crate) struct Deriver<'a> {
    layout: &'a Layout,
    /// Where the derived columns stand that are asked for.
    slots: Vec<u8>,
    caller: bool,
    denial: bool,
    domain: bool,
    principals: HashMap<Box<[u8]>, Span>,
}

impl<'a> Deriver<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        let has = |fields: &[Field]| fields.iter().any(|field| layout.has(*field));
        let slots = DERIVED.iter().map(|(field, _)| layout.slot(*field));
        Deriver {
            layout,
            slots: slots.filter(|&slot| slot != NO_SLOT).collect(),
            caller: has(&[Field::Role, Field::Session, Field::PrincipalArn, Field::CallerAccount]),
            denial: has(&[
                Field::Action,
                Field::Resource,
                Field::DeniedBy,
                Field::DeniedExplicitly,
            ]),
            domain: has(&[Field::ApiId, Field::Region]),
            principals: HashMap::new(),
        }
    }

    /// Fills what is empty in a row and follows from the rest of it.
    pub(crate) fn derive(&mut self, row: &mut [Span], block: &[u8], scratch: &mut Vec<u8>) {
        for &slot in &self.slots {
            clear_unset(row, slot, block, scratch);
        }
        if self.caller {
            self.caller(row, block, scratch);
        }
        if self.denial {
            self.denial(row, block, scratch);
        }
        if self.domain {
            self.domain(row, block, scratch);
        }
    }

    fn caller(&mut self, row: &mut [Span], block: &[u8], scratch: &mut Vec<u8>) {
        let span = self.get(row, Field::UserArn);
        if span.len() < SHORTEST {
            return;
        }
        let Ok(arn) = from_utf8(text(block, scratch, span)) else { return };
        let part = |of: &str| part(arn, of).map_or(Span::NULL, |(from, to)| span.part(from, to));
        let Some(session) = AssumedRole::parse(arn) else {
            let account = identity::account(arn).map_or(Span::NULL, part);
            self.fill(row, Field::CallerAccount, account);
            self.fill(row, Field::PrincipalArn, span);
            return;
        };
        self.fill(row, Field::Role, part(session.role));
        self.fill(row, Field::Session, part(session.session));
        self.fill(row, Field::CallerAccount, part(session.account));
        if self.is_missing(row, Field::PrincipalArn) {
            let AssumedRole { partition, account, role, .. } = session;
            let principal = match self.principals.get(arn.as_bytes()) {
                Some(&principal) => principal,
                None => {
                    let principal = format!("arn:{partition}:iam::{account}:role/{role}");
                    let key = arn.as_bytes().into();
                    let principal = keep(scratch, &principal);
                    self.principals.insert(key, principal);
                    principal
                }
            };
            self.fill(row, Field::PrincipalArn, principal);
        }
    }

    fn denial(&self, row: &mut [Span], block: &[u8], scratch: &mut Vec<u8>) {
        let span = self.get(row, Field::ErrorMessage);
        if span.len() < SHORTEST {
            return;
        }
        let Ok(message) = from_utf8(text(block, scratch, span)) else { return };
        let Some(denial) = Denial::parse(message) else { return };
        let part = |of: Option<&str>| {
            of.and_then(|of| part(message, of)).map_or(Span::NULL, |(from, to)| span.part(from, to))
        };
        let (action, by) = (part(denial.action), part(denial.policy_type));
        let resource = part(denial.resource);
        let unmasked =
            denial.resource.filter(|resource| resource.contains(":*")).and_then(|masked| {
                let known = self.known_accounts(row, block, scratch);
                identity::unmask(masked, known.iter().map(String::as_str))
            });
        let explicit = denial.explicit;
        self.fill(row, Field::Action, action);
        self.fill(row, Field::DeniedBy, by);
        if self.is_missing(row, Field::Resource) {
            let resource = unmasked.map_or(resource, |unmasked| keep(scratch, &unmasked));
            self.fill(row, Field::Resource, resource);
        }
        if self.is_missing(row, Field::DeniedExplicitly) {
            let flag = keep(scratch, if explicit { "true" } else { "false" });
            self.fill(row, Field::DeniedExplicitly, flag);
        }
    }

    /// The account ids that a row names. The API's own account decides alone.
    fn known_accounts(&self, row: &[Span], block: &[u8], scratch: &[u8]) -> Vec<String> {
        let value = |field| from_utf8(text(block, scratch, self.get(row, field))).unwrap_or("");
        match value(Field::AccountId) {
            "" => {
                let caller = identity::account(value(Field::UserArn)).unwrap_or("");
                vec![value(Field::CallerAccount).to_owned(), caller.to_owned()]
            }
            owner => vec![owner.to_owned()],
        }
    }

    /// `API.execute-api.REGION.amazonaws.com`
    fn domain(&self, row: &mut [Span], block: &[u8], scratch: &[u8]) {
        let span = self.get(row, Field::DomainName);
        if span.len() < SHORTEST {
            return;
        }
        let Ok(domain) = from_utf8(text(block, scratch, span)) else { return };
        let Some((api, rest)) = domain.split_once(".execute-api.") else { return };
        let Some((region, _)) = rest.split_once('.') else { return };
        let part = |of: &str| part(domain, of).map_or(Span::NULL, |(from, to)| span.part(from, to));
        self.fill(row, Field::ApiId, part(api));
        self.fill(row, Field::Region, part(region));
    }

    fn get(&self, row: &[Span], field: Field) -> Span {
        row.get(usize::from(self.layout.slot(field))).copied().unwrap_or(Span::NULL)
    }

    fn is_missing(&self, row: &[Span], field: Field) -> bool {
        self.layout.slot(field) != NO_SLOT && self.get(row, field).is_empty()
    }

    fn fill(&self, row: &mut [Span], field: Field, span: Span) {
        if let Some(place) = row.get_mut(usize::from(self.layout.slot(field)))
            && place.is_empty()
        {
            *place = span;
        }
    }
}

/// A derived column that is logged, but as `-`, is there to be filled.
fn clear_unset(row: &mut [Span], slot: u8, block: &[u8], scratch: &[u8]) {
    if let Some(place) = row.get_mut(usize::from(slot))
        && text(block, scratch, *place).is_empty()
    {
        *place = Span::NULL;
    }
}

/// Where `part`, a slice of `whole`, stands in it.
fn part(whole: &str, part: &str) -> Option<(usize, usize)> {
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (from + part.len() <= whole.len()).then_some((from, from + part.len()))
}

fn keep(scratch: &mut Vec<u8>, text: &str) -> Span {
    Span::in_scratch(scratch, text)
}
