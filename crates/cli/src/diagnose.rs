//! Errors as people read them: the message, the lines it is about, and what to do.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use miette::{SourceCode, SourceSpan};
use tollgate_secrets::literal::Blotted;

use crate::world::World;

/// Makes `{report:?}` print for this world: colour and width are decided by the world alone.
pub(crate) fn install(world: &World) {
    let handler = handler(world, world.colour_on_error);
    // A hook that is set already belongs to a test in this process, and does as well.
    let _ = miette::set_hook(Box::new(move |_| Box::new(handler.clone())));
}

fn handler(world: &World, colour: bool) -> GraphicalReportHandler {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme).with_width(world.width).with_links(false)
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
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = handler(world, world.colour).render_report(&mut text, self);
        text.push('\n');
        text
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

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let others = self.others.iter().map(|other| other as &dyn Diagnostic);
        (!self.others.is_empty()).then(|| Box::new(others) as Box<dyn Iterator<Item = _>>)
    }
}
