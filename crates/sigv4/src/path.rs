//! The path rule: the one function that says which path a request is about, or that it is about none.
//!
//! Two servers that read one path differently are two servers that authorize different things. So a
//! path that could be read in more than one way is refused, never repaired: a repaired request is not
//! what the caller signed. All that is done to an accepted path is what RFC 3986 §6.2.2 calls the same
//! path: escapes of unreserved characters are decoded, and hexadecimal digits made upper-case. The
//! result is what is authorized and what is forwarded.

use std::fmt;

use percent_encoding::percent_decode;

use crate::{
    ErrorType,
    class::Class,
    encode::{decode, has_odd_segment, malformed_escape},
    message::{capitalised, json_message},
};

/// The longest raw path, in bytes.
pub const PATH_BYTES_MAX: usize = 4096;

/// What a route opts in to. By default, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRule {
    /// `%2F` is data inside a segment, as in GitLab's `/projects/group%2Fname`.
    pub encoded_slash: bool,
    /// `;` is data inside a segment.
    pub semicolon: bool,
}

/// The part of a request line that the rule is about.
#[derive(Clone, Copy, Debug)]
pub struct RequestTarget<'a> {
    /// The raw path.
    pub path: &'a [u8],
    /// The authority of an absolute-form target, `GET http://authority/path`.
    pub authority: Option<&'a [u8]>,
    /// The value of the `Host` header.
    pub host: Option<&'a [u8]>,
}

impl<'a> RequestTarget<'a> {
    /// An origin-form target: a path alone.
    pub fn origin(path: &'a [u8]) -> Self {
        Self { path, authority: None, host: None }
    }
}

/// A path that can be read in one way only. Only [`PathRule::accept`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath(String);

impl CanonicalPath {
    /// The path, still encoded, beginning with a slash. A trailing slash is significant.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a path is refused, and where in the raw path, counted in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRefusal {
    /// Why.
    pub reason: PathReason,
    /// Where.
    pub position: usize,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathReason {
    /// More than [`PATH_BYTES_MAX`] bytes.
    TooLong,
    /// No slash at the beginning.
    Relative,
    /// The authority of an absolute-form target is not the `Host`.
    AuthorityDiffers,
    /// A byte outside ASCII.
    NonAscii,
    /// A space or a control character, raw or encoded.
    Control,
    /// `\` or `%5C`.
    Backslash,
    /// A raw `#` or `?`.
    Delimiter,
    /// A `%` that two hexadecimal digits do not follow.
    MalformedEscape,
    /// Not UTF-8 once decoded.
    InvalidUtf8,
    /// `%2F`, on a route that has not opted in.
    EncodedSlash,
    /// `;`, on a route that has not opted in.
    Semicolon,
    /// `//`.
    EmptySegment,
    /// `.` or `..`, in any encoding, with or without parameters behind.
    DotSegment,
}

impl PathRule {
    /// With every exception that a route can opt in to.
    pub const MOST_LENIENT: PathRule = PathRule { encoded_slash: true, semicolon: true };

    /// Accepts a path, or refuses it with the reason.
    ///
    /// ```
    /// use tollgate_sigv4::{PathReason, PathRule, RequestTarget};
    ///
    /// let rule = PathRule::default();
    /// let accept = |path: &'static str| rule.accept(&RequestTarget::origin(path.as_bytes()));
    /// assert_eq!(accept("/%72epos/a%2db/").unwrap().as_str(), "/repos/a-b/");
    /// assert_eq!(accept("/repos/%2e%2e/admin").unwrap_err().reason, PathReason::DotSegment);
    /// ```
    ///
    /// # Errors
    /// Says why the path is refused, and where.
    pub fn accept(&self, target: &RequestTarget<'_>) -> Result<CanonicalPath, PathRefusal> {
        check_authority(target)?;
        plain(target.path).map_or_else(|| self.judge(target.path), Ok)
    }

    fn judge(self, path: &[u8]) -> Result<CanonicalPath, PathRefusal> {
        check_form(path)?;
        check_bytes(path)?;
        check_decoded(path)?;
        let text = canonical_text(path);
        let in_raw = |refusal: PathRefusal| PathRefusal {
            position: raw_position(path, refusal.position),
            ..refusal
        };
        self.check_options(&text).and_then(|()| check_segments(&text)).map_err(in_raw)?;
        Ok(CanonicalPath(text))
    }

    /// What a route may opt in to.
    fn check_options(self, text: &str) -> Result<(), PathRefusal> {
        let slash = text.find("%2F").filter(|_| !self.encoded_slash);
        let semicolon = text.find(';').filter(|_| !self.semicolon);
        match (slash, semicolon) {
            (Some(position), _) => Err(PathReason::EncodedSlash.at(position)),
            (None, Some(position)) => Err(PathReason::Semicolon.at(position)),
            (None, None) => Ok(()),
        }
    }
}

fn check_authority(target: &RequestTarget<'_>) -> Result<(), PathRefusal> {
    match (target.authority, target.host) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Ok(()),
        (Some(_), _) => Err(PathReason::AuthorityDiffers.at(0)),
        (None, _) => Ok(()),
    }
}

/// A path without anything that could be read in two ways, as most are: it is canonical as it is,
/// whatever the rule.
fn plain(path: &[u8]) -> Option<CanonicalPath> {
    let accepted = path.len() <= PATH_BYTES_MAX
        && path.first() == Some(&b'/')
        && Class::PLAIN_PATH.has(path)
        && !has_odd_segment(path);
    let text = str::from_utf8(path).ok().filter(|_| accepted)?;
    Some(CanonicalPath(text.to_owned()))
}

fn check_form(path: &[u8]) -> Result<(), PathRefusal> {
    if path.len() > PATH_BYTES_MAX {
        return Err(PathReason::TooLong.at(PATH_BYTES_MAX));
    }
    if path.first() != Some(&b'/') {
        return Err(PathReason::Relative.at(0));
    }
    Ok(())
}

/// Raw bytes that do not belong into a path.
fn check_bytes(path: &[u8]) -> Result<(), PathRefusal> {
    let reason = |byte: u8| match byte {
        b' ' | b'\x7f' => Some(PathReason::Control),
        _ if byte.is_ascii_control() => Some(PathReason::Control),
        _ if !byte.is_ascii() => Some(PathReason::NonAscii),
        b'\\' => Some(PathReason::Backslash),
        b'#' | b'?' => Some(PathReason::Delimiter),
        _ => None,
    };
    let found = path
        .iter()
        .enumerate()
        .find_map(|(position, byte)| reason(*byte).map(|reason| reason.at(position)));
    found.map_or(Ok(()), Err)
}

/// Escapes, and what they stand for. `%252e` stands for `%2e`, which is data.
fn check_decoded(path: &[u8]) -> Result<(), PathRefusal> {
    if !path.contains(&b'%') {
        return Ok(());
    }
    if let Some(position) = malformed_escape(path) {
        return Err(PathReason::MalformedEscape.at(position));
    }
    let decoded = decode(path);
    let at = |reason: PathReason, decoded: usize| {
        reason.at(units(path).take(decoded).map(<[u8]>::len).sum())
    };
    let text = str::from_utf8(&decoded)
        .map_err(|error| at(PathReason::InvalidUtf8, error.valid_up_to()))?;
    let reason = |letter: char| match letter {
        '\\' => Some(PathReason::Backslash),
        _ if letter.is_control() => Some(PathReason::Control),
        _ => None,
    };
    let found = text
        .char_indices()
        .find_map(|(position, letter)| reason(letter).map(|reason| at(reason, position)));
    found.map_or(Ok(()), Err)
}

/// The escapes and single bytes of a path whose escapes are well formed. Each stands for one byte.
fn units(mut path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = if path.first()? == &b'%' { 3 } else { 1 };
        let (unit, rest) = path.split_at_checked(length)?;
        path = rest;
        Some(unit)
    })
}

/// Escapes of unreserved characters are those characters; others are in upper case.
fn canonical_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for unit in units(path) {
        match single_character(unit) {
            Some(character) => text.push(character),
            None => text.extend(unit.iter().map(|byte| char::from(byte.to_ascii_uppercase()))),
        }
    }
    text
}

/// The character that a unit is in canonical form, unless it stays an escape.
fn single_character(unit: &[u8]) -> Option<char> {
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    match unit {
        [byte] => Some(char::from(*byte)),
        escape => percent_decode(escape).next().filter(is_unreserved).map(char::from),
    }
}

/// Where in the raw path the byte `position` of the canonical one comes from.
fn raw_position(path: &[u8], position: usize) -> usize {
    let mut canonical = 0;
    let before = units(path).take_while(|unit| {
        let is_before = canonical < position;
        canonical += single_character(unit).map_or(unit.len(), |_| 1);
        is_before
    });
    before.map(<[u8]>::len).sum()
}

/// Segments are judged as the most credulous reader would see them: `%2F` separates them, and `;` or
/// `%3B` ends a name.
fn check_segments(text: &str) -> Result<(), PathRefusal> {
    let segments = segments(text);
    let last = segments.len().saturating_sub(1);
    for (index, (position, segment)) in segments.iter().enumerate() {
        if segment.is_empty() && index != 0 && index != last {
            return Err(PathReason::EmptySegment.at(*position));
        }
        if is_dot_segment(segment) {
            return Err(PathReason::DotSegment.at(*position));
        }
    }
    Ok(())
}

/// What lies between slashes of either spelling, with its position. The first is always empty.
fn segments(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    for outer in text.split('/') {
        let mut position = start;
        for inner in outer.split("%2F") {
            found.push((position, inner));
            position += inner.len() + "%2F".len();
        }
        start += outer.len() + "/".len();
    }
    found
}

/// `.` or `..`, alone or before a parameter.
fn is_dot_segment(segment: &str) -> bool {
    let ends_name =
        |rest: &str| rest.is_empty() || rest.starts_with(';') || rest.starts_with("%3B");
    [".", ".."].iter().any(|dots| segment.strip_prefix(dots).is_some_and(ends_name))
}

impl PathReason {
    fn at(self, position: usize) -> PathRefusal {
        PathRefusal { reason: self, position }
    }

    fn text(self) -> &'static str {
        match self {
            Self::TooLong => "longer than 4096 bytes",
            Self::Relative => "expected `/`",
            Self::AuthorityDiffers => "the authority in the request line is not the `Host`",
            Self::NonAscii => "a byte outside ASCII must be percent-encoded",
            Self::Control => "a space or control character",
            Self::Backslash => "a backslash",
            Self::Delimiter => "a raw `#` or `?`",
            Self::MalformedEscape => "expected two hexadecimal digits after `%`",
            Self::InvalidUtf8 => "not UTF-8 once decoded",
            Self::EncodedSlash => "an encoded slash, `%2F`, which this route does not accept",
            Self::Semicolon => "a path parameter, `;`, which this route does not accept",
            Self::EmptySegment => "an empty segment, `//`",
            Self::DotSegment => "a dot segment, `.` or `..`",
        }
    }
}

impl PathRefusal {
    /// AWS's error type: a path is malformed whoever sent it.
    pub fn error_type(&self) -> ErrorType {
        ErrorType::BadRequest
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.error_type().status()
    }

    /// The body of the answer: a JSON object with one `message`.
    pub fn body(&self) -> String {
        json_message(&capitalised(&self.to_string()))
    }
}

impl fmt::Display for PathRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request path refused: {} at position {}", self.reason.text(), self.position)
    }
}

impl std::error::Error for PathRefusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_judged_as_any_other() {
        let letters = b"/.aZ%2eF;\\ ~:*";
        let longest = 5;
        let mut paths = vec![b"/".to_vec()];
        while let Some(path) = paths.pop() {
            if let Some(accepted) = plain(&path) {
                let judged = PathRule::default().judge(&path);
                assert_eq!(judged.as_ref(), Ok(&accepted), "{}", path.escape_ascii());
            }
            if path.len() < longest {
                paths.extend(letters.iter().map(|letter| [&path[..], &[*letter]].concat()));
            }
        }
    }
}
