//! The proof, without which nothing is printed: what is suggested is within what is granted now, and
//! the whole log, replayed, is decided as before wherever that matters.

use std::fmt;

use tollgate_log::Batch;
use tollgate_policy::{
    Decision, Effect, Outcome, Policies, PolicyDocument, PolicyErrors, Principal, Request, Scope,
    authorize,
};
use tollgate_store::Account;

use super::calls::{Calls, Reader, Seen};
use super::grants::Grants;
use super::observe::Chosen;
use crate::call;
use crate::intern::slot;
use crate::verdict::Logged;

/// Examples of what refutes a suggestion.
const EXAMPLES_MAX: usize = 5;

/// A suggestion that was not proven, which is an error of tollgate's own.
#[derive(Debug)]
pub enum Unproven {
    /// What was written is not a policy.
    Unreadable(PolicyErrors),
    /// A statement is not found to be within any that is in force.
    NotWithin {
        /// Whose policy it is.
        principal: String,
        /// The statement, or the present Deny that is missing.
        statement: String,
    },
    /// Calls are decided otherwise.
    Refuted {
        /// How many.
        calls: u64,
        /// Some of them.
        examples: Vec<String>,
    },
    /// The log was not the same when it was read again; then nothing is wrong with the suggestion.
    Changed {
        /// Calls when it was read first.
        first: u64,
        /// Calls when it was read again.
        again: u64,
    },
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unproven::Unreadable(errors) => write!(f, "the suggestion is no policy: {errors}"),
            Unproven::NotWithin { principal, statement } => write!(
                f,
                "not shown to be within the present policies of `{principal}`: {statement}"
            ),
            Unproven::Refuted { calls, examples } => {
                write!(f, "replayed, {calls} calls are decided otherwise")?;
                examples.iter().try_for_each(|example| write!(f, "\n  {example}"))
            }
            Unproven::Changed { first, again } => {
                write!(f, "the log changed while it was read: {first} calls at first, then {again}")
            }
        }
    }
}

impl std::error::Error for Unproven {}

/// Whether every Allow is within an Allow in force, and every Deny in force is kept.
pub(crate) fn is_within(documents: &[PolicyDocument], grants: &Grants<'_>) -> Result<(), Unproven> {
    let new: Vec<Scope<'_>> = documents.iter().flat_map(Scope::all).collect();
    let statements = documents.iter().flat_map(PolicyDocument::statements);
    let not_within = |statement: String| Unproven::NotWithin {
        principal: grants.subject.arn().to_owned(),
        statement,
    };
    let of = |scope: &Scope<'_>, effect| scope.effect() == effect;
    for (scope, statement) in new.iter().zip(statements) {
        let mut present = grants.statements.iter().map(|present| &present.scope);
        let is_covered = |it: &Scope<'_>| of(it, Effect::Allow) && it.covers(scope);
        if of(scope, Effect::Allow) && !present.any(is_covered) {
            return Err(not_within(serde_json::to_string(statement).unwrap_or_default()));
        }
    }
    for present in &grants.statements {
        let keeps = |it: &Scope<'_>| of(it, Effect::Deny) && it.covers(&present.scope);
        if of(&present.scope, Effect::Deny) && !new.iter().any(keeps) {
            let text = serde_json::to_string(present.statement).unwrap_or_default();
            return Err(not_within(text));
        }
    }
    Ok(())
}

/// The calls of a principal that were decided twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// All of them.
    pub(crate) calls: u64,
    /// Those that may have been allowed, were refused, and are denied now.
    pub(crate) denied: u64,
}

/// What replaying came to, for the calls of the chosen principals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// By chosen principal.
    pub(crate) calls: Vec<Again>,
    /// Calls that are decided otherwise, and some of them.
    broken: u64,
    examples: Vec<String>,
    requests: u64,
}

/// Decides calls again, for one worker.
pub(crate) struct Prover<'p, 'a> {
    reader: Reader<'a>,
    chosen: &'p Chosen<'a>,
    suggested: &'p Account,
    /// By the number of what decides a call now: what is suggested in its place.
    instead: Vec<Option<Policies<'p>>>,
    replayed: Replayed,
}

impl<'p, 'a> Prover<'p, 'a> {
    pub(crate) fn new(
        calls: Calls<'a>,
        chosen: &'p Chosen<'a>,
        suggested: &'p Account,
    ) -> Prover<'p, 'a> {
        let replayed =
            Replayed { calls: vec![Again::default(); chosen.grants.len()], ..Replayed::default() };
        let reader = Reader::new(calls);
        Prover { reader, chosen, suggested, instead: Vec::new(), replayed }
    }

    pub(crate) fn check(&mut self, batch: &Batch<'_>) {
        let Prover { reader, chosen, suggested, instead, replayed } = self;
        reader.read(batch, |seen| {
            let (Some(index), Ok(before)) = (chosen.index(seen.subject.arn()), seen.decided) else {
                return;
            };
            let request = seen.request;
            let number = u32::try_from(seen.binding).unwrap_or(u32::MAX);
            let instead =
                slot(instead, number).get_or_insert_with(|| policies(suggested, seen, request));
            let after = authorize(instead, request);
            if let Some(again) = replayed.calls.get_mut(index) {
                again.calls += 1;
                again.denied += u64::from(is_denied_now(before.outcome, after.outcome));
            }
            if !is_kept(before.outcome, after.outcome, seen.logged) {
                replayed.note(request, before, &after);
            }
        });
    }

    pub(crate) fn finish(self) -> Replayed {
        Replayed { requests: self.reader.counted().requests, ..self.replayed }
    }
}

/// What would decide a call.
fn policies<'p>(
    suggested: &'p Account,
    seen: &Seen<'_, '_, '_>,
    request: &Request<'_>,
) -> Policies<'p> {
    let principal: &Principal<'_> = request.principal();
    let api = seen.api.and_then(|api| suggested.api(api.api().id));
    let api = api.map(|api| call::called(api, seen.row, seen.method, seen.path));
    suggested.policies_for(principal, api).policies()
}

/// What was allowed stays allowed, what may have been allowed and passed may still be, and nothing
/// is allowed any more than before.
fn is_kept(before: Outcome, after: Outcome, logged: Logged) -> bool {
    match before {
        Outcome::Allowed => after == Outcome::Allowed,
        Outcome::Indeterminate if logged == Logged::Refused => after != Outcome::Allowed,
        Outcome::Indeterminate => after == Outcome::Indeterminate,
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => {
            matches!(after, Outcome::ExplicitDeny | Outcome::ImplicitDeny)
        }
    }
}

/// Whether a call that may have been allowed is denied.
fn is_denied_now(before: Outcome, after: Outcome) -> bool {
    before == Outcome::Indeterminate && after != Outcome::Indeterminate
}

impl Replayed {
    fn note(&mut self, request: &Request<'_>, before: &Decision, after: &Decision) {
        self.broken += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!(
                "{} {} by {}: {} before, {} after",
                request.action(),
                request.resource(),
                request.principal().as_str(),
                before.outcome,
                after.outcome
            ));
        }
    }

    pub(crate) fn merge(&mut self, other: Replayed) {
        if self.calls.is_empty() {
            self.calls = vec![Again::default(); other.calls.len()];
        }
        for (held, more) in self.calls.iter_mut().zip(other.calls) {
            held.calls += more.calls;
            held.denied += more.denied;
        }
        self.broken += other.broken;
        self.requests += other.requests;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
    }

    /// What became of the calls by principal, if no call is decided otherwise where that matters.
    pub(crate) fn judge(self, first: u64) -> Result<Vec<Again>, Unproven> {
        match (self.requests == first, self.broken) {
            (false, _) => Err(Unproven::Changed { first, again: self.requests }),
            (true, 0) => Ok(self.calls),
            (true, calls) => Err(Unproven::Refuted { calls, examples: self.examples }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use tollgate_policy::PolicyType;

    use super::*;

    const PRESENT: &str = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "execute-api:*", "Resource": "arn:aws:execute-api:*:*:a/*",
         "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:execute-api:*:*:a/*/DELETE/*"}]}"#;

    /// Whether a suggestion of these statements is within [`PRESENT`].
    fn within(statements: &str) -> Result<(), Unproven> {
        let manifest = "account = \"111122223333\"\nregion = \"eu-west-1\"\n[[principal]]\n\
                        arn = \"arn:aws:iam::111122223333:user/ana\"\npolicies = [\"p.json\"]\n";
        let files: BTreeMap<PathBuf, String> = [("tollgate.toml", manifest), ("p.json", PRESENT)]
            .map(|(path, text)| (path.into(), text.to_owned()))
            .into();
        let account = Account::read(&files, Path::new("tollgate.toml")).unwrap();
        let grants = Grants::of(&account, account.subjects().first().unwrap());
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        is_within(&[PolicyDocument::parse(&text, PolicyType::Identity).unwrap()], &grants)
    }

    const DENY: &str =
        r#"{"Effect": "Deny", "Action": "*", "Resource": "arn:aws:execute-api:*:*:a/*"}"#;

    fn allow(path: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect": "Allow", "Action": "execute-api:Invoke", {condition}
                "Resource": "arn:aws:execute-api:eu-west-1:111122223333:{path}"}}, {DENY}"#
        )
    }

    #[test]
    fn a_suggestion_is_within_the_present_policies_or_refused() {
        let mfa = r#""Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},"#;
        within(&allow("a/prod/GET/x", mfa)).unwrap();
        let refused = |statements: &str| match within(statements) {
            Err(Unproven::NotWithin { statement, .. }) => statement,
            other => panic!("{other:?}"),
        };
        assert!(refused(&allow("b/prod/GET/x", mfa)).contains("/GET/x"));
        assert!(refused(&allow("a/prod/GET/x", "")).contains("Allow"));
        // Without the Deny, what others grant is granted.
        let (alone, _) = allow("a/prod/GET/x", mfa)
            .rsplit_once(", {")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert!(refused(&alone).contains("/DELETE/*"));
    }

    #[test]
    fn a_call_is_decided_as_before_where_that_matters() {
        use Outcome::{Allowed, ExplicitDeny, ImplicitDeny, Indeterminate};
        for before in [Allowed, ExplicitDeny, ImplicitDeny, Indeterminate] {
            assert!(is_kept(before, before, Logged::Passed), "{before}");
            assert_eq!(is_kept(before, Allowed, Logged::Passed), before == Allowed, "{before}");
        }
        assert!(is_kept(ExplicitDeny, ImplicitDeny, Logged::Passed));
        assert!(!is_kept(ImplicitDeny, Indeterminate, Logged::Refused));
        assert!(!is_kept(Indeterminate, ImplicitDeny, Logged::Passed));
        assert!(is_kept(Indeterminate, ImplicitDeny, Logged::Refused));
        assert!(!is_kept(Indeterminate, Allowed, Logged::Refused));
    }

    #[test]
    fn a_log_that_grew_is_no_refutation() {
        let replayed = |requests, broken| Replayed { requests, broken, ..Replayed::default() };
        assert!(replayed(5, 0).judge(5).is_ok());
        assert!(matches!(replayed(5, 1).judge(5), Err(Unproven::Refuted { calls: 1, .. })));
        let grown = replayed(6, 1).judge(5);
        assert!(matches!(grown, Err(Unproven::Changed { first: 5, again: 6 })));
    }
}
