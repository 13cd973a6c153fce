//! An accepted path can be read in one way only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_sigv4::{PathRule, RequestTarget};

/// Decodes each escape, once.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let escape = digits.filter(|_| *first == b'%');
        let value = escape.map(|digits| u8::from_str_radix(digits, 16).expect("an escape"));
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

fuzz_target!(|input: (u8, &[u8])| {
    let (options, path) = input;
    let rule = PathRule { encoded_slash: options & 1 == 1, semicolon: options & 2 == 2 };
    let Ok(accepted) = rule.accept(&RequestTarget::origin(path)) else { return };

    let again = rule.accept(&RequestTarget::origin(accepted.as_str().as_bytes()));
    assert_eq!(again.as_ref(), Ok(&accepted), "accepted once, accepted again, unchanged");

    let text = String::from_utf8(decoded(accepted.as_str())).expect("UTF-8 once decoded");
    assert!(!text.contains("//") && !text.contains('\\') && !text.chars().any(char::is_control));
    for segment in text.split('/') {
        let name = segment.split(';').next();
        assert!(!matches!(name, Some("." | "..")), "`{segment}` in `{text}`");
    }
    assert!(accepted.as_str().contains(';') <= rule.semicolon);
    assert!(accepted.as_str().contains("%2F") <= rule.encoded_slash);
});
