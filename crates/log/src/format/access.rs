//! API Gateway access logs: a line a request, of a template or as JSON.
//!
//! A line is tried, in this order, as what it most likely and most strictly is:
//! a fit of a known template, a JSON object, a damaged line whose template
//! still shows where each value ends. Whatever is left goes to quarantine.

use super::Outcome;
use super::json::JsonReader;
use crate::names::NameMap;
use crate::rows::{Layout, Rows};
use crate::schema::Field;
use crate::template::fit::Fitter;
use crate::template::{Syntax, Template};

/// Templates learned while reading, for speed alone: how a line is classified
/// depends only on the templates that were given or sniffed.
const LEARNED_MAX: usize = 8;

/// Reads lines of access logs into rows.
#[derive(Debug)]
pub(crate) struct AccessReader {
    fitters: Vec<(Fitter, Syntax)>,
    learned: usize,
    json: JsonReader,
    names: NameMap,
    reads_json: bool,
}

impl AccessReader {
    /// A reader for lines of these templates. Without one, or with one that is
    /// JSON, any JSON object is read as well.
    pub(crate) fn new(templates: &[Template], names: &NameMap, layout: &Layout) -> AccessReader {
        // A template says nothing of the variables beyond the table, and JSON does.
        let fits =
            |template: &&Template| template.syntax() == Syntax::Text || !layout.has(Field::Extra);
        let fitters = templates.iter().filter(fits).map(|t| (Fitter::new(t, layout), t.syntax()));
        AccessReader {
            fitters: fitters.collect(),
            learned: if layout.has(Field::Extra) { LEARNED_MAX } else { 0 },
            json: JsonReader::new(names.clone()),
            names: names.clone(),
            reads_json: templates.is_empty()
                || templates.iter().any(|t| t.syntax() == Syntax::Json),
        }
    }

    /// Reads a line that stands at `base` of the block. `plain` says that the
    /// line is UTF-8 and holds no backslash.
    #[inline]
    pub(crate) fn read(
        &mut self,
        line: &[u8],
        base: usize,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        let row = rows.begin(time);
        if let Some((fitter, syntax)) = self.fitters.first()
            && (plain || *syntax == Syntax::Text)
            && fitter.fit(line, base, row)
        {
            return Outcome::Parsed;
        }
        self.read_other(line, base, time, plain, rows)
    }

    /// Reads a line that does not fit the template seen last.
    #[cold]
    fn read_other(
        &mut self,
        line: &[u8],
        base: usize,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        for at in 1..self.fitters.len() {
            if let Some((fitter, syntax)) = self.fitters.get(at)
                && (plain || *syntax == Syntax::Text)
                && fitter.fit(line, base, rows.reset())
            {
                self.fitters.swap(0, at);
                return Outcome::Parsed;
            }
        }
        rows.reset();
        let Ok(text) = std::str::from_utf8(line) else {
            rows.abandon();
            return Outcome::Quarantined("expected UTF-8".to_owned());
        };
        if self.reads_json {
            return self.read_json(text, base, time, plain, rows);
        }
        rows.abandon();
        Outcome::Quarantined("the line does not fit the log format".to_owned())
    }

    /// Reads the JSON objects of a line: one, or several glued together.
    fn read_json(
        &mut self,
        text: &str,
        base: usize,
        time: i64,
        plain: bool,
        rows: &mut Rows,
    ) -> Outcome {
        let used = match self.read_object(text, base, rows) {
            Ok(used) => used,
            Err(outcome) => return outcome,
        };
        let mut rest = text.get(used..).unwrap_or_default().trim_ascii();
        if rest.is_empty() {
            if plain && self.learned < LEARNED_MAX {
                self.learn(text, rows);
            }
            return Outcome::Parsed;
        }
        while !rest.is_empty() {
            rows.begin(time);
            let at = base + (rest.as_ptr() as usize - text.as_ptr() as usize);
            let Ok(used) = self.read_object(rest, at, rows) else { break };
            rest = rest.get(used..).unwrap_or_default().trim_ascii_start();
        }
        Outcome::Recovered
    }

    /// Reads one object into the last row, or takes the row back.
    fn read_object(&mut self, text: &str, base: usize, rows: &mut Rows) -> Result<usize, Outcome> {
        let read = self.json.read(text, base, rows).map_err(|error| describe(&error));
        let outcome = match read {
            Ok((traits, used)) if traits.request => {
                if traits.duplicate {
                    rows.mark_suspect();
                }
                return Ok(used);
            }
            Ok((traits, _)) if traits.metric => Outcome::Control,
            Ok(_) => Outcome::Quarantined("the object has no field of a request".to_owned()),
            Err(reason) => Outcome::Quarantined(reason),
        };
        rows.abandon();
        Err(outcome)
    }

    fn learn(&mut self, text: &str, rows: &Rows) {
        self.learned += 1;
        if let Some(template) = Template::learn(text.trim_end(), &self.names) {
            self.fitters.insert(0, (Fitter::new(&template, rows.layout()), Syntax::Json));
        }
    }
}

/// What is wrong with JSON, and in which column.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("expected a JSON object: {what} at column {}", error.column())
}
