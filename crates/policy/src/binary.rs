//! Base64 and truth values, the values of `BinaryEquals`, `Bool` and `Null`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes that a base64 text stands for. `None` unless it is the standard alphabet with its
/// padding, as [RFC 4648] section 4 writes it. One text stands for one run of bytes, so two valid
/// texts are equal exactly when their bytes are.
///
/// [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648
pub fn parse_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// `true` or `false`, in any case **(our choice: the guide writes lower case, and AWS takes what
/// templating tools make of it, such as `True`)**. `None` for anything else.
pub fn parse_bool(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(name, value)| text.eq_ignore_ascii_case(name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_keeps_case_and_needs_its_padding() {
        assert_eq!(parse_base64("QmluYXJ5VmFsdWU="), Some(b"BinaryValue".to_vec()));
        assert_ne!(parse_base64("QmluYXJ5"), parse_base64("qmluyxj5"));
        assert_eq!(parse_base64(""), Some(Vec::new()));
        for text in ["QQ", "QR==", "Q Q=", "_-8=", "é"] {
            assert_eq!(parse_base64(text), None, "{text}");
        }
    }

    #[test]
    fn truth_is_written_in_any_case() {
        assert_eq!(parse_bool("true"), Some(true));
        assert_eq!(parse_bool("False"), Some(false));
        assert_eq!(parse_bool("1"), None);
    }
}
