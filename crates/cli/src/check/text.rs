//! The report for people: each finding with its lines, then a line a file, then the sum.

use std::fmt::{self, Display, Write};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use tollgate_policy::{Diagnostic, Severity};

use crate::diagnose::themed;
use crate::world::World;

use super::excerpt::Excerpt;
use super::report::{Checked, Report};
use super::subject::KnownFrom;

/// Prints the report; in colour if it goes to a terminal, and not `to_file`.
pub(super) fn print(report: &Report, world: &World, to_file: bool) -> String {
    themed(world.colour && !to_file, |theme| lay_out(report, world, theme))
}

fn lay_out(report: &Report, world: &World, theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(world.width)
        .with_links(false)
        .with_wrap_lines(false);
    let mut text = String::new();
    for file in &report.files {
        for finding in &file.findings {
            // Writing into a string cannot fail.
            let _ = handler.render_report(&mut text, &Shown::new(file, finding));
            text.push('\n');
        }
    }
    for file in &report.files {
        let _ = writeln!(text, "{}", Summary(file));
    }
    if report.files.iter().any(|file| file.known_from == KnownFrom::Guess) {
        text.push_str("A guess can be wrong: `--type` or `--account` says what a policy is.\n");
    }
    let files = counted(report.files.len(), "file");
    let _ =
        writeln!(text, "{files} checked: {}", found(report.errors, report.warnings, report.notes));
    text
}

struct Summary<'r>(&'r Checked);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary(file) = self;
        let known_from = match file.known_from {
            KnownFrom::Flag => "",
            KnownFrom::Manifest => ", says the manifest",
            KnownFrom::Guess => ", a guess",
        };
        let count = |severity| file.count(severity);
        let found = found(count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        write!(f, "{} ({}{known_from}): {found}", file.name, file.policy_type)?;
        match file.more_errors {
            0 => Ok(()),
            more => write!(f, ", {more} of the errors not shown"),
        }
    }
}

/// `2 errors, 1 warning`, or `nothing found`.
fn found(errors: usize, warnings: usize, notes: usize) -> String {
    let counts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
    let some: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    if some.is_empty() { "nothing found".to_owned() } else { some.join(", ") }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A finding as miette shows it.
#[derive(Debug)]
struct Shown<'r> {
    finding: &'r Diagnostic,
    excerpt: Excerpt,
}

impl<'r> Shown<'r> {
    fn new(file: &Checked, finding: &'r Diagnostic) -> Shown<'r> {
        let excerpt = Excerpt::new(&file.name, &file.source, finding.span, finding.position);
        Shown { finding, excerpt }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(format!("{} {}", self.finding.severity(), self.finding.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let related = self.finding.related.as_ref();
        let related = related.map(|it| format!("{}: {}", it.position, it.message));
        let help: Vec<String> = self.finding.help().into_iter().chain(related).collect();
        (!help.is_empty()).then(|| Box::new(help.join("\n")) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_primary_with_span(None, self.excerpt.label);
        Some(Box::new(std::iter::once(label)))
    }
}
