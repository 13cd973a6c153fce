//! What the author may have meant.

use crate::operator::{OPERATORS, Operator};

/// Longer names are not compared: the comparison costs the product of the lengths.
const NAME_BYTES_MAX: usize = 64;

/// The candidate closest to `found`: equal but for case, or a few typing errors away.
pub(super) fn closest<'c>(
    found: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if found.len() > NAME_BYTES_MAX {
        return None;
    }
    let distance = |candidate: &str| {
        if candidate.eq_ignore_ascii_case(found) {
            return 0;
        }
        strsim::osa_distance(&found.to_lowercase(), &candidate.to_lowercase())
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The operator closest to `found`, prefix and suffix looked at by themselves.
pub(super) fn closest_operator(found: &str) -> Option<String> {
    let (prefix, rest) = match found.split_once(':') {
        None => ("", found),
        Some((prefix, rest)) => (closest(prefix, ["ForAllValues", "ForAnyValue"])?, rest),
    };
    let (base, suffix) = split_if_exists(rest);
    let base = closest(base, OPERATORS.iter().map(|(name, ..)| *name))?;
    let colon = if prefix.is_empty() { "" } else { ":" };
    let suffix = if base == "Null" { "" } else { suffix };
    let name = format!("{prefix}{colon}{base}{suffix}");
    Operator::parse(&name).map(|_| name)
}

fn split_if_exists(name: &str) -> (&str, &str) {
    let at = name.len().saturating_sub("IfExists".len());
    match (name.get(..at), name.get(at..)) {
        (Some(base), Some(suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (base, "IfExists"),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &str, expected: Option<&str>) {
        assert_eq!(closest_operator(found).as_deref(), expected, "{found}");
    }

    #[test]
    fn operators_are_recognized_by_their_parts() {
        check("stringEquals", Some("StringEquals"));
        check("StringEqualz", Some("StringEquals"));
        check("StringEqual", Some("StringEquals"));
        check("ForAnyValues:StringLike", Some("ForAnyValue:StringLike"));
        check("forallvalue:stringequalsifexists", Some("ForAllValues:StringEqualsIfExists"));
        check("NullIfExists", Some("Null"));
        check("IpAdress", Some("IpAddress"));
        check("NotIPAddress", Some("NotIpAddress"));
        check("Regex", None);
        check("For:StringEquals", None);
        check(&"S".repeat(1 << 20), None);
    }
}
