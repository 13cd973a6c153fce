//! Who a user ARN means, and what a denial's text says.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::{memchr_iter, memmem::Finder};

/// An assumed role's session, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssumedRole<'a> {
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// The role's account.
    pub account: &'a str,
    /// The role's name. Its path is not part of a session's ARN.
    pub role: &'a str,
    /// The session's name.
    pub session: &'a str,
}

impl<'a> AssumedRole<'a> {
    /// Takes `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` apart.
    ///
    /// ```
    /// use tollgate_log::identity::AssumedRole;
    ///
    /// let arn = "arn:aws:sts::111122223333:assumed-role/deploy/run-7";
    /// let session = AssumedRole::parse(arn).expect("it is one");
    /// assert_eq!((session.role, session.session), ("deploy", "run-7"));
    /// ```
    pub fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
        let partition = parts.next()?;
        let ("sts", "") = (parts.next()?, parts.next()?) else { return None };
        let account = parts.next()?;
        let (role, session) = parts.next()?.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(AssumedRole { partition, account, role, session })
    }
}

/// The account of an ARN, if it has one.
pub fn account(arn: &str) -> Option<&str> {
    arn.get(account_in(arn)?)
}

/// Where the account stands in an ARN.
fn account_in(arn: &str) -> Option<Range<usize>> {
    let mut colons = memchr_iter(b':', arn.as_bytes()).skip(3);
    let start = colons.next()? + 1;
    let end = colons.next().unwrap_or(arn.len());
    (arn.starts_with("arn:") && start < end).then_some(start..end)
}

/// Restores the account id that API Gateway masks in its error messages
/// (`********9012`), if exactly one of the `known` ids ends like it.
///
/// Returns nothing if there is nothing to restore.
pub fn unmask<'a>(arn: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let place = account_in(arn)?;
    let masked = arn.get(place.clone())?;
    let visible = masked.trim_start_matches('*');
    if visible.len() == masked.len() {
        return None;
    }
    let mut candidates = known
        .into_iter()
        .filter(|id| id.len() == masked.len() && id.ends_with(visible) && !id.contains('*'));
    let only = candidates.next()?;
    if candidates.any(|other| other != only) {
        return None;
    }
    Some([arn.get(..place.start)?, only, arn.get(place.end..)?].concat())
}

/// A phrase of denials, ready to be searched for.
type Phrase = LazyLock<Finder<'static>>;

static NOT_AUTHORIZED: Phrase = LazyLock::new(|| Finder::new("is not authorized to "));
static ON_RESOURCE: Phrase = LazyLock::new(|| Finder::new(" on resource: "));
static BECAUSE_NO: Phrase = LazyLock::new(|| Finder::new(" because no "));
static EXPLICIT_DENY: Phrase = LazyLock::new(|| Finder::new(" with an explicit deny"));

/// What stands before a phrase, and after it.
fn split_once<'t>(text: &'t str, phrase: &Finder<'_>) -> Option<(&'t str, &'t str)> {
    let at = phrase.find(text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + phrase.needle().len()..)?))
}

/// What the text of a denial says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Denial<'a> {
    /// The action, `execute-api:Invoke`.
    pub action: Option<&'a str>,
    /// The resource: an ARN (its account may be masked), or a kind and name
    /// such as `user pentester`.
    pub resource: Option<&'a str>,
    /// The policy type that decided, if the text names one: `identity-based`.
    pub policy_type: Option<&'a str>,
    /// Whether a `Deny` statement matched.
    pub explicit: bool,
}

impl<'a> Denial<'a> {
    /// Reads `User: ARN is not authorized to perform: ACTION [on resource: …]
    /// [because no … policy allows … | with an explicit deny [in a(n) … policy]]`
    /// or API Gateway's `User is not authorized to access this resource …`.
    ///
    /// Returns nothing for any other text.
    pub fn parse(message: &'a str) -> Option<Self> {
        let (_, rest) = split_once(message, &NOT_AUTHORIZED)?;
        let (what, why) = split_reason(rest);
        let (action, resource) = match what.strip_prefix("perform: ") {
            Some(what) => match split_once(what, &ON_RESOURCE) {
                Some((action, resource)) => (Some(action), Some(resource.trim_matches('"'))),
                None => (Some(what), None),
            },
            None => (None, None),
        };
        let explicit = why.starts_with("with an explicit deny");
        Some(Denial { action, resource, policy_type: policy_type(why), explicit })
    }
}

/// Splits `ACTION on resource: R because …` before the reason.
fn split_reason(text: &str) -> (&str, &str) {
    let find = |phrase: &Finder<'_>| phrase.find(text.as_bytes());
    let at = find(&BECAUSE_NO).or_else(|| find(&EXPLICIT_DENY));
    let (what, why) = at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
    (what.trim_end_matches(['.', ' ']), why.trim_start())
}

fn policy_type(why: &str) -> Option<&str> {
    let rest = why
        .strip_prefix("because no ")
        .or_else(|| why.strip_prefix("with an explicit deny in an "))
        .or_else(|| why.strip_prefix("with an explicit deny in a "))?;
    rest.split_once(" policy").map(|(policy_type, _)| policy_type).or_else(|| {
        let boundary = "permissions boundary";
        rest.get(..boundary.len()).filter(|named| *named == boundary)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_is_an_assumed_role() {
        let session = AssumedRole::parse("arn:aws:sts::111122223333:assumed-role/r/s/t").unwrap();
        assert_eq!((session.account, session.role, session.session), ("111122223333", "r", "s/t"));
        for other in ["arn:aws:iam::111122223333:user/ana", "arn:aws:iam::1:role/r", "", "-"] {
            assert_eq!(AssumedRole::parse(other), None, "`{other}`");
        }
    }

    #[track_caller]
    fn check_unmask(known: &[&str], expected: Option<&str>) {
        let arn = "arn:aws:execute-api:us-east-1:********9012:a/prod/GET/x";
        assert_eq!(unmask(arn, known.iter().copied()).as_deref(), expected);
    }

    #[test]
    fn a_masked_account_is_restored_when_unambiguous() {
        let restored = "arn:aws:execute-api:us-east-1:123456789012:a/prod/GET/x";
        check_unmask(&["123456789012", "210987654321", "123456789012"], Some(restored));
        check_unmask(&["123456789012", "999999999012"], None);
        check_unmask(&["210987654321"], None);
        assert_eq!(unmask("arn:aws:s3:::bucket", ["1"]), None);
    }

    #[track_caller]
    fn check(message: &str, expected: (Option<&str>, Option<&str>, Option<&str>, bool)) {
        let denial = Denial::parse(message).unwrap();
        let actual = (denial.action, denial.resource, denial.policy_type, denial.explicit);
        assert_eq!(actual, expected, "`{message}`");
    }

    #[test]
    fn the_grammar_of_denials() {
        check(
            "User: arn:aws:iam::1:user/a is not authorized to perform: s3:ListBucket on resource: \
             \"arn:aws:s3:::b\" because no identity-based policy allows the s3:ListBucket action",
            (Some("s3:ListBucket"), Some("arn:aws:s3:::b"), Some("identity-based"), false),
        );
        check(
            "User: anonymous is not authorized to perform: execute-api:Invoke on resource: \
             arn:aws:execute-api:eu-west-1:********3333:api/stage/GET/x with an explicit deny",
            (
                Some("execute-api:Invoke"),
                Some("arn:aws:execute-api:eu-west-1:********3333:api/stage/GET/x"),
                None,
                true,
            ),
        );
        check(
            "User: x is not authorized to perform: kms:Decrypt with an explicit deny in a service control policy",
            (Some("kms:Decrypt"), None, Some("service control"), true),
        );
        check(
            "User: x is not authorized to perform: iam:Tag on resource: user pen because no \
             permissions boundary allows the iam:Tag action",
            (Some("iam:Tag"), Some("user pen"), Some("permissions boundary"), false),
        );
        check(
            "User is not authorized to access this resource with an explicit deny",
            (None, None, None, true),
        );
        assert_eq!(Denial::parse("Missing Authentication Token"), None);
    }
}
