//! Errors as people read them: the message, the lines it is about, and what to do.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use miette::{SourceCode, SourceSpan};
use tollgate_analyzer::text::in_lines;
use tollgate_secrets::literal::Blotted;

use crate::world::World;

/// Says on standard error what is wrong.
pub(crate) fn complain(report: &miette::Report, world: &World) {
    let all: Vec<&dyn Diagnostic> = match report.downcast_ref::<Problem>() {
        Some(first) => iter::once(first).chain(&first.others).map(|it| it as _).collect(),
        None => vec![report.as_ref()],
    };
    let all: Vec<String> =
        all.into_iter().map(|it| drawn(it, world, world.colour_on_error)).collect();
    world.complain_drawn(&all.join("\n"));
}

/// A problem as lines.
fn drawn(diagnostic: &dyn Diagnostic, world: &World, colour: bool) -> String {
    themed(colour, |theme| {
        let handler = GraphicalReportHandler::new_themed(theme);
        let handler = handler.with_width(world.width).with_links(false);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = handler.render_report(&mut text, diagnostic);
        text
    })
}

/// What is drawn with a theme. Whatever files hold and are called, it steers no terminal: with such
/// characters in it, it has no colours, which could not be told from them.
pub(crate) fn themed(colour: bool, draw: impl Fn(GraphicalTheme) -> String) -> String {
    let plain = draw(GraphicalTheme::unicode_nocolor());
    let seen = in_lines(&plain);
    if colour && seen == plain { draw(GraphicalTheme::unicode()) } else { seen }
}

/// Something wrong in a text: message, place, and a suggestion.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What is wrong: lower case, no final period.
    pub(crate) message: String,
    /// What was expected, or what might have been meant.
    pub(crate) help: Option<String>,
    /// The text that it is about, if any.
    pub(crate) place: Option<Place>,
    /// Others of the same kind, found in the same run.
    pub(crate) others: Vec<Problem>,
}

/// A place in a named text.
#[derive(Debug)]
pub(crate) struct Place {
    source: NamedSource<Arc<str>>,
    span: SourceSpan,
}

impl Place {
    /// The bytes `span` of `text`, which stands in the file `name`. What looks like a credential in
    /// the text is not shown.
    pub(crate) fn new(name: &str, text: &str, span: Range<usize>) -> Place {
        Place::blotted(name, Blotted::new(text, []), span)
    }

    /// The same of a place that holds a secret, whatever it looks like.
    pub(crate) fn of_secret(name: &str, text: &str, span: Range<usize>) -> Place {
        Place::blotted(name, Blotted::new(text, [span.clone()]), span)
    }

    fn blotted(name: &str, blotted: Blotted, span: Range<usize>) -> Place {
        let span = blotted.place(&span);
        let end = span.end.min(blotted.text.len());
        let start = span.start.min(end);
        Place { source: NamedSource::new(name, blotted.text.into()), span: (start..end).into() }
    }
}

impl Problem {
    /// A problem that is not about any text.
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: None, place: None, others: Vec::new() }
    }

    /// The problem as a part of a report on standard output, with a blank line after it.
    pub(crate) fn shown(&self, world: &World) -> String {
        drawn(self, world, world.colour) + "\n"
    }

    /// Several problems as one, the first first; `None` for none.
    pub(crate) fn first_of(problems: impl IntoIterator<Item = Problem>) -> Option<Problem> {
        let mut problems = problems.into_iter();
        let first = problems.next()?;
        Some(Problem { others: problems.collect(), ..first })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label = LabeledSpan::new_primary_with_span(Some("here".to_owned()), place.span);
        Some(Box::new(std::iter::once(label)))
    }
}
