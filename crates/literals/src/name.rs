//! Texts that read as names: `GITHUB_TOKEN`, `/run/secrets/github`, `prod/billing-api`.

use crate::literals;

/// The longest text that is taken for a name, and the longest word in one.
const NAME_BYTES_MAX: usize = 128;
const WORD_LETTERS_MAX: usize = 16;
/// The most digits at the end of a word: a year, a port.
const WORD_DIGITS_MAX: usize = 5;
/// The longest word whose letters and digits may be mixed, as in `k8s`. A name has one such at most.
const MIXED_MAX: usize = 3;

const SEPARATORS: [char; 7] = ['-', '_', '.', '/', ':', '~', ' '];

/// Whether a text reads as a name, so that nothing is lost if it is repeated: words of one case, or
/// of `camelCase`, each with a few digits behind it at most. Keys and tokens mix all of them.
pub fn is_name(text: &str) -> bool {
    let own = own_part(text);
    let words = || own.split(SEPARATORS).filter(|word| !word.is_empty());
    let (mixed, others): (Vec<&str>, Vec<&str>) = words().partition(|word| is_mixed(word));
    text.len() <= NAME_BYTES_MAX
        && mixed.len() <= 1
        && others.into_iter().all(is_word)
        && literals(text).is_empty()
}

/// The text if it reads as a name, else `…`: what a message says of it.
pub fn told(text: &str) -> &str {
    if is_name(text) { text } else { "…" }
}

/// What an ARN names of itself: without account and region, and for a secret without the six
/// characters that AWS ends its ARN with.
fn own_part(text: &str) -> &str {
    let Some(resource) = text.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4))
    else {
        return text;
    };
    let secret = resource.strip_prefix("secret:").and_then(|secret| secret.rsplit_once('-'));
    secret.filter(|(_, end)| end.len() == 6).map_or(resource, |(name, _)| name)
}

fn is_mixed(word: &str) -> bool {
    word.len() <= MIXED_MAX && word.bytes().all(|it| it.is_ascii_alphanumeric()) && !is_word(word)
}

fn is_word(word: &str) -> bool {
    let letters = word.trim_end_matches(|char: char| char.is_ascii_digit());
    let is_of = |is: fn(&u8) -> bool| letters.bytes().all(|byte| is(&byte));
    letters.len() <= WORD_LETTERS_MAX
        && word.len() - letters.len() <= WORD_DIGITS_MAX
        && (is_of(u8::is_ascii_lowercase) || is_of(u8::is_ascii_uppercase) || is_camel(letters))
}

/// `GitHub`, `accessKeyId`: parts of three letters or more, each with a capital at its start alone; the
/// last one may have two.
fn is_camel(letters: &str) -> bool {
    let mut parts = letters.split_inclusive(|char: char| char.is_ascii_uppercase()).peekable();
    // A part ends where the capital of the next one stands.
    let first = parts.next().unwrap_or_default();
    let small = |part: &str| part.bytes().filter(u8::is_ascii_lowercase).count();
    let is_plain = letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part = |part: &str, is_last: bool| small(part) + usize::from(is_last) >= 2;
    let mut are_parts = first.len() == 1 || small(first) >= 2;
    while let Some(part) = parts.next() {
        are_parts &= is_part(part, parts.peek().is_none());
    }
    is_plain && are_parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_files_and_entries_are_names() {
        for text in [
            "GITHUB_TOKEN",
            "OAUTH2_CLIENT_SECRET",
            "K8S_TOKEN",
            "q.secret",
            "/run/secrets/github-app",
            "prod/billing-api/token",
            "githubReader",
            "accessKeyId",
            "GitHubToken2026",
            "https://vault.internal:8200",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:github/token-a1B2c3",
            "secret",
            "bob",
        ] {
            assert!(is_name(text), "{text}");
            assert_eq!(told(text), text);
        }
    }

    #[test]
    fn keys_tokens_and_what_holds_them_are_none() {
        let token = format!("ghp_{}", "a".repeat(36));
        for text in [
            "SEKRITlit-9f8a7b6c5d4e3f2a1b0c",
            "9f8a7b6c5d4e3f2a1b0c",
            "A1B2-C3D4-E5F6-G7H8",
            "6f1e0c2a-1b2c-4d3e-8f90-a1b2c3d4e5f6",
            "ab/cd+ef==",
            "http://user:word@host",
            "http://host/?key=word",
            "1234567",
            "qwErTyUi",
            "é",
            &token,
        ] {
            assert!(!is_name(text), "{text}");
            assert_eq!(told(text), "…");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_random_key_is_a_name(text in "[a-z]{1,4}[0-9]{1,3}[A-Z]{1,4}[A-Za-z0-9+/=_.-]{8,40}") {
            proptest::prop_assert!(!is_name(&text));
        }
    }
}
