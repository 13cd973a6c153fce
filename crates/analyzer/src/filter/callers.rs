//! Callers as reports print them.

use std::borrow::Cow;

use tollgate_store::distance;

use crate::detail::any_session;
use crate::dimension::{Dimension, role_key};
use crate::text::short_caller;

/// Whether reports call a caller so: in full or briefly, with its account where another is called the same,
/// or as one of the sessions of its role.
pub(super) fn is_called(caller: &str, name: &str) -> bool {
    if caller == name {
        return true;
    }
    if let Some(role) = all_sessions(name) {
        return is_session(caller, role);
    }
    if let Some((of, note)) = noted(name) {
        return account(caller) == note && is_called(caller, of);
    }
    if name.ends_with("/*") {
        let together = any_session(caller);
        return together != caller && (together == name || short_caller(&together) == name);
    }
    match name.strip_prefix("arn:") {
        // The sessions of a role leave its path out.
        Some(_) => name.split_once(":role/").is_some_and(|(_, role)| {
            account(caller) == account(name) && is_session(caller, last(role))
        }),
        None => {
            short_caller(caller) == name
                || name.strip_prefix("role/").is_some_and(|role| is_session(caller, last(role)))
        }
    }
}

/// The role of which a name tells how many sessions called alike: `web (2 sessions)`.
pub(super) fn all_sessions(name: &str) -> Option<&str> {
    let (role, note) = noted(name)?;
    note.strip_suffix(" sessions").or(note.strip_suffix(" session")).map(|_| role)
}

/// A name, and what stands in parentheses behind it.
fn noted(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(')')?.rsplit_once(" (")
}

/// Whether a caller is a session of the role of this name, behind which its account may stand.
fn is_session(caller: &str, role: &str) -> bool {
    let key = role_key(caller);
    let is_one = |name| key.len() < caller.len() && short_caller(key) == name;
    match noted(role) {
        Some((role, of)) => account(caller) == of && is_one(role),
        None => is_one(role),
    }
}

/// The name of a caller that is nearest to another name, its own or that of its role, and how far it is if
/// it is near. It is an ARN if the other is.
pub(super) fn nearest_name<'c>(caller: &'c str, wanted: &str) -> (Option<usize>, Cow<'c, str>) {
    let is_arn = wanted.starts_with("arn:");
    let wanted = if is_arn { short_caller(wanted) } else { wanted };
    let own = short_caller(caller);
    let far = |name: &str| match wanted.contains('/') || wanted.ends_with(')') {
        true => distance(&without_notes(wanted), name),
        false => distance(wanted, last(name)),
    };
    let key = role_key(caller);
    let role = (key.len() < caller.len()).then(|| format!("role/{}", short_caller(key)));
    let of_role = role.and_then(|role| Some((far(&role)?, role)));
    match (far(own), of_role) {
        (of_own, Some((of_role, role))) if of_own.is_none_or(|of_own| of_role < of_own) => {
            (Some(of_role), if is_arn { Dimension::Role.value(key) } else { role.into() })
        }
        (of_own, _) => (of_own, if is_arn { caller } else { own }.into()),
    }
}

/// A name without its account and number of sessions, without the path that a role lies at, and without what
/// is before that of a session in its ARN.
fn without_notes(wanted: &str) -> Cow<'_, str> {
    let (name, _) = noted(wanted).unwrap_or((wanted, ""));
    match name.strip_prefix("role/").or(all_sessions(wanted)) {
        Some(role) => format!("role/{}", last(role)).into(),
        None => name.strip_prefix("assumed-role/").unwrap_or(name).into(),
    }
}

/// The account of an ARN; nothing of anything else.
fn account(caller: &str) -> &str {
    caller.split(':').nth(4).unwrap_or_default()
}

/// A name without the path that it lies at.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: [bool; 3]) {
        let callers = [
            "arn:aws:sts::111111111111:assumed-role/web/s-1",
            "arn:aws:sts::222222222222:assumed-role/web/s-2",
            "arn:aws:iam::111111111111:user/web",
        ];
        assert_eq!(callers.map(|caller| is_called(caller, name)), expected, "{name}");
    }

    #[test]
    fn a_caller_has_all_names_that_reports_give_it() {
        check("arn:aws:sts::111111111111:assumed-role/web/s-1", [true, false, false]);
        check("web/s-1", [true, false, false]);
        check("web/s-1 (111111111111)", [true, false, false]);
        check("web/s-1 (222222222222)", [false; 3]);
        check("role/web", [true, true, false]);
        check("role/team/web", [true, true, false]);
        check("role/web (222222222222)", [false, true, false]);
        check("arn:aws:iam::222222222222:role/web", [false, true, false]);
        check("arn:aws:iam::222222222222:role/team/web", [false, true, false]);
        check("web/*", [true, true, false]);
        check("web/* (222222222222)", [false, true, false]);
        check("arn:aws:sts::222222222222:assumed-role/web/*", [false, true, false]);
        check("user/*", [false; 3]);
        check("web (2 sessions)", [true, true, false]);
        check("web (222222222222) (1 session)", [false, true, false]);
        check("user/web", [false, false, true]);
        check("web", [false; 3]);
        check("anonymous", [false; 3]);
        assert!(is_called("anonymous", "anonymous") && is_called("a (b)", "a (b)"));
    }

    #[test]
    fn near_a_name_are_callers_and_their_roles() {
        let check = |wanted: &str, expected: [(Option<usize>, &str); 2]| {
            let callers = [
                "arn:aws:sts::123456789012:assumed-role/analytics/nightly-1",
                "arn:aws:iam::123456789012:user/ana",
            ];
            let found = callers.map(|caller| nearest_name(caller, wanted));
            assert_eq!(found, expected.map(|(far, name)| (far, name.into())), "{wanted}");
        };
        let ana = (None, "user/ana");
        check("analytics", [(Some(0), "role/analytics"), ana]);
        check("role/Analytics", [(Some(0), "role/analytics"), ana]);
        check("role/analitics", [(Some(1), "role/analytics"), ana]);
        check("role/team/analitics", [(Some(1), "role/analytics"), ana]);
        check("role/analytics (2 sessions)", [(Some(0), "role/analytics"), ana]);
        check("analitics (2 sessions)", [(Some(1), "role/analytics"), ana]);
        check("anlytics/nightly-1", [(Some(1), "analytics/nightly-1"), ana]);
        check("assumed-role/analytics/nightly-1", [(Some(0), "analytics/nightly-1"), ana]);
        check("nightly-1", [(Some(0), "analytics/nightly-1"), ana]);
        check("ana", [(None, "analytics/nightly-1"), (Some(0), "user/ana")]);
        check("user/Ana", [(None, "analytics/nightly-1"), (Some(0), "user/ana")]);
        let [session, user] = [
            "arn:aws:sts::123456789012:assumed-role/analytics/nightly-1",
            "arn:aws:iam::123456789012:user/ana",
        ];
        let role = "arn:aws:iam::123456789012:role/analytics";
        let analitics = "arn:aws:iam::123456789012:role/analitics";
        check(analitics, [(Some(1), role), (None, user)]);
        check("arn:aws:iam::123456789012:user/anna", [(None, session), (Some(1), user)]);
    }
}
