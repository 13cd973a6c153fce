//! API Gateway access logs: a line a request, of a template or as JSON.
//!
//! A line is tried, in this order, as what it most likely and most strictly is:
//! a fit of a known template, a JSON object, a damaged line whose template
//! still shows where each value ends. Whatever is left goes to quarantine.

use std::borrow::Cow;
use std::ops::Range;

use super::Outcome;
use super::json::JsonReader;
use crate::marks::Marks;
use crate::names::NameMap;
use crate::rows::{Home, Layout, NO_TIME, Place, Rows, View};
use crate::schema::Field;
use crate::template::fit::{Fitter, Put};
use crate::template::keys::keys;
use crate::template::located::Located;
use crate::template::recover::recover;
use crate::template::{Syntax, Template};

/// Templates learned while reading, for speed alone: how a line is classified
/// depends only on the templates that were given or sniffed.
const LEARNED_MAX: usize = 8;

/// Reads lines of access logs into rows.
#[derive(Debug)]
pub(crate) struct AccessReader {
    fitters: Vec<Known>,
    /// The templates that damaged lines are recovered by.
    anchors: Vec<Template>,
    learned: usize,
    json: JsonReader,
    names: NameMap,
    reads_json: bool,
}

/// A template that lines are tried against.
#[derive(Debug)]
struct Known {
    fitter: Fitter,
    syntax: Syntax,
    beyond: Option<Beyond>,
}

/// The variables of a template that the table has no column for, if all are asked for.
#[derive(Debug)]
struct Beyond {
    template: Template,
    /// Which of its parts they are.
    parts: Vec<usize>,
}

impl Known {
    fn new(template: &Template, names: &NameMap, layout: &Layout) -> Known {
        let (syntax, fitter) = (template.syntax(), Fitter::new(template, layout));
        let beyond = (syntax == Syntax::Text && layout.has(Field::Extra))
            .then(|| Beyond::new(template, names))
            .filter(|beyond| !beyond.parts.is_empty());
        Known { fitter, syntax, beyond }
    }
}

impl Beyond {
    fn new(template: &Template, names: &NameMap) -> Beyond {
        let parts = template.parts.iter().enumerate();
        let parts = parts.filter(|(_, part)| names.target(&part.name).is_none());
        Beyond { parts: parts.map(|(at, _)| at).collect(), template: template.clone() }
    }

    /// Keeps what a line of the template says of them in the last row.
    fn keep(&self, line: &[u8], rows: &mut Rows) {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let Some(values) = self.template.values(text) else { return };
        let extra = self.parts.iter().filter_map(|&at| {
            let value = values.get(at).filter(|value| !matches!(**value, "" | "-"))?;
            Some((self.template.parts.get(at)?.name.clone(), (*value).into()))
        });
        let extra: serde_json::Map<_, _> = extra.collect();
        if !extra.is_empty() {
            rows.set_text(Field::Extra, &serde_json::Value::Object(extra).to_string());
        }
    }
}

impl AccessReader {
    /// A reader for lines of these templates. Without one, or with one that is
    /// JSON, any JSON object is read as well.
    pub(crate) fn new(templates: &[Template], names: &NameMap, layout: &Layout) -> AccessReader {
        let names = names.or(templates.iter().flat_map(|template| keys(template, names)));
        // What the table has no column for is read off JSON by its keys, not by a template.
        let fits =
            |template: &&Template| template.syntax() == Syntax::Text || !layout.has(Field::Extra);
        let fitters = templates.iter().filter(fits).map(|t| Known::new(t, &names, layout));
        AccessReader {
            fitters: fitters.collect(),
            anchors: templates.to_vec(),
            learned: if layout.has(Field::Extra) { LEARNED_MAX } else { 0 },
            json: JsonReader::new(names.clone()),
            names,
            reads_json: templates.is_empty()
                || templates.iter().any(|t| t.syntax() == Syntax::Json),
        }
    }

    /// Reads lines of a block, as long as they begin within a part of it and are of the template seen
    /// last, and returns where the next one begins. The block must be UTF-8 as far as its marks are
    /// known. A line that holds a backslash is not read.
    pub(crate) fn read_alike(
        &mut self,
        (block, marks): (&[u8], &Marks),
        part: Range<usize>,
        rows: &mut Rows,
    ) -> usize {
        match self.fitters.first() {
            Some(Known { fitter, beyond: None, .. }) if fitter.finds_ends() => {
                let (text, home, start) = (block, Home::BLOCK, part.start);
                let first = Located { text, marks, start, end: None, home };
                fit_lines(fitter, first, part.end, NO_TIME, rows)
            }
            _ => part.start,
        }
    }

    /// Reads a line. `plain` says that it is UTF-8 and holds no backslash.
    #[inline]
    pub(crate) fn read(
        &mut self,
        line: &Located<'_>,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        if let Some(Known { fitter, syntax, beyond }) = self.fitters.first()
            && (plain || *syntax == Syntax::Text)
            && fits(fitter, line, time, rows)
        {
            if let Some(beyond) = beyond {
                beyond.keep(line.line(), rows);
            }
            return Outcome::Parsed;
        }
        self.read_other(line, time, plain, rows)
    }

    /// Reads a line that does not fit the template seen last.
    #[cold]
    fn read_other(
        &mut self,
        located: &Located<'_>,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        let line = located.line();
        for at in 1..self.fitters.len() {
            if let Some(Known { fitter, syntax, beyond }) = self.fitters.get(at)
                && (plain || *syntax == Syntax::Text)
                && fits(fitter, located, time, rows)
            {
                if let Some(beyond) = beyond {
                    beyond.keep(line, rows);
                }
                self.fitters.swap(0, at);
                return Outcome::Parsed;
            }
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return Outcome::Quarantined("expected UTF-8".to_owned());
        };
        if self.reads_json {
            rows.begin(time);
            return self.read_json(text, located.home.after(located.start), time, plain, rows);
        }
        Outcome::Quarantined("the line does not fit the log format".to_owned())
    }

    /// Reads a line as a JSON object, else by the anchors of a template.
    fn read_json(
        &mut self,
        text: &str,
        home: Home,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        match self.read_object(text, home, rows) {
            Ok((used, duplicate)) => {
                let rest = text.get(used..).unwrap_or_default().trim_ascii();
                if rest.is_empty() && !duplicate {
                    if plain && self.learned < LEARNED_MAX {
                        self.learn(text, rows);
                    }
                    return Outcome::Parsed;
                }
                // The object may not be all that was logged: what a client
                // wrote can end it early, or repeat its keys.
                rows.mark_suspect();
                if rest.is_empty() {
                    let recovered = self.recover(text, home, rows);
                    rows.mark_suspect();
                    return if recovered { Outcome::Recovered } else { Outcome::Parsed };
                }
                self.read_glued(text, home, used, time, rows);
                Outcome::Recovered
            }
            Err(Outcome::Quarantined(reason)) => {
                rows.begin(time);
                if self.recover(text, home, rows) {
                    return Outcome::Recovered;
                }
                rows.abandon();
                Outcome::Quarantined(reason)
            }
            Err(outcome) => outcome,
        }
    }

    /// Reads what follows the first object of a line, `used` bytes long: more
    /// objects, glued to it, or else what shows that it was none.
    fn read_glued(&mut self, text: &str, home: Home, used: usize, time: i64, rows: &mut Rows) {
        let before = rows.len();
        let mut rest = text.get(used..).unwrap_or_default().trim_ascii();
        while !rest.is_empty() {
            rows.begin(time);
            let home = home.after(rest.as_ptr() as usize - text.as_ptr() as usize);
            let Ok((used, _)) = self.read_object(rest, home, rows) else { break };
            rows.mark_suspect();
            rest = rest.get(used..).unwrap_or_default().trim_ascii_start();
        }
        if !rest.is_empty() && rows.len() == before {
            self.recover(text, home, rows);
            rows.mark_suspect();
        }
    }

    /// Reads one object into the last row, or takes the row back. Returns its
    /// length and whether a key occurs twice.
    fn read_object(
        &mut self,
        text: &str,
        home: Home,
        rows: &mut Rows,
    ) -> Result<(usize, bool), Outcome> {
        let outcome = match self.json.read(text, home, rows) {
            Ok((traits, _)) if traits.trail => Outcome::Trail,
            Ok((traits, used)) if traits.request => return Ok((used, traits.duplicate)),
            Ok((traits, _)) if traits.metric => Outcome::Control,
            Ok(_) => Outcome::Quarantined("the object has no field of a request".to_owned()),
            Err(error) => Outcome::Quarantined(describe(&error)),
        };
        rows.abandon();
        Err(outcome)
    }

    /// Reads a damaged line into the last row by the anchors of a template.
    fn recover(&self, text: &str, home: Home, rows: &mut Rows) -> bool {
        let found =
            self.anchors.iter().find_map(|template| Some((template, recover(template, text)?)));
        let Some((template, recovered)) = found else { return false };
        rows.reset();
        for (part, range) in template.parts.iter().zip(recovered.values) {
            let Some(target) = part.target else { continue };
            let value = text.get(range.clone()).unwrap_or_default();
            if value.contains('\\') {
                rows.set_text(target.field, &unescape(value));
            } else if value != "null" {
                rows.set(target.field, View::new(text.as_bytes(), range.start, range.end, home));
            }
        }
        if recovered.suspect {
            rows.mark_suspect();
        }
        true
    }

    fn learn(&mut self, text: &str, rows: &Rows) {
        self.learned += 1;
        if let Some(template) = Template::learn(text.trim_end(), &self.names) {
            self.fitters.insert(0, Known::new(&template, &self.names, rows.layout()));
        }
    }
}

/// Fits a line to a template. If it does, it is a row.
fn fits(fitter: &Fitter, line: &Located<'_>, time: i64, rows: &mut Rows) -> bool {
    let before = rows.len();
    fit_lines(fitter, *line, line.start + 1, time, rows);
    rows.len() > before
}

/// Fits lines to a template, from one on, as long as they begin before a position and fit. Each is a
/// row with this time of its envelope. Returns where the next line begins.
fn fit_lines(
    fitter: &Fitter,
    first: Located<'_>,
    until: usize,
    time: i64,
    rows: &mut Rows,
) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") {
        #[expect(unsafe_code, reason = "measured: a fifth of the instructions is saved")]
        // SAFETY: the processor has what is enabled.
        return unsafe { fit_lines_wide(fitter, first, until, time, rows) };
    }
    fit_lines_as_compiled(fitter, first, until, time, rows)
}

/// [`fit_lines`] for processors that compare 32 bytes at once.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn fit_lines_wide(
    fitter: &Fitter,
    first: Located<'_>,
    until: usize,
    time: i64,
    rows: &mut Rows,
) -> usize {
    fit_lines_as_compiled(fitter, first, until, time, rows)
}

#[inline(always)]
fn fit_lines_as_compiled(
    fitter: &Fitter,
    mut line: Located<'_>,
    until: usize,
    time: i64,
    rows: &mut Rows,
) -> usize {
    while line.start < until {
        rows.begin_unset(time);
        let row = Row { place: rows.last(fitter.slots()), line: &line };
        let Some(end) = fitter.fit(&line, row) else {
            rows.abandon();
            break;
        };
        let carriage_return = usize::from(line.text.get(end) == Some(&b'\r'));
        line.start = end + carriage_return + 1;
    }
    line.start
}

/// The row of a line.
struct Row<'r, 'a> {
    place: Place<'r>,
    line: &'a Located<'a>,
}

impl Put for Row<'_, '_> {
    #[inline(always)]
    fn put_near(&mut self, slot: u8, start: usize, len: usize, around: &[u8]) {
        let home = self.line.home;
        self.place.put(slot, || View::within(around, len, home.after(start)));
    }

    #[inline(never)]
    fn put(&mut self, slot: u8, start: usize, end: usize) {
        let Located { text, home, .. } = *self.line;
        self.place.put(slot, || View::new(text, start, end, home));
    }
}

/// A value without its JSON escapes, though its quotes may not be escaped.
fn unescape(value: &str) -> Cow<'_, str> {
    let mut quoted = String::with_capacity(value.len() + 8);
    quoted.push('"');
    let mut escaped = false;
    for c in value.chars() {
        if c == '"' && !escaped {
            quoted.push('\\');
        }
        escaped = c == '\\' && !escaped;
        quoted.push(c);
    }
    quoted.push('"');
    serde_json::from_str(&quoted).map_or(Cow::Borrowed(value), Cow::Owned)
}

/// What is wrong with a line of a single bracket: that other lines follow.
const BEGINS_ONLY: &str = "expected a JSON object in one line, as `jq -c` writes it";

/// What is wrong with JSON, and in which column.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    if error.is_eof() && error.column() == 1 {
        return BEGINS_ONLY.to_owned();
    }
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    let what = if what.starts_with("invalid type") { "found another value" } else { what };
    format!("expected a JSON object: {what} at column {}", error.column())
}
