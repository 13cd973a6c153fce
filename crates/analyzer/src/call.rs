//! What a row of the log asked for: who called, which API, which path, which route.

use std::borrow::Cow;

use tollgate_policy::ArnParts;
use tollgate_store::{Account, ApiEntry};

use crate::places::Target;
use crate::rows::Row;
use crate::short::after;

/// A call: a row, taken apart. Numbers are those that the gatherer gave to names that repeat.
#[derive(Clone, Copy)]
pub(crate) struct Call<'r, 'a> {
    pub(crate) row: Row<'r, 'r>,
    /// The row's, which all parts of the report ask for.
    pub(crate) time: Option<i64>,
    pub(crate) status: Option<u16>,
    pub(crate) caller: &'r str,
    pub(crate) caller_number: u32,
    pub(crate) target: Target<'a>,
    pub(crate) method: &'r str,
    pub(crate) path: Option<&'r str>,
    /// Without the method.
    pub(crate) route: &'r str,
    /// Of the method and the route.
    pub(crate) route_number: u32,
    /// Of the third party and the credential; [`OTHER_NUMBER`](crate::intern::OTHER_NUMBER) for one of
    /// too many.
    pub(crate) service: u32,
}

impl<'a> Call<'_, 'a> {
    /// The API's entry in the account.
    #[inline]
    pub(crate) fn api(&self) -> Option<&'a ApiEntry> {
        let [api, _] = self.target.apis;
        api
    }
}

impl<'r, 'a: 'r> Call<'r, 'a> {
    /// What the call was forwarded to.
    pub(crate) fn forwarded(&self) -> Forwarded<'r> {
        forwarded(self.row, self.api(), self.method, self.path)
    }
}

/// What a call is forwarded to, and with what.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Forwarded<'r> {
    /// The third party.
    pub(crate) upstream: Option<&'r str>,
    /// The alias of the credential.
    pub(crate) credential: Option<&'r str>,
}

/// What a call is forwarded to: what the row says, else what the account says of the route.
pub(crate) fn forwarded<'r>(
    row: Row<'_, 'r>,
    api: Option<&'r ApiEntry>,
    method: &str,
    path: Option<&str>,
) -> Forwarded<'r> {
    let told = Forwarded { upstream: row.upstream(), credential: row.credential() };
    let (None, Some(api), Some(path)) = (told.upstream, api, path) else { return told };
    let Some(known) = api.route(method, path) else { return told };
    let first = known.credentials.first().map(String::as_str);
    Forwarded { upstream: known.upstream.as_deref(), credential: told.credential.or(first) }
}

/// Who an unsigned request comes from.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// The caller as reports name it: `$context.identity.userArn`, else user, else caller, else
/// `anonymous`. AWS's own log formats hold unique ids alone: then it is the ARN of that id, if the
/// account knows it.
#[inline(always)]
pub(crate) fn caller<'a>(row: Row<'_, 'a>, account: Option<&'a Account>) -> Cow<'a, str> {
    match row.user_arn() {
        Some(arn) => Cow::Borrowed(arn),
        None => caller_without_arn(row, account),
    }
}

#[inline(never)]
fn caller_without_arn<'a>(row: Row<'_, 'a>, account: Option<&'a Account>) -> Cow<'a, str> {
    let name = row.user().or_else(|| row.caller_id()).unwrap_or(ANONYMOUS);
    let of_id = |id| account.and_then(|account| account.arn_of_id(id));
    of_id(name).or_else(|| of_id(row.caller_id()?)).unwrap_or(Cow::Borrowed(name))
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

/// The API as the route of a call authorizes; where the log does not tell the path, as the API does.
pub(crate) fn called<'a>(
    api: &'a ApiEntry,
    row: Row<'_, '_>,
    method: &str,
    path: Option<&str>,
) -> &'a ApiEntry {
    match (path, row.resource()) {
        _ if !api.is_mixed() => api,
        (Some(path), _) => api.of_call(method, path),
        (None, Some(resource)) => called_as(api, resource),
        (None, None) => api,
    }
}

/// The same of a call that an ARN names, `arn:…:API/STAGE/METHOD/PATH`.
pub(crate) fn called_as<'a>(api: &'a ApiEntry, resource: &str) -> &'a ApiEntry {
    let parts = || {
        let (_, call) = ArnParts::split(resource)?.resource.split_once('/')?;
        call.split_once('/')?.1.split_once('/')
    };
    parts().map_or(api, |(method, path)| api.of_call(method, path))
}

/// The stage: the logged one; if the log does not tell it, the API's only one.
pub(crate) fn stage<'a>(api: &'a ApiEntry, row: Row<'_, 'a>) -> Option<&'a str> {
    row.stage().or_else(|| only_stage(api))
}

fn only_stage(api: &ApiEntry) -> Option<&str> {
    match api.stages() {
        [only] => Some(only),
        _ => None,
    }
}

/// A route as API Gateway was configured with it.
#[derive(Clone, Copy)]
pub(crate) struct Configured<'r> {
    pub(crate) text: &'r str,
    pub(crate) shape: Shape,
}

/// What matters of a route beside its text.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    slashes: usize,
    has_parameters: bool,
    /// Whether it takes paths of any length, `{proxy+}`.
    is_greedy: bool,
}

impl Shape {
    pub(crate) fn of(route: &str) -> Shape {
        Shape {
            slashes: slashes(route),
            has_parameters: route.contains('{'),
            is_greedy: route.contains("+}"),
        }
    }
}

impl<'r> Configured<'r> {
    pub(crate) fn of(text: &'r str) -> Configured<'r> {
        Configured { text, shape: Shape::of(text) }
    }

    pub(crate) fn is_greedy(&self) -> bool {
        self.shape.is_greedy
    }

    /// Whether a path has as many segments. A greedy route takes any number, and so tells nothing.
    fn is_as_long_as(&self, path: &str) -> bool {
        !self.shape.is_greedy && self.shape.slashes == slashes(path)
    }
}

fn slashes(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'/').count()
}

/// The concrete path that was authorized, without the stage. `api` is the account's entry for the API.
pub(crate) fn path<'a>(row: Row<'_, 'a>, api: Option<&ApiEntry>) -> Option<&'a str> {
    path_along(row, configured_route(row).map(Configured::of), api)
}

/// The concrete path that was authorized, without the stage, of a call along a route.
///
/// `$context.path` includes the stage when the API is called by its own host name, and does not
/// when it is called by a custom domain's. So the stage is left out where the path begins with it,
/// unless the configured route shows that the path has no segment too many. A log without `path`
/// still tells it if the route has no parameters. The stage that a log does not tell is the API's only
/// one, if it has no more.
#[inline]
pub(crate) fn path_along<'a>(
    row: Row<'_, 'a>,
    route: Option<Configured<'a>>,
    api: Option<&ApiEntry>,
) -> Option<&'a str> {
    let Some(path) = row.path() else {
        return route.filter(|route| !route.shape.has_parameters).map(|route| route.text);
    };
    let stage = row.stage().or_else(|| only_stage(api?));
    match stage.and_then(|stage| without_stage(path, stage)) {
        Some(rest) if !route.is_some_and(|route| route.is_as_long_as(path)) => Some(rest),
        _ => Some(path),
    }
}

#[inline]
fn without_stage<'a>(path: &'a str, stage: &str) -> Option<&'a str> {
    match after(path.strip_prefix('/')?, stage)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// The route of a call that tells neither its route nor its path.
pub(crate) const UNKNOWN_ROUTE: &str = "(unknown)";

/// The route that a call is counted under: the configured one, unless that takes all paths; then
/// the manifest's. `Err` with the path where it must be guessed from that.
pub(crate) fn route<'t>(
    configured: Option<Configured<'t>>,
    api: Option<&'t ApiEntry>,
    method: &str,
    path: Option<&'t str>,
) -> Result<&'t str, &'t str> {
    if let Some(route) = configured.filter(|route| !route.is_greedy()) {
        return Ok(route.text);
    }
    let Some(path) = path else {
        return Ok(configured.map_or(UNKNOWN_ROUTE, |route| route.text));
    };
    match api.and_then(|api| api.route(method, path)) {
        Some(known) => Ok(known.template.as_str()),
        None => Err(path),
    }
}

/// Guesses a route: its path with `{id}` in the place of numbers, UUIDs and other long hexadecimal
/// runs, piece by piece.
pub(crate) fn generalise(path: &str) -> impl Iterator<Item = &str> {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    segments.flat_map(|segment| ["/", if looks_like_an_id(segment) { "{id}" } else { segment }])
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
        let same_length = |route, path| Configured::of(route).is_as_long_as(path);
        assert!(same_length("/{kind}/{id}", "/prod/7"));
        assert!(!same_length("/{id}", "/prod/7"));
        assert!(!same_length("/{proxy+}", "/prod"));
    }

    #[test]
    fn numbers_and_long_hexadecimal_runs_are_ids() {
        let check = |path, expected| {
            assert_eq!(generalise(path).collect::<String>(), expected);
        };
        check("/repos/acme/site/commits/53b20a9c8f1d/7", "/repos/acme/site/commits/{id}/{id}");
        check("/", "/");
        check("/cafe/decade", "/cafe/decade");
    }
}
