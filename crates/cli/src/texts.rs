//! Texts: those that arguments name (files, folders, globs, standard input), and those that are shown.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use miette::{IntoDiagnostic, WrapErr};
use tollgate_log::{Input, InputError};

/// The files that arguments mean. Of a folder, those with one of these extensions; `what` says for
/// messages what is looked for.
///
/// # Errors
/// An argument that names nothing.
pub(crate) fn expand(
    arguments: &[String],
    extensions: &[&str],
    what: &str,
) -> miette::Result<Vec<Input>> {
    let shown: Vec<String> = extensions.iter().map(|it| format!("`.{it}`")).collect();
    let nothing = |argument: &str| {
        let shown = shown.join(", ");
        miette::miette!("expected {what} ({shown}) in `{argument}`, found none")
    };
    let mut files = Vec::new();
    for argument in arguments {
        let mut found = Input::expand(argument).map_err(|error| match error {
            InputError::Nothing { argument } => nothing(&argument),
            other => miette::miette!("{other}"),
        })?;
        if Path::new(argument).is_dir() {
            found.retain(|input| has_extension(input, extensions));
        }
        if found.is_empty() {
            return Err(nothing(argument));
        }
        files.extend(found);
    }
    Ok(files)
}

fn has_extension(input: &Input, extensions: &[&str]) -> bool {
    match input {
        Input::File(path) => path
            .extension()
            .is_some_and(|found| extensions.iter().any(|it| found.eq_ignore_ascii_case(it))),
        Input::Stdin => true,
    }
}

/// The name of an input for reports, and its text.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(crate) fn read(input: &Input) -> miette::Result<(String, Arc<str>)> {
    let (name, bytes) = match input {
        Input::File(path) => (path.display().to_string(), std::fs::read(path)),
        Input::Stdin => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        }
    };
    let bytes = bytes.into_diagnostic().wrap_err_with(|| format!("cannot read `{name}`"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text.into())),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(miette::miette!("cannot read `{name}`: expected UTF-8, byte {at} is not"))
        }
    }
}

/// Breaks text at blanks into lines of at most `width` characters, the lines after the first indented;
/// a longer word has its own line.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent.len() && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped.push('\n');
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("aa bb cccccc d", 5, ""), "aa bb\ncccccc\nd\n");
        assert_eq!(wrap("- aa bbb c dddddd e", 6, "  "), "- aa\n  bbb\n  c\n  dddddd\n  e\n");
    }
}
