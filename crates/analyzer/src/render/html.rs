//! The report as one HTML page that needs nothing else and loads nothing.
//!
//! The page is a frame, a style and a script that are the same for every report, and the report as
//! JSON, of which the script draws everything. What clients wrote into the log is data three times
//! over: in the JSON no `<` is left, so it cannot end its element; the script makes text of it,
//! never markup; and the page's policy lets nothing run but that one script, by its hash.

use std::str::Chars;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::report::Report;
use crate::text::{in_a_line, is_unseen, json_in_a_line};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");

/// The script, in the order in which its parts build on each other.
const SCRIPT: &str = concat!(
    include_str!("html/dom.js"),
    include_str!("html/data.js"),
    include_str!("html/chart.js"),
    include_str!("html/tables.js"),
    include_str!("html/denied.js"),
    include_str!("html/limits.js"),
    include_str!("html/heat.js"),
    include_str!("html/page.js"),
);

/// Lays a report out as a page. The report needs its timeline; without one the page would have
/// nothing to draw, so it is gathered with [`Analysis::timeline`](crate::Analysis::timeline).
///
/// # Errors
///
/// None in practice: a report is always JSON.
pub fn render(report: &Report) -> serde_json::Result<String> {
    let policy = format!(
        "default-src 'none'; img-src data:; style-src '{}'; script-src '{}'; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let statements = data(&serde_json::to_string(&statements(report))?);
    let report = data(&serde_json::to_string(report)?);
    let parts = [
        ("policy", &*policy),
        ("style", STYLE),
        ("report", &*report),
        ("statements", &*statements),
        ("script", SCRIPT),
    ];
    Ok(fill(PAGE, &parts))
}

/// The statements that each remedy adds, as they are to be copied: JSON escapes what cannot be seen in
/// its own way.
fn statements(report: &Report) -> Vec<Vec<String>> {
    let remedies = report.remedies.iter().flatten();
    let changes = remedies.map(|remedy| remedy.changes.iter());
    changes.map(|of| of.map(|change| json_in_a_line(&change.statement)).collect()).collect()
}

/// A template with the parts that it names, `{{name}}`. What a part holds is not looked at.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut pieces = template.split("{{");
    page.extend(pieces.next());
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        page.extend(parts.iter().find(|(known, _)| *known == name).map(|(_, text)| *text));
        page.push_str(rest);
    }
    page
}

/// JSON in which nothing can end a `script` element or begin markup, and whose texts are shown as those
/// of other reports: what has no width, or turns what follows, is seen. Outside of strings JSON has
/// none of these characters, and inside of them an escape means the same.
fn data(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    let mut rest = json.chars();
    while let Some(character) = rest.next() {
        match character {
            '<' | '>' | '&' => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
            '\\' => match escaped(&mut rest) {
                Ok(control) => safe.push_str(&seen(control)),
                Err(other) => safe.extend(['\\', other]),
            },
            unseen if is_unseen(unseen) => safe.push_str(&seen(unseen)),
            _ => safe.push(character),
        }
    }
    safe
}

/// The control character that an escape of JSON stands for, or what else follows the backslash.
fn escaped(rest: &mut Chars<'_>) -> Result<char, char> {
    let letter = rest.next().unwrap_or_default();
    Ok(match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let code: String = rest.by_ref().take(4).collect();
            u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap_or_default()
        }
        other => return Err(other),
    })
}

/// A character that is not seen, as other reports show it, inside of JSON.
fn seen(unseen: char) -> String {
    in_a_line(unseen.encode_utf8(&mut [0; 4])).replace('\\', "\\\\")
}

/// How a content security policy names a style or a script.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_element() {
        let hostile =
            serde_json::json!({"caller": "</script><script>alert(1)</script><!--\\\"\\n&"});
        let safe = data(&hostile.to_string());
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), hostile);
    }

    #[test]
    fn what_is_not_seen_is_shown_as_in_the_text() {
        for unseen in ('\0'..='\u{a0}').chain(['\u{ad}', '\u{2028}', '\u{202e}', '\u{e0041}', 'é'])
        {
            let text = format!("ana{unseen}\\u{{202e}}");
            let safe = data(&serde_json::json!([text]).to_string());
            let shown: Vec<String> = serde_json::from_str(&safe).unwrap();
            assert_eq!(shown, [in_a_line(&text)], "{unseen:?}");
            assert!(!safe.contains(is_unseen), "{safe:?}");
        }
    }

    /// The `id`s of the page's frame, which must be well formed.
    fn ids() -> Vec<String> {
        let frame = fill(PAGE, &[]);
        let mut reader = quick_xml::Reader::from_str(&frame);
        let mut ids = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => return ids,
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    let id = tag.try_get_attribute("id").unwrap();
                    ids.extend(id.map(|id| id.value.into_owned()));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_frame_is_well_formed_and_has_every_element_that_the_script_fills() {
        let ids = ids();
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "an id stands twice");
        for piece in SCRIPT.split("$(\"").skip(1) {
            let id = piece.split('"').next().unwrap();
            assert!(ids.iter().any(|known| known == id), "no element `{id}`");
        }
    }

    #[test]
    fn parts_are_not_templates() {
        let filled = fill("a {{one}} {{two}} z", &[("one", "{{two}}"), ("two", "2")]);
        assert_eq!(filled, "a {{two}} 2 z");
    }

    #[test]
    fn style_and_script_stay_inside_of_their_elements() {
        assert!(!STYLE.contains("</style"));
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
    }

    #[test]
    fn nothing_of_a_report_is_read_as_markup() {
        for danger in
            ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function("]
        {
            assert!(!SCRIPT.contains(danger), "`{danger}`");
        }
    }
}
