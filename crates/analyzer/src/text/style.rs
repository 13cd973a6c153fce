//! How text is laid out: width, colour, and the small forms that all sections share.

use std::fmt::Display;

use super::fold::fold;
use super::printable::in_a_line;
use crate::detail::split_at_colon;
use crate::time::Moment;

/// All that is ever painted with: bold, the colours, and their end.
pub(super) const PAINTS: [&str; 6] =
    ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[32m", "\u{1b}[36m", "\u{1b}[0m"];

/// Blanks before what a group is, and before all that is told about it.
const INDENT: usize = 11;

/// Columns for the name of what is told.
const LABEL: usize = 8;

/// How a report is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether lines that are wider are folded: a terminal would cut into words. Programs get a line for
    /// each fact.
    pub fold: bool,
    /// Whether to use colour.
    pub colour: bool,
    /// The most entries of a list; 0 for all.
    pub top: usize,
}

impl Style {
    /// How many entries of a list are shown.
    pub(super) fn shown(&self, entries: usize) -> usize {
        if self.top == 0 { entries } else { entries.min(self.top) }
    }

    /// A section's heading, on a line of its own.
    pub(super) fn heading(&self, text: &str) -> String {
        format!("{}\n", self.paint("1", text))
    }

    /// A line, indented.
    pub(super) fn line(&self, indent: usize, text: impl Display) -> String {
        self.hung(indent + 2, &format!("{:indent$}{text}", ""))
    }

    /// A line of a list of groups: how many requests, and of what.
    pub(super) fn entry(&self, requests: u64, what: impl Display) -> String {
        self.hung(INDENT, &format!("  {:>7}  {what}", number(requests)))
    }

    /// A line about such a group: what is told, if it is not told on the line before, and the value.
    pub(super) fn about(&self, label: &str, value: impl Display) -> String {
        self.hung(INDENT + LABEL + 1, &format!("{:INDENT$}{label:<LABEL$} {value}", ""))
    }

    /// The same of what is to be copied: it stays in one line, without a name.
    pub(super) fn in_one_line(&self, value: impl Display) -> String {
        format!("{:indent$}{value}\n", "", indent = INDENT + LABEL + 1)
    }

    /// A line, or what it is folded to, with `hang` blanks before all but the first.
    pub(super) fn hung(&self, hang: usize, line: &str) -> String {
        match self.fold {
            true => fold(line, self.width, hang) + "\n",
            false => format!("{line}\n"),
        }
    }

    /// What is wrong.
    pub(super) fn bad(&self, text: impl Display) -> String {
        self.paint("31", text)
    }

    /// What deserves attention.
    pub(super) fn notable(&self, text: impl Display) -> String {
        self.paint("33", text)
    }

    /// What is as it should be.
    pub(super) fn good(&self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// Where something stands.
    pub(super) fn place(&self, text: impl Display) -> String {
        self.paint("36", text)
    }

    fn paint(&self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// `1234567` as `1,234,567`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 caller`, `2 callers`.
pub fn count(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(value), if value == 1 { "" } else { "s" })
}

/// `part` of `whole` in per cent, with one decimal.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", part as f64 * 100.0 / whole as f64)
}

/// An RFC 3339 moment to the minute: `2026-03-10 09:30`.
pub(super) fn minute(moment: &str) -> String {
    moment.get(..16).unwrap_or(moment).replace('T', " ")
}

/// From one moment to another: the date is said once if it is the same.
pub(crate) fn period(first: Option<&str>, last: Option<&str>) -> String {
    let (Some(first), Some(last)) = (first, last) else { return "at times not told".to_owned() };
    let (first, last) = (minute(first), minute(last));
    match (first.get(..10), last.strip_prefix(first.get(..10).unwrap_or_default())) {
        _ if first == last => first,
        (Some(_), Some(time)) => format!("{first} – {}", time.trim_start()),
        _ => format!("{first} – {last}"),
    }
}

/// The same of moments.
pub(crate) fn seen(first: Option<Moment>, last: Option<Moment>) -> String {
    let [first, last] = [first, last].map(|moment| moment.map(|moment| moment.to_string()));
    period(first.as_deref(), last.as_deref())
}

/// A caller without what all ARNs share: `issues-reader/web-1`, `user/ana`.
pub(crate) fn short_caller(caller: &str) -> &str {
    let mut colons = (0..).zip(caller.bytes()).filter(|(_, byte)| *byte == b':');
    let fifth: Option<(usize, u8)> = colons.nth(4);
    let name = fifth.and_then(|(at, _)| caller.get(at + 1..)).unwrap_or(caller);
    name.strip_prefix("assumed-role/").unwrap_or(name)
}

/// A request ARN as a call: `GET /repos/acme/site`. Other text as it is, in a line.
pub(crate) fn short_call(resource: &str) -> String {
    let of_api = split_at_colon(resource, ":execute-api:").is_some();
    let Some(call) = resource.splitn(6, ':').nth(5).filter(|_| of_api) else {
        return in_a_line(resource);
    };
    let mut parts = call.splitn(4, '/').skip(2);
    in_a_line(&match (parts.next(), parts.next()) {
        (Some(method), Some(path)) => [method, " /", path].concat(),
        _ => call.to_owned(),
    })
}

/// Values as a line of bars; `None` is a gap.
pub(super) fn sparkline(values: &[Option<f64>], top: f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |value: f64| {
        let level = if top > 0.0 { (value / top * 8.0).ceil() as usize } else { 0 };
        BARS.get(level.clamp(1, 8) - 1).copied().unwrap_or(' ')
    };
    values.iter().map(|value| value.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_thousands_separators() {
        let shown = [0, 999, 1000, 1_234_567].map(number);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_period_says_a_date_once() {
        let period = |first, last| period(Some(first), Some(last));
        assert_eq!(
            period("2026-03-10T00:05:01Z", "2026-03-10T23:59:00Z"),
            "2026-03-10 00:05 – 23:59"
        );
        assert_eq!(
            period("2026-03-10T00:05:01Z", "2026-03-11T01:00:00Z"),
            "2026-03-10 00:05 – 2026-03-11 01:00"
        );
        assert_eq!(period("2026-03-10T00:05:01Z", "2026-03-10T00:05:30Z"), "2026-03-10 00:05");
    }

    #[test]
    fn callers_and_calls_are_said_briefly() {
        assert_eq!(short_caller("arn:aws:sts::123456789012:assumed-role/reader/s1"), "reader/s1");
        assert_eq!(short_caller("arn:aws:iam::123456789012:user/ana"), "user/ana");
        assert_eq!(short_caller("anonymous"), "anonymous");
        assert_eq!(
            short_call("arn:aws:execute-api:eu-west-1:123456789012:a1/prod/GET/pets/7"),
            "GET /pets/7"
        );
        assert_eq!(short_call("GET /pets"), "GET /pets");
    }

    #[test]
    fn bars_span_the_whole_range() {
        assert_eq!(sparkline(&[Some(0.0), Some(4.0), None, Some(8.0)], 8.0), "▁▄ █");
    }
}
