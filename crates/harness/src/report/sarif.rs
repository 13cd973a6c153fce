//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use serde_json::{Value, json};

use super::{Entry, EntryStatus, Report};
use crate::place::Place;

pub(super) fn render(report: &Report<'_>) -> String {
    let results: Vec<Value> = report.entries().filter_map(|entry| result(&entry)).collect();
    let rule = |id: &str, text: &str| json!({ "id": id, "shortDescription": { "text": text } });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tollgate test",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [
                    rule("decision", "a request is not decided as its test expects"),
                    rule("snapshot", "decisions differ from those accepted"),
                ],
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn result(entry: &Entry) -> Option<Value> {
    let EntryStatus::Failed { kind, message, detail } = &entry.status else { return None };
    let id = format!("{}::{}", entry.file, entry.name);
    Some(json!({
        "ruleId": kind,
        "level": "error",
        "message": { "text": format!("{id}: {message}\n\n{}", detail.trim_end()) },
        "locations": [{ "physicalLocation": location(&entry.place) }],
        "partialFingerprints": { "cell/v1": id },
    }))
}

fn location(place: &Place) -> Value {
    let at = place.position();
    json!({
        "artifactLocation": { "uri": uri(place.file()) },
        "region": { "startLine": at.line, "startColumn": at.column },
    })
}

/// A path as a relative reference of RFC 3986: what may not stand there is percent-encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let mut uri = String::new();
    for byte in path.bytes() {
        if plain(byte) { uri.push(char::from(byte)) } else { uri.push_str(&format!("%{byte:02X}")) }
    }
    uri
}
