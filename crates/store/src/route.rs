//! Route templates: `/repos/{owner}/{repo}/issues`, `/{proxy+}`.

/// A route's path, taken apart once, for matching concrete paths.
///
/// ```
/// use tollgate_store::RouteTemplate;
///
/// let route = RouteTemplate::new("/repos/{owner}/{repo}/issues");
/// assert!(route.matches("/repos/acme/site/issues"));
/// assert!(!route.matches("/repos/acme/site/issues/7"));
/// assert!(RouteTemplate::new("/{proxy+}").matches("/any/thing"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate {
    text: String,
    segments: Vec<Segment>,
}

/// Ordered from the most specific to the least: routes sort by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter,
    Rest,
}

impl RouteTemplate {
    /// Takes a route's path apart: `{name}` stands for one segment that is not empty, `{name+}` for
    /// one or more.
    pub fn new(path: &str) -> RouteTemplate {
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').map(Segment::new);
        RouteTemplate { text: path.to_owned(), segments: segments.collect() }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the template has parameters, so that its text is no concrete path.
    pub fn has_parameters(&self) -> bool {
        self.segments.iter().any(|segment| !matches!(segment, Segment::Literal(_)))
    }

    /// Whether the last segment takes all the rest.
    pub fn is_greedy(&self) -> bool {
        self.segments.last() == Some(&Segment::Rest)
    }

    /// Whether a concrete path belongs to the route. A trailing slash is significant.
    pub fn matches(&self, path: &str) -> bool {
        let mut rest = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            let Some(found) = rest.next() else { return false };
            match segment {
                Segment::Literal(text) if text == found => {}
                Segment::Parameter if !found.is_empty() => {}
                Segment::Rest => return !found.is_empty(),
                _ => return false,
            }
        }
        rest.next().is_none()
    }

    /// The order of choice among routes that match the same path: literals before parameters before
    /// the rest, from left to right; so API Gateway chooses.
    pub fn precedence(&self, other: &RouteTemplate) -> std::cmp::Ordering {
        self.segments.cmp(&other.segments).then_with(|| self.text.cmp(&other.text))
    }
}

impl Segment {
    fn new(text: &str) -> Segment {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if name.ends_with('+') => Segment::Rest,
            Some(_) => Segment::Parameter,
            None => Segment::Literal(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, path: &str, expected: bool) {
        assert_eq!(RouteTemplate::new(template).matches(path), expected, "{template} {path}");
    }

    #[test]
    fn a_parameter_is_one_segment_and_never_empty() {
        check("/pets/{id}", "/pets/7", true);
        check("/pets/{id}", "/pets/", false);
        check("/pets/{id}", "/pets/7/x", false);
        check("/pets", "/pets/", false);
        check("/", "/", true);
    }

    #[test]
    fn a_greedy_parameter_takes_the_rest_but_not_nothing() {
        check("/{proxy+}", "/a/b/c", true);
        check("/{proxy+}", "/", false);
        check("/a/{proxy+}", "/b/c", false);
    }

    #[test]
    fn literals_come_before_parameters_before_the_rest() {
        let mut routes = ["/{proxy+}", "/pets/{id}", "/pets/mine"].map(RouteTemplate::new);
        routes.sort_by(RouteTemplate::precedence);
        let order: Vec<_> = routes.iter().map(RouteTemplate::as_str).collect();
        assert_eq!(order, ["/pets/mine", "/pets/{id}", "/{proxy+}"]);
    }
}
