//! A third party's secret, in a type that does not print and is wiped when dropped.
//!
//! There is no `Display` and no `Serialize`, and `Debug` prints a placeholder. What could end a
//! header line, or a C string, is refused here, once, when the value is read: a secret that exists
//! can be injected.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest secret, in bytes: the most that AWS Secrets Manager keeps.
const LENGTH_MAX: usize = 64 * 1024;

/// A secret that can be injected: not empty, at most 64 KiB, without control characters.
#[derive(Clone)]
pub struct Secret(SecretString);

/// Why a value cannot be a secret. Says nothing about the value but the kind of what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing is there.
    Empty,
    /// It is longer than 64 KiB.
    TooLong,
    /// A carriage return, line feed, NUL or another control character but the tab, which would let
    /// the value end the header that it is written into.
    ControlCharacter(char),
}

impl Secret {
    /// Takes a value that was just read. The original is wiped.
    ///
    /// # Errors
    /// The value is empty, too long, or holds a control character.
    pub fn read(value: impl Into<Zeroizing<String>>) -> Result<Secret, Unfit> {
        let value: Zeroizing<String> = value.into();
        if value.is_empty() {
            return Err(Unfit::Empty);
        }
        if value.len() > LENGTH_MAX {
            return Err(Unfit::TooLong);
        }
        match value.chars().find(|&char| char.is_control() && char != '\t') {
            Some(control) => Err(Unfit::ControlCharacter(control)),
            None => Ok(Secret(SecretString::from(value.as_str()))),
        }
    }

    /// The value itself. Call this where it is written into a request, and where it is looked for
    /// in what must not carry it; nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether this is the same secret, in a time that tells no more than the lengths.
    pub fn is_same(&self, other: &Secret) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let control = match self {
            Unfit::Empty => return f.write_str("the value is empty"),
            Unfit::TooLong => return f.write_str("the value is longer than 64 KiB"),
            Unfit::ControlCharacter(control) => control,
        };
        match control {
            '\r' => f.write_str("the value contains a carriage return"),
            '\n' => f.write_str("the value contains a line feed"),
            '\0' => f.write_str("the value contains a NUL"),
            other => write!(f, "the value contains the control character U+{:04X}", *other as u32),
        }
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Result<(), &str>) {
        let read = Secret::read(value.to_owned());
        let actual = read.as_ref().map(Secret::expose).map_err(ToString::to_string);
        match expected {
            Ok(()) => assert_eq!(actual, Ok(value)),
            Err(message) => assert_eq!(actual, Err(message.to_owned())),
        }
    }

    #[test]
    fn what_could_end_a_header_is_refused() {
        check("vanilla\r", Err("the value contains a carriage return"));
        check("vanilla\nX-Admin: 1", Err("the value contains a line feed"));
        check("van\0illa", Err("the value contains a NUL"));
        check("van\u{7f}illa", Err("the value contains the control character U+007F"));
        check("van\u{85}illa", Err("the value contains the control character U+0085"));
    }

    #[test]
    fn every_other_text_is_a_secret() {
        check("vanilla", Ok(()));
        check("Grüße und\tKüsse", Ok(()));
        check(&"x".repeat(LENGTH_MAX), Ok(()));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        check("", Err("the value is empty"));
        check(&"x".repeat(LENGTH_MAX + 1), Err("the value is longer than 64 KiB"));
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::read("vanilla".to_owned()).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
        assert!(!format!("{:#?}", Some(secret)).contains("vanilla"));
    }

    #[test]
    fn secrets_compare_by_value() {
        let read = |value: &str| Secret::read(value.to_owned()).unwrap();
        assert!(read("vanilla").is_same(&read("vanilla")));
        assert!(!read("vanilla").is_same(&read("vanille")));
        assert!(!read("vanilla").is_same(&read("van")));
    }
}
