//! What of a manifest is not repeated, in excerpts and messages.
//!
//! A manifest has no secrets in it, but for those that somebody put there: in the place of a
//! reference, under a key that does not exist, into a URL, without the closing quote. So the rule is
//! which values **may** be shown: those of keys that are known and hold no secret, and where a secret
//! is referred to, those that read as names. All else is blotted out.

use std::ops::Range;
use std::sync::Arc;

use tollgate_literals::{is_name, is_placeholder};

use self::pieces::{Piece, PieceKind, pieces};
use crate::problem::suggestion;

mod keys;
mod pieces;

/// A place in a manifest that is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confidential {
    /// Its bytes, without quotes.
    pub span: Range<usize>,
    /// Whether it stands where nothing but a reference or a known word should.
    pub is_literal: bool,
}

/// What may be told of the values at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Area {
    /// Everything but what URLs hold.
    Open,
    /// Names.
    Names,
    Nothing,
}

/// What stands for the secret in a format or a URL.
const PLACEHOLDER: &str = "{secret}";

/// The shortest text that messages are searched for: anything shorter is found everywhere.
const SEARCHED_BYTES_MIN: usize = 3;

/// Everything in a manifest that is not shown, in order. It need be no TOML.
pub fn confidential(text: &str) -> Vec<Confidential> {
    pieces(text).iter().flat_map(|piece| judge(text, piece)).collect()
}

/// A manifest as it is shown: every byte is where it was.
pub fn shown(text: &str) -> String {
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for Confidential { span, .. } in confidential(text) {
        shown.push_str(text.get(end..span.start).unwrap_or_default());
        shown.extend(text.get(span.clone()).unwrap_or_default().chars().map(blot));
        end = span.end;
    }
    shown.push_str(text.get(end..).unwrap_or_default());
    shown
}

/// A sign that is as wide, and takes as many bytes.
fn blot(char: char) -> char {
    match (char, char.len_utf8()) {
        ('\n' | '\r', _) => char,
        (_, 1) => '*',
        (_, 2) => '¤',
        (_, 3) => '•',
        _ => '𝄪',
    }
}

/// Text and message of a problem with a manifest, neither with anything that is confidential.
pub(crate) fn told(text: &str, message: &str) -> (Arc<str>, String) {
    let mut values: Vec<String> = Vec::new();
    for piece in pieces(text).iter().filter(|piece| piece.kind != PieceKind::Comment) {
        let is_of_secrets = area(&piece.path) == Area::Names;
        for Confidential { span, .. } in judge(text, piece) {
            let written = text.get(span).unwrap_or_default();
            let value = unescaped(written);
            // As the parser quotes it, too.
            let quoted = format!("{value:?}").trim_matches('"').to_owned();
            let unlike_names = [written.to_owned(), value, quoted].into_iter().filter(|value| {
                value.len() >= SEARCHED_BYTES_MIN && (is_of_secrets || !is_name(value))
            });
            values.extend(unlike_names);
        }
    }
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let message = values.iter().fold(message.to_owned(), |told, value| told.replace(value, "…"));
    (shown(text).into(), message)
}

/// What a text between quotes means.
fn unescaped(written: &str) -> String {
    let quoted = format!("text = \"{written}\"");
    let table: Option<toml::Table> = toml::from_str(&quoted).ok();
    let text = table.and_then(|table| Some(table.get("text")?.as_str()?.to_owned()));
    text.unwrap_or_else(|| written.to_owned())
}

fn judge(text: &str, piece: &Piece<'_>) -> Vec<Confidential> {
    let area = area(&piece.path);
    let hidden = |span| vec![Confidential { span, is_literal: false }];
    match piece.kind {
        PieceKind::Comment if area == Area::Open => Vec::new(),
        PieceKind::Key => {
            let (span, _) = unquoted(text, &piece.span);
            let key = text.get(span.clone()).unwrap_or_default();
            let is_shown = area != Area::Names || keys::is_known(key) || is_name(key);
            if is_shown { Vec::new() } else { hidden(span) }
        }
        PieceKind::Comment | PieceKind::Debris => hidden(piece.span.clone()),
        PieceKind::Value => {
            let (span, is_whole) = unquoted(text, &piece.span);
            let value = text.get(span.clone()).unwrap_or_default();
            let key = piece.path.last().copied().unwrap_or_default();
            match area {
                Area::Open if is_whole => of_url(key, value, span.start),
                Area::Names if is_whole && is_shown_name(key, value) => Vec::new(),
                Area::Names => vec![Confidential { span, is_literal: is_literal(key, value) }],
                Area::Open | Area::Nothing => hidden(span),
            }
        }
    }
}

fn area(path: &[&str]) -> Area {
    let is_known = |key: &&str| keys::OPEN.contains(key);
    let first = path.first().copied().unwrap_or_default();
    let is_credential = !is_known(&first) && suggestion(first, ["credential"]).is_some();
    let is_of_author = |key: &&str| keys::FREE.contains(key);
    let own = path.iter().position(is_of_author).map_or(path.len(), |at| at + 1);
    let refers =
        path.iter().skip(1).any(|key| *key != "credential" && keys::REFERRING.contains(key));
    match path.get(..own) {
        _ if first == "credential" || is_credential || refers => Area::Names,
        Some(keys) if keys.iter().all(is_known) => Area::Open,
        _ => Area::Nothing,
    }
}

/// What stands between the quotes, and whether both are there, on one line.
fn unquoted(text: &str, span: &Range<usize>) -> (Range<usize>, bool) {
    let written = text.get(span.clone()).unwrap_or_default();
    let Some(quote) = written.chars().next().filter(|char| ['"', '\''].contains(char)) else {
        return (span.clone(), true);
    };
    let inner = written.trim_start_matches(quote);
    let start = span.end - inner.len();
    let value = inner.trim_end_matches(quote);
    let is_whole = written.len() == value.len() + 2 && !value.contains(['\n', '\\']);
    (start..start + value.len(), is_whole)
}

fn is_shown_name(key: &str, value: &str) -> bool {
    match key {
        "format" => value.contains(PLACEHOLDER) && is_name(&value.replace(PLACEHOLDER, "")),
        _ => keys::OF_REFERENCES.contains(&key) && is_name(value),
    }
}

/// Whether a value that is not shown is a secret that should not be there: others may be ids that
/// look like one.
fn is_literal(key: &str, value: &str) -> bool {
    let value = value.replace(PLACEHOLDER, "");
    let may_be_odd =
        keys::OF_REFERENCES.contains(&key) && !["env", "format", "inject"].contains(&key);
    !may_be_odd && !["", "true", "false"].contains(&value.as_str()) && !is_placeholder(&value)
}

/// Keys whose values are addresses, with a scheme or without.
const ADDRESSES: [&str; 3] = ["public", "server", "url"];

/// What a URL holds that is no address: who logs in, and all that stands behind the path. A path
/// with anything in it but names is not shown either, since some services want keys there.
fn of_url(key: &str, value: &str, start: usize) -> Vec<Confidential> {
    let (start, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (start + scheme.len() + 3, rest),
        None if ADDRESSES.contains(&key) => (start, value),
        None => return Vec::new(),
    };
    let part = |from: usize, to: usize| rest.get(from..to).unwrap_or_default();
    let at = |from: usize, to: usize, is_secret: bool| Confidential {
        span: start + from..start + to,
        is_literal: is_secret && !is_placeholder(part(from, to)),
    };
    // A password may have any sign in it that ends a host.
    let login_end = rest.rfind('@').unwrap_or_default();
    let login = part(0, login_end).find(':').map_or(0, |colon| colon + 1);
    let path_end = part(login_end, rest.len()).find(['?', '#']).map(|end| login_end + end);
    let (path_end, query) = path_end.map_or((rest.len(), rest.len()), |end| (end, end + 1));
    let path = part(login_end, path_end).find('/').map_or(path_end, |path| login_end + path);
    let is_odd = key == "url" && !is_name(&part(path, path_end).replace(PLACEHOLDER, ""));
    let path = if is_odd { path } else { path_end };
    let parts =
        [at(login, login_end, true), at(path, path_end, false), at(query, rest.len(), true)];
    parts.into_iter().filter(|part| !part.span.is_empty()).collect()
}

#[cfg(test)]
mod tests;
