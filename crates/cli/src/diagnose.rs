//! Errors as people read them: the message, the lines it is about, and what to do.

use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use miette::{SourceCode, SourceSpan};

use crate::world::World;

/// Makes `{report:?}` print for this world: colour and width are decided by the world alone.
pub(crate) fn install(world: &World) {
    let World { width, colour_on_error, .. } = *world;
    let theme =
        if colour_on_error { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    // A hook that is set already belongs to a test in this process, and does as well.
    let _ = miette::set_hook(Box::new(move |_| Box::new(handler.clone())));
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
    /// The bytes `span` of `text`, which stands in the file `name`.
    pub(crate) fn new(name: &str, text: Arc<str>, span: std::ops::Range<usize>) -> Place {
        let end = span.end.min(text.len());
        let start = span.start.min(end);
        Place { source: NamedSource::new(name, text), span: (start..end).into() }
    }
}

impl Problem {
    /// A problem that is not about any text.
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: None, place: None, others: Vec::new() }
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
