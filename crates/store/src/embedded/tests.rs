//! Each way of packing gives back the policy, and each byte knows where it came from.

use proptest::prelude::*;

use super::*;

const POLICY: &str = r#"{"Sid": "a/b é 😀", "n": "\"+%41"}"#;

/// How a policy is packed.
type Packing = fn(&str) -> String;

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    format!("\"{}\"", text.bytes().map(encode).collect::<String>())
}

/// As API Gateway does it: quotes, slashes and backslashes escaped, then made a JSON string.
fn escaped_again(text: &str) -> String {
    let once = quoted(text).replace('/', "\\/");
    quoted(&once[1..once.len() - 1])
}

const PACKINGS: [Packing; 4] = [str::to_owned, quoted, percent, escaped_again];

#[test]
fn every_way_of_packing_is_undone() {
    for pack in PACKINGS {
        let raw = pack(POLICY);
        assert_eq!(Embedded::unpack(&raw, 0).unwrap().text, POLICY, "{raw}");
    }
}

#[test]
fn a_byte_is_found_where_it_stands_in_the_file() {
    for pack in PACKINGS {
        let raw = pack(POLICY);
        let file = format!("    {raw}");
        let embedded = Embedded::unpack(&raw, 4).unwrap();
        for word in ["Sid", "b"] {
            let outer = embedded.map.outer(POLICY.find(word).unwrap());
            assert!(file[outer..].starts_with(word), "`{word}` in {raw}");
        }
        let end = embedded.map.outer(POLICY.len());
        assert!(file[..end].ends_with(raw.trim_end_matches('"')), "the end of {raw}");
    }
}

#[track_caller]
fn check_broken(raw: &str, span: Range<usize>, message: &str) {
    let broken = Embedded::unpack(raw, 10).unwrap_err();
    assert_eq!(broken, Broken { span, message: message.to_owned() }, "{raw}");
}

#[test]
fn what_cannot_be_unpacked_has_its_place() {
    check_broken("[1]", 10..13, "expected a policy document, found `[1]`");
    check_broken(r#""{\ud800""#, 12..18, r"broken escape `\ud800`");
    check_broken(
        r#""%7B%2""#,
        14..15,
        "broken URL encoding: expected two hexadecimal digits after `%`",
    );
    check_broken(r#""%7B%FF""#, 14..15, "the policy is not UTF-8");
}

#[test]
fn a_percent_sign_in_plain_json_is_itself() {
    let raw = quoted(r#" {"a":"%7B"}"#);
    assert_eq!(Embedded::unpack(&raw, 0).unwrap().text, r#" {"a":"%7B"}"#);
}

proptest! {
    #[test]
    fn packing_and_unpacking_any_text_gives_it_back(text in r#"\{"[ -~é😀\n]{0,40}""#, way in 0..4_usize) {
        let raw = PACKINGS[way](&text);
        let embedded = Embedded::unpack(&raw, 7).unwrap();
        prop_assert_eq!(&embedded.text, &text);
        let places: Vec<usize> = (0..text.len()).map(|own| embedded.map.outer(own)).collect();
        prop_assert!(places.is_sorted());
        prop_assert!(places.iter().all(|place| (7..7 + raw.len()).contains(place)));
    }
}
