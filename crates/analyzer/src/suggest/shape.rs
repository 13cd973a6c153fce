//! The shape of a call: its route, and the values of the route's parameters.
//!
//! The route is the configured one, or the manifest's. Where neither says more than "everything", it
//! is guessed: segments that look like ids are taken for parameters.

use std::borrow::Cow;

use super::calls::Seen;
use super::values::Branch;
use crate::call;

/// The route of a call, taken apart.
pub(crate) struct Route<'r> {
    /// `/repos/{owner}/{repo}`; empty where the call is not one of an API.
    pub(crate) template: Cow<'r, str>,
    /// Whether it was guessed from the path.
    pub(crate) is_guess: bool,
    path: Option<&'r str>,
    values: Vec<&'r str>,
}

impl<'r> Route<'r> {
    /// The route of a call.
    pub(crate) fn of(seen: &Seen<'_, 'r, '_>) -> Route<'r> {
        let Some(path) = seen.path else {
            return Route { template: "".into(), is_guess: false, path: None, values: Vec::new() };
        };
        let configured = call::configured_route(seen.row).map(Cow::Borrowed);
        let declared = || {
            let route = seen.api?.route(seen.method, path)?;
            Some(Cow::Owned(route.template.as_str().to_owned()))
        };
        let template = configured.filter(|route| !route.contains("+}")).or_else(declared);
        let aligned = template.filter(|route| !is_catch_all(route)).and_then(|template| {
            let values = align(&template, path)?;
            Some(Route { template, is_guess: false, path: Some(path), values })
        });
        aligned.unwrap_or_else(|| guess(path))
    }

    /// The resource up to its path, and the values of the parameters in the path. A resource that is
    /// not an API's is a value altogether.
    pub(crate) fn apart<'q>(&self, resource: &'q str) -> (&'q str, Vec<&'q str>)
    where
        'r: 'q,
    {
        let Some(path) = self.path else { return ("", vec![resource]) };
        let path = path.strip_prefix('/').unwrap_or(path);
        let head = resource.strip_suffix(path).unwrap_or(resource);
        (head, self.values.clone())
    }
}

fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

/// `/{proxy+}` tells nothing.
fn is_catch_all(template: &str) -> bool {
    let mut all = segments(template);
    all.next().is_some_and(|first| first.ends_with("+}")) && all.next().is_none()
}

/// The values of a template's parameters in a path; `None` if it is not the path's.
fn align<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
    let mut values = Vec::new();
    for segment in segments(template) {
        if segment.ends_with("+}") {
            values.push(rest.take()?);
            continue;
        }
        let here = rest?;
        let (value, after) = match here.split_once('/') {
            Some((value, after)) => (value, Some(after)),
            None => (here, None),
        };
        rest = after;
        match is_parameter(segment) {
            true => values.push(value),
            false if segment == value => {}
            false => return None,
        }
    }
    rest.is_none().then_some(values)
}

/// A route for a path of which none is known.
fn guess(path: &str) -> Route<'_> {
    let (mut template, mut values) = (String::new(), Vec::new());
    for segment in segments(path) {
        template.push('/');
        if call::looks_like_an_id(segment) || is_parameter(segment) {
            template.push_str("{id}");
            values.push(segment);
        } else {
            template.push_str(segment);
        }
    }
    Route { template: template.into(), is_guess: true, path: Some(path), values }
}

/// What calls in one place have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A route, and what comes before its path: `arn:…:a1b2c3/prod/GET/`.
    Route(String, String),
    /// The same, of a route that was guessed.
    Guess(String, String),
    /// A resource that is not an API's.
    Whole,
    /// There were too many to tell apart.
    Other,
}

impl Shape {
    pub(crate) fn new(head: String, template: String, is_guess: bool) -> Shape {
        match is_guess {
            _ if head.is_empty() => Shape::Whole,
            true => Shape::Guess(head, template),
            false => Shape::Route(head, template),
        }
    }

    /// What comes before the path.
    pub(crate) fn head(&self) -> Option<&str> {
        match self {
            Shape::Route(head, _) | Shape::Guess(head, _) => Some(head),
            Shape::Whole | Shape::Other => None,
        }
    }

    /// The method, which the head ends with.
    pub(crate) fn method(&self) -> Option<&str> {
        self.head()?.trim_end_matches('/').rsplit('/').next()
    }

    /// How many values a call of this shape has.
    pub(crate) fn levels(&self) -> usize {
        match self {
            Shape::Route(_, template) | Shape::Guess(_, template) => parameters(template),
            Shape::Whole => 1,
            Shape::Other => 0,
        }
    }
}

/// How many parameters a template has.
pub(crate) fn parameters(template: &str) -> usize {
    segments(template).filter(|segment| is_parameter(segment)).count()
}

/// The segments of a template with values put in: literal text, or `None` for any.
pub(crate) fn fill(template: &str, branch: &Branch) -> Branch {
    let mut values = branch.iter();
    let segment = |segment: &str| match is_parameter(segment) {
        true => values.next().cloned().flatten(),
        false => Some(segment.into()),
    };
    segments(template).map(segment).collect()
}

/// The pattern of segments under a head: `*` for any, all else literally.
///
/// `*` takes slashes as well: there is no wildcard in IAM that does not.
pub(crate) fn pattern(head: &str, segments: &Branch) -> String {
    let mut pattern = literal(head);
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            pattern.push('/');
        }
        match segment {
            Some(text) => pattern.push_str(&literal(text)),
            None => pattern.push('*'),
        }
    }
    pattern
}

/// Whether a pattern of these segments matches some path of a route. A catch-all does not count.
pub(crate) fn reaches(pattern: &[Option<Box<str>>], template: &str) -> bool {
    let route: Vec<&str> = segments(template).collect();
    !is_catch_all(template) && may_match(pattern, &route)
}

fn may_match(pattern: &[Option<Box<str>>], route: &[&str]) -> bool {
    let (Some((first, more)), Some((segment, rest))) = (pattern.split_first(), route.split_first())
    else {
        return pattern.is_empty() && route.is_empty();
    };
    let fits = match first {
        None => true,
        Some(text) => is_parameter(segment) || **text == **segment,
    };
    // A `*` takes any number of segments, and so does a greedy parameter.
    fits && (may_match(more, rest)
        || first.is_none() && may_match(pattern, rest)
        || segment.ends_with("+}") && may_match(more, route))
}

/// Text as a pattern that matches nothing but this text.
pub(crate) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '*' | '?' => pattern.extend(["${", if next == '*' { "*" } else { "?" }, "}"]),
            '$' if rest.peek() == Some(&'{') => pattern.push_str("${$}"),
            other => pattern.push(other),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_the_values_of_its_parameters() {
        assert_eq!(align("/repos/{owner}/{repo}", "/repos/acme/site"), Some(vec!["acme", "site"]));
        assert_eq!(align("/refs/{ref+}", "/refs/tags/v1"), Some(vec!["tags/v1"]));
        assert_eq!(align("/", "/"), Some(vec![]));
        assert_eq!(align("/pets", "/pets"), Some(vec![]));
        for (template, path) in [
            ("/pets", "/pets/"),
            ("/pets/{id}", "/pets"),
            ("/pets/{id}", "/cats/1"),
            ("/a", "/a/b"),
        ] {
            assert_eq!(align(template, path), None, "{template} {path}");
        }
    }

    #[test]
    fn ids_are_guessed() {
        let route = guess("/repos/acme/17");
        assert_eq!((&*route.template, route.values), ("/repos/acme/{id}", vec!["17"]));
        assert!(is_catch_all("/{proxy+}") && !is_catch_all("/a/{proxy+}") && !is_catch_all("/{a}"));
    }

    #[test]
    fn a_star_reaches_the_routes_below() {
        let check = |pattern: &str, template: &str, expected: bool| {
            let segment = |text: &str| (text != "*").then(|| text.into());
            let pattern: Branch = pattern.split('/').map(segment).collect();
            assert_eq!(reaches(&pattern, template), expected, "{template}");
        };
        check("repos/*/*", "/repos/{owner}/{repo}/issues", true);
        check("repos/acme/*", "/repos/{owner}/{repo}", true);
        check("repos/*/issues", "/repos/{owner}/{repo}/issues", true);
        check("repos/acme/site/issues/*", "/repos/{owner}/{repo}/commits", false);
        check("repos/acme/site/issues/*", "/repos/{owner}/{repo}/issues", false);
        check("refs/*/x", "/refs/{ref+}", true);
        check("refs/*", "/{proxy+}", false);
    }

    #[test]
    fn what_stands_in_a_path_is_text() {
        assert_eq!(literal("a*b?${x}$y"), "a${*}b${?}${$}{x}$y");
        let segments = fill("/a/{b}/c/{d+}", &vec![Some("*".into()), None]);
        assert_eq!(pattern("arn:x/$default/GET/", &segments), "arn:x/$default/GET/a/${*}/c/*");
    }
}
