//! What an input is, told from the first 64 KiB of what is unpacked.
//!
//! The same decision is made for the same input however it is read: all that
//! depends on it, such as which damaged lines can be recovered, is the same.

use std::borrow::Cow;

use crate::envelope::{Cutter, Envelope, Events, Nature, is_stamped};
use crate::format::{Format, execution, json};
use crate::names::NameMap;
use crate::schema::Field;
use crate::template::fit::{self, Fitter};
use crate::template::keys::{has_keys, keys};
use crate::template::{Syntax, Template};
use crate::told::{ApiStage, Overrides};

/// How much of the unpacked input is looked at.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// Templates of one input: several APIs may log into one group.
const TEMPLATES_MAX: usize = 8;

/// Events of the head that are looked at.
const EVENTS_MAX: usize = 256;

/// How to read an input.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// How events are wrapped.
    pub envelope: Envelope,
    /// What the events are.
    pub format: Format,
    /// The access log's templates, given or learned.
    pub templates: Vec<Template>,
    /// Whose the lines are that do not say it, unless their template tells.
    pub api_stage: ApiStage,
}

impl Plan {
    /// Decides how to read an input that begins with `head`, as [`crate::scan()`]
    /// does with the first 64 KiB. `whole` says that there is no more of it.
    pub fn sniff(head: &[u8], whole: bool, names: &NameMap, overrides: &Overrides) -> Plan {
        plan(head, whole, names, overrides)
    }

    /// Whether blocks must be decoded in their order, because a record may
    /// span several or because the envelope mixes formats.
    pub(crate) fn is_sequential(&self) -> bool {
        self.format == Format::Execution || self.envelope == Envelope::Documents
    }
}

/// Decides how to read an input that begins with `head`. `whole` says that
/// there is no more of it.
pub(crate) fn plan(head: &[u8], whole: bool, names: &NameMap, overrides: &Overrides) -> Plan {
    let envelope = overrides.envelope.unwrap_or_else(|| envelope(head, names));
    let texts = texts(head, whole, envelope);
    let format = overrides.format.unwrap_or_else(|| format(&texts));
    let templates = match overrides.templates.as_slice() {
        [] => templates(candidates(overrides, &texts), &texts, names),
        given => given.to_vec(),
    };
    Plan { envelope, format, templates, api_stage: overrides.api_stage.clone() }
}

fn envelope(head: &[u8], names: &NameMap) -> Envelope {
    let mut lines = head.split(|&c| c == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default();
    let stamped = std::iter::once(first).chain(lines.take(2)).find_map(is_stamped);
    match (stamped, first.trim_ascii().first()) {
        (Some(true), _) => Envelope::StampedWithStream,
        (Some(false), _) => Envelope::Stamped,
        (None, Some(b'{' | b'[')) if holds_events(head) => Envelope::Documents,
        (None, _) if is_header(first, names) => Envelope::Table,
        (None, _) => Envelope::Lines,
    }
}

/// Whether the head is a document with events, the first of which may not be whole.
fn holds_events(head: &[u8]) -> bool {
    let mut cutter = Cutter::new(Envelope::Documents);
    cutter.pending().push(head);
    let events = match cutter.cut(false, Vec::new()).map(|block| block.events) {
        Some(Events::Listed(events)) => events,
        _ => return cutter.context().is_among_events(),
    };
    matches!(events.first(), Some(event) if !matches!(event.nature, Nature::Broken(_)))
}

/// Whether a line names columns, as CSV does: at least two of them, and all
/// words.
fn is_header(line: &[u8], names: &NameMap) -> bool {
    let mut cells = Vec::new();
    if crate::envelope::record(line, true, &mut cells).is_none() {
        return false;
    }
    let word =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '_' | '-' | '.' | '(' | ')');
    let words = cells.iter().all(|cell| cell.chars().all(word) && !cell.is_empty());
    let known = |cell: &&String| {
        names.target(cell).is_some() || matches!(cell.as_str(), "@message" | "@timestamp")
    };
    words && (cells.iter().filter(known).count() >= 2 || cells.iter().any(|c| c == "@message"))
}

/// The first events of the head. The last line may be cut off, and is not one.
fn texts(head: &[u8], whole: bool, envelope: Envelope) -> Vec<String> {
    let mut cutter = Cutter::new(envelope);
    cutter.pending().push(head);
    let Some(block) = cutter.cut(whole, Vec::new()) else { return Vec::new() };
    let text = |bytes: &[u8]| match String::from_utf8_lossy(bytes.trim_ascii()) {
        Cow::Borrowed(text) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    };
    match block.events {
        Events::Lines => {
            block.bytes.split(|&c| c == b'\n').filter_map(text).take(EVENTS_MAX).collect()
        }
        Events::Listed(events) => events
            .iter()
            .filter(|event| event.nature == Nature::Message)
            .filter_map(|event| text(block.bytes.get(event.start..event.end)?))
            .take(EVENTS_MAX)
            .collect(),
    }
}

fn format(texts: &[String]) -> Format {
    let execution = texts.iter().take(8).any(|text| execution::is_execution(text));
    if execution { Format::Execution } else { Format::Access }
}

/// The templates that lines may have. One of JSON is left out if no line has its keys: it would
/// say of other lines what their keys mean.
fn candidates(overrides: &Overrides, texts: &[String]) -> Vec<Template> {
    let may_be = |template: &&Template| match template.syntax() {
        Syntax::Text => true,
        Syntax::Json => texts.iter().any(|text| has_keys(template, text)),
    };
    overrides.candidates.iter().filter(may_be).cloned().collect()
}

/// The templates of an access log: those that are known beforehand, those that are learned
/// if it is JSON, and one of the defaults of API Gateway.
fn templates(known: Vec<Template>, texts: &[String], names: &NameMap) -> Vec<Template> {
    let max = known.len() + TEMPLATES_MAX;
    let own = names.or(known.iter().flat_map(|template| keys(template, names)));
    let mut templates = known;
    let mut learned: Vec<Fitter> = Vec::new();
    for text in texts {
        // Of a line that fits, nothing new is learned: it says the same around its values.
        let is_plain = !text.contains('\\');
        if is_plain && learned.iter().any(|fitter| fitter.fits_alone(text.as_bytes(), |_, _| ())) {
            continue;
        }
        let Some(template) = Template::learn(text, &own) else { continue };
        let request = template.fields().any(|field| json::CORE.contains(&field));
        let known = templates.iter().any(|known| known.has_text_of(&template));
        if request && !known && templates.len() < max {
            let alike = templates.iter().find(|known| has_keys(known, text));
            let api_stage = alike.map(|alike| alike.api_stage.clone()).unwrap_or_default();
            learned.push(Fitter::without_columns(&template));
            templates.push(template.of(api_stage));
        }
    }
    let others: Vec<&str> = texts.iter().map(|t| &**t).filter(|t| !t.starts_with('{')).collect();
    if !others.is_empty() {
        templates.extend(default_template(&others, names));
    }
    templates
}

/// The default of API Gateway that most of the lines fit.
fn default_template(texts: &[&str], names: &NameMap) -> Option<Template> {
    let parsed = DEFAULTS.iter().filter_map(|format| Template::parse(format, names).ok());
    let fits = parsed.map(|template| {
        let fits = texts.iter().filter(|text| is_plausible(&template, text)).count();
        (fits, template)
    });
    // Of several that fit as many lines, the first, which has more variables.
    let best = fits.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(fits, _)| *fits > 0).map(|(_, template)| template)
}

/// Whether a line fits a template, and its time and status are such.
fn is_plausible(template: &Template, text: &str) -> bool {
    let Some(values) = fit::values(template, text) else { return false };
    template.parts.iter().zip(values).all(|(part, value)| {
        match part.target.map(|target| target.field) {
            Some(Field::Time) => crate::time::parse(value.as_bytes()).is_some(),
            Some(Field::Protocol) => value == "-" || value.starts_with("HTTP/"),
            Some(Field::Status) => value == "-" || value.parse::<u16>().is_ok_and(|s| s < 1000),
            _ => true,
        }
    })
}

/// The log formats that API Gateway's console offers, besides JSON: common log
/// format, CSV and XML, of REST, HTTP and WebSocket APIs, today's and older.
#[rustfmt::skip]
const DEFAULTS: &[&str] = &[
    r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId"#,
    r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId"#,
    r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#,
    r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.eventType $context.routeKey $context.connectionId" $context.status $context.requestId"#,
    "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId",
    "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId",
    "$context.identity.sourceIp,$context.requestTime,$context.httpMethod,$context.routeKey,$context.protocol,$context.status,$context.responseLength,$context.requestId",
    "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.eventType,$context.routeKey,$context.connectionId,$context.status,$context.requestId",
    r#"<request id="$context.requestId"> <extendedRequestId>$context.extendedRequestId</extendedRequestId> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
    r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
    r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <eventType>$context.eventType</eventType> <routeKey>$context.routeKey</routeKey> <status>$context.status</status> <connectionId>$context.connectionId</connectionId> </request>"#,
    r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <routeKey>$context.routeKey</routeKey> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#,
];
