//! What a row of the log asked for: who called, which API, which path, which route.

use tollgate_store::{Account, ApiEntry};

use crate::places::Target;
use crate::rows::Row;

/// A call: a row, taken apart. Numbers are those that the gatherer gave to names that repeat.
#[derive(Clone, Copy)]
pub(crate) struct Call<'r, 'a> {
    pub(crate) row: Row<'r, 'r>,
    pub(crate) caller: &'r str,
    pub(crate) caller_number: u32,
    pub(crate) target: Target<'a>,
    /// The API's entry in the account.
    pub(crate) api: Option<&'a ApiEntry>,
    pub(crate) method: &'r str,
    pub(crate) path: Option<&'r str>,
    /// Without the method.
    pub(crate) route: &'r str,
    /// Of the method and the route.
    pub(crate) route_number: u32,
    /// The third party: what the row says, else what the account says of the route.
    pub(crate) upstream: Option<&'r str>,
    /// The alias of the credential, likewise.
    pub(crate) credential: Option<&'r str>,
}

/// Who an unsigned request comes from.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// The caller as reports name it: `$context.identity.userArn`, else user, else caller, else
/// `anonymous`.
pub(crate) fn caller<'a>(row: Row<'_, 'a>) -> &'a str {
    row.user_arn().or_else(|| row.user()).or_else(|| row.caller_id()).unwrap_or(ANONYMOUS)
}

/// The route as API Gateway was configured with it: `resourcePath`, else the path of `routeKey`.
pub(crate) fn configured_route<'a>(row: Row<'_, 'a>) -> Option<&'a str> {
    row.resource_path().or_else(|| Some(row.route_key()?.split_once(' ')?.1))
}

/// The method: `httpMethod`, else that of `routeKey`.
pub(crate) fn method<'a>(row: Row<'_, 'a>) -> Option<&'a str> {
    row.method().or_else(|| Some(row.route_key()?.split_once(' ')?.0))
}

/// The API that was called: by its id; if the log does not tell that, the account's only one.
pub(crate) fn api<'a>(account: &'a Account, row: Row<'_, '_>) -> Option<&'a ApiEntry> {
    match (row.api_id(), account.apis()) {
        (Some(id), _) => account.api(id),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// The stage: the logged one; if the log does not tell it, the API's only one.
pub(crate) fn stage<'a>(api: &'a ApiEntry, row: Row<'_, 'a>) -> Option<&'a str> {
    row.stage().or(match api.stages() {
        [only] => Some(only),
        _ => None,
    })
}

/// The concrete path that was authorized, without the stage.
///
/// `$context.path` includes the stage when the API is called by its own host name, and does not
/// when it is called by a custom domain's. So the stage is left out where the path begins with it,
/// unless the configured route shows that the path has no segment too many. A log without `path`
/// still tells it if the route has no parameters.
pub(crate) fn path<'a>(row: Row<'_, 'a>) -> Option<&'a str> {
    let route = configured_route(row);
    let Some(path) = row.path() else {
        return route.filter(|route| !route.contains('{'));
    };
    match row.stage().and_then(|stage| without_stage(path, stage)) {
        Some(rest) if !route.is_some_and(|route| same_length(route, path)) => Some(rest),
        _ => Some(path),
    }
}

fn without_stage<'a>(path: &'a str, stage: &str) -> Option<&'a str> {
    match path.strip_prefix('/')?.strip_prefix(stage)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// Whether a route and a path have as many segments as each other. A greedy route, `{proxy+}`,
/// takes any number, and so tells nothing.
fn same_length(route: &str, path: &str) -> bool {
    let segments = |text: &str| text.bytes().filter(|&byte| byte == b'/').count();
    !route.contains("+}") && segments(route) == segments(path)
}

/// The route that a call is counted under: the configured one, unless that takes all paths; then
/// the manifest's; then one guessed from the path, with `{id}` for the segments that look like one.
pub(crate) fn route<'t>(
    row: Row<'_, 't>,
    api: Option<&'t ApiEntry>,
    method: &str,
    path: Option<&'t str>,
    guess: &'t mut String,
) -> &'t str {
    let configured = configured_route(row);
    if let Some(route) = configured.filter(|route| !route.contains("+}")) {
        return route;
    }
    let Some(path) = path else { return configured.unwrap_or("(unknown)") };
    if let Some(known) = api.and_then(|api| api.route(method, path)) {
        return known.template.as_str();
    }
    generalise(path, guess);
    guess
}

/// Writes a path with `{id}` in the place of numbers, UUIDs and other long hexadecimal runs.
fn generalise(path: &str, route: &mut String) {
    route.clear();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        route.push('/');
        route.push_str(if looks_like_an_id(segment) { "{id}" } else { segment });
    }
}

pub(crate) fn looks_like_an_id(segment: &str) -> bool {
    let digits = segment.bytes().all(|byte| byte.is_ascii_digit());
    let hex = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    !segment.is_empty() && (digits || hex && segment.len() >= 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_is_left_out_as_a_whole_segment_only() {
        assert_eq!(without_stage("/prod/pets", "prod"), Some("/pets"));
        assert_eq!(without_stage("/prod", "prod"), Some("/"));
        assert_eq!(without_stage("/products", "prod"), None);
        assert_eq!(without_stage("/pets", "prod"), None);
    }

    #[test]
    fn a_route_as_long_as_the_path_shows_that_the_stage_is_not_in_it() {
        assert!(same_length("/{kind}/{id}", "/prod/7"));
        assert!(!same_length("/{id}", "/prod/7"));
        assert!(!same_length("/{proxy+}", "/prod"));
    }

    #[test]
    fn numbers_and_long_hexadecimal_runs_are_ids() {
        let mut route = String::new();
        generalise("/repos/acme/site/commits/53b20a9c8f1d/7", &mut route);
        assert_eq!(route, "/repos/acme/site/commits/{id}/{id}");
        generalise("/", &mut route);
        assert_eq!(route, "/");
        generalise("/cafe/decade", &mut route);
        assert_eq!(route, "/cafe/decade");
    }
}
