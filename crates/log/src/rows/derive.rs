//! Columns that follow from others: the session's role, what a denial says.

use std::collections::HashMap;
use std::str::from_utf8;

use super::views::Text;
use super::{Rows, View};
use crate::identity::{self, AssumedRole, Denial};
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
pub(super) fn inputs(projection: Projection) -> Projection {
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

/// Fills what is empty in the rows and follows from the rest of them. What is not asked for is not
/// derived, and a column that no row has is not looked at.
pub(super) fn derive(rows: &mut Rows, block: &[u8]) {
    let projection = rows.layout.projection;
    SAYS_ABSENT.iter().for_each(|field| keep_dashes(rows, *field));
    let asked = |from: Field| {
        let mut derived = DERIVED.iter().filter(|(_, needs)| needs.first() == Some(&from));
        derived.any(|(field, _)| projection.contains(*field))
    };
    let mut principals = HashMap::new();
    for (from, derive) in RULES {
        if !asked(from) {
            continue;
        }
        let views = rows.column(from).iter().map(|cell| View::in_cell(*cell)).enumerate();
        let long: Vec<_> =
            views.filter(|(_, view)| view.len() >= SHORTEST).map(|(row, _)| row).collect();
        for row in long {
            derive(&mut At { rows, row, block }, &mut principals);
        }
    }
}

/// Columns in which `-` tells more than nothing: a request without a VPC endpoint came through none.
const SAYS_ABSENT: [Field; 2] = [Field::VpcId, Field::VpceId];

/// Makes a value of each `-` of a column.
fn keep_dashes(rows: &mut Rows, field: Field) {
    if !rows.layout.projection.contains(field) {
        return;
    }
    let cells = rows.column(field).iter().enumerate();
    let dashes = cells.filter(|(_, cell)| View::in_cell(**cell).is_unset());
    let dashes: Vec<usize> = dashes.map(|(row, _)| row).collect();
    dashes.into_iter().for_each(|row| rows.put(row, field, View::DASH));
}

/// The principals' ARNs by the sessions', as far as they are written already.
type Principals = HashMap<Box<[u8]>, View>;

/// What follows from a column.
type Rule = (Field, fn(&mut At<'_, '_>, &mut Principals));

const RULES: [Rule; 3] = [
    (Field::UserArn, |at, principals| at.caller(principals)),
    (Field::ErrorMessage, |at, _| at.denial()),
    (Field::DomainName, |at, _| at.domain()),
];

/// A row whose columns are derived.
struct At<'r, 'b> {
    rows: &'r mut Rows,
    row: usize,
    block: &'b [u8],
}

impl At<'_, '_> {
    fn caller(&mut self, principals: &mut Principals) {
        let (view, arn) = (self.view(Field::UserArn), self.text(Field::UserArn));
        let arn = from_utf8(&arn).unwrap_or_default();
        let part = |of| part(view, arn, of);
        let Some(session) = AssumedRole::parse(arn) else {
            let account = identity::account(arn).map_or(View::NONE, part);
            self.fill(Field::CallerAccount, account);
            self.fill(Field::PrincipalArn, view);
            return;
        };
        let [role, name, account] = [session.role, session.session, session.account].map(part);
        if self.rows.lacks(self.row, Field::PrincipalArn) {
            let principal = match principals.get(arn.as_bytes()) {
                Some(&principal) => principal,
                None => {
                    let AssumedRole { partition, account, role, .. } = session;
                    let principal = format!("arn:{partition}:iam::{account}:role/{role}");
                    let key = arn.as_bytes().into();
                    let principal = self.rows.keep(&principal);
                    principals.insert(key, principal);
                    principal
                }
            };
            self.fill(Field::PrincipalArn, principal);
        }
        self.fill(Field::Role, role);
        self.fill(Field::Session, name);
        self.fill(Field::CallerAccount, account);
    }

    fn denial(&mut self) {
        let (view, message) = (self.view(Field::ErrorMessage), self.text(Field::ErrorMessage));
        let message = from_utf8(&message).unwrap_or_default();
        let Some(denial) = Denial::parse(message) else { return };
        let part = |of: Option<&str>| of.map_or(View::NONE, |of| part(view, message, of));
        let (action, by) = (part(denial.action), part(denial.policy_type));
        let resource = part(denial.resource);
        let masked = denial.resource.filter(|resource| resource.contains(":*"));
        let unmasked = masked.and_then(|masked| self.unmask(masked));
        let explicit = denial.explicit;
        self.fill(Field::Action, action);
        self.fill(Field::DeniedBy, by);
        if self.rows.lacks(self.row, Field::Resource) {
            let resource = unmasked.map_or(resource, |unmasked| self.rows.keep(&unmasked));
            self.fill(Field::Resource, resource);
        }
        if self.rows.lacks(self.row, Field::DeniedExplicitly) {
            let flag = self.rows.keep(if explicit { "true" } else { "false" });
            self.fill(Field::DeniedExplicitly, flag);
        }
    }

    /// Restores an account with the account ids that the row names. The API's own account decides
    /// alone.
    fn unmask(&self, masked: &str) -> Option<String> {
        let [owner, caller, user] =
            [Field::AccountId, Field::CallerAccount, Field::UserArn].map(|field| self.text(field));
        let [owner, caller, user] =
            [&owner, &caller, &user].map(|text| from_utf8(text).unwrap_or_default());
        match owner {
            "" => identity::unmask(masked, [caller, identity::account(user).unwrap_or("")]),
            owner => identity::unmask(masked, [owner]),
        }
    }

    /// `API.execute-api.REGION.amazonaws.com`
    fn domain(&mut self) {
        let (view, domain) = (self.view(Field::DomainName), self.text(Field::DomainName));
        let domain = from_utf8(&domain).unwrap_or_default();
        let Some((api, rest)) = domain.split_once(".execute-api.") else { return };
        let Some((region, _)) = rest.split_once('.') else { return };
        let (api, region) = (part(view, domain, api), part(view, domain, region));
        self.fill(Field::ApiId, api);
        self.fill(Field::Region, region);
    }

    fn view(&self, field: Field) -> View {
        self.rows.view(self.row, field)
    }

    fn text(&self, field: Field) -> Text<'_> {
        self.view(field).text(self.block, &self.rows.scratch)
    }

    fn fill(&mut self, field: Field, view: View) {
        self.rows.fill(self.row, field, view);
    }
}

/// The view of `part`, a slice of `whole`, of which that is the view.
fn part(view: View, whole: &str, part: &str) -> View {
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
    from.map_or(View::NONE, |from| view.part(whole.as_bytes(), from, from + part.len()))
}
