//! Coverage as one HTML page: the policies' own lines, coloured by what was seen of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::show::effect;
use super::{Coverage, PartCoverage, PolicyCoverage, Seen, StatementCoverage};

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top}\
pre{margin:0;font:13px/1.5 ui-monospace,monospace}.n{color:#888;text-align:right}\
.full{background:#e6f6e6}.part{background:#fff5d6}.none{background:#fde3e3}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}.full{background:#132b13}.part{background:#3a3000}.none{background:#401515}}";

pub(super) fn render(coverage: &Coverage) -> String {
    let seen = coverage.seen();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>policy coverage</title>\
         <style>{STYLE}</style></head>\n<body>\n<h1>Policy coverage {:.1} %</h1>\n",
        seen.percent()
    );
    for policy in &coverage.policies {
        policy_section(&mut html, policy);
    }
    gaps(&mut html, coverage);
    html.push_str("</body>\n</html>\n");
    html
}

fn policy_section(html: &mut String, policy: &PolicyCoverage) {
    let (name, layer) = (escape(&policy.source.name), policy.policy_type);
    let _ = writeln!(html, "<h2>{name} ({layer}): {:.1} %</h2>", policy.seen().percent());
    html.push_str("<table><thead><tr><th>statement</th><th>effect</th><th>matched</th><th>decisive</th><th>near misses</th></tr></thead><tbody>\n");
    for statement in &policy.statements {
        let StatementCoverage { name, matched, decisive, near_misses, .. } = statement;
        let (class, name) = (class(statement.seen()), escape(name));
        let effect = effect(statement.effect);
        let _ = writeln!(
            html,
            "<tr class=\"{class}\"><td>{name}</td><td>{effect}</td><td>{matched}</td><td>{decisive}</td><td>{near_misses}</td></tr>"
        );
    }
    html.push_str("</tbody></table>\n<table><tbody>\n");
    let notes = notes(policy);
    for (line, number) in policy.source.text.lines().zip(1..) {
        let (class, note) =
            notes.get(&number).map_or(("", ""), |(seen, note)| (class(*seen), note));
        let _ = writeln!(
            html,
            "<tr class=\"{class}\"><td class=\"n\">{number}</td><td><pre>{}</pre></td><td>{}</td></tr>",
            escape(line),
            escape(note)
        );
    }
    html.push_str("</tbody></table>\n");
}

/// What to say beside each line: how often its patterns and values were seen.
fn notes(policy: &PolicyCoverage) -> BTreeMap<u32, (Seen, String)> {
    let mut notes: BTreeMap<u32, (Seen, String)> = BTreeMap::new();
    for part in policy.statements.iter().flat_map(|statement| &statement.parts) {
        let (seen, note) = notes.entry(part.place.position().line).or_default();
        *seen = Seen::sum([*seen, part.seen()]);
        let PartCoverage { text, seen_true, seen_false, .. } = part;
        let separator = if note.is_empty() { "" } else { "; " };
        let _ = write!(note, "{separator}{text}: true {seen_true}, false {seen_false}");
    }
    notes
}

fn gaps(html: &mut String, coverage: &Coverage) {
    if coverage.gaps.is_empty() {
        return;
    }
    html.push_str("<h2>Not decided by any test</h2>\n<dl>\n");
    for gap in &coverage.gaps {
        let (place, message) = (escape(&gap.place.to_string()), escape(&gap.message));
        let _ = writeln!(html, "<dt>{place}: {message}</dt>");
        let test = gap.test.as_ref().map_or("no request was found that would", |(_, test)| test);
        let _ = writeln!(html, "<dd><pre>{}</pre></dd>", escape(test));
    }
    html.push_str("</dl>\n");
}

fn class(seen: Seen) -> &'static str {
    match seen.seen {
        0 => "none",
        some if some == seen.of => "full",
        _ => "part",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
