//! Which API, stage and route a request is for.
//!
//! Only the route's rules are taken from here before the signature is verified: nothing is decided
//! yet. The path is made canonical with every exception that a route could opt in to, so that the
//! route can be found by it; whether this route opts in is judged after the signature.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use tollgate_policy::AuthorizationType;
use tollgate_sigv4::{CanonicalPath, PathRefusal, PathRule, RequestTarget};
use tollgate_store::{ApiEntry, Route};

use crate::frame::Framed;
use crate::guard::{Guard, RouteRules};
use crate::refusal::Refusal;

/// A request of which it is known where it goes. Only [`route`] makes one.
#[derive(Debug)]
pub struct Routed<'g, B> {
    pub(crate) framed: Framed<B>,
    pub(crate) guard: &'g Guard,
    pub(crate) place: Place<'g>,
}

/// Where a request goes.
#[derive(Debug)]
pub struct Place<'g> {
    /// Its API.
    pub api: &'g ApiEntry,
    /// Its route, if there is one for its path and method.
    pub route: Option<&'g Route>,
    /// How its caller has to identify itself.
    pub authorization: AuthorizationType,
    /// Which of the account's APIs it is.
    pub(crate) api_index: usize,
    pub(crate) stage: Cow<'g, str>,
    pub(crate) rules: RouteRules,
    /// The path without its stage, if it can be read in one way only.
    pub(crate) path: Result<CanonicalPath, PathRefusal>,
}

impl<'g, B> Routed<'g, B> {
    pub(crate) fn replace_body<C>(self, body: C) -> (Routed<'g, C>, B) {
        let Routed { framed, guard, place } = self;
        let (framed, old) = framed.replace_body(body);
        (Routed { framed, guard, place }, old)
    }
}

impl Place<'_> {
    /// Its stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The path that is decided, behind its stage; none if it is refused.
    pub(crate) fn decided_path(&self) -> Option<String> {
        let path = self.path.as_ref().ok()?.as_str();
        Some(["/", &self.stage, path].concat())
    }
}

/// Finds the API by host and stage, and the route by method and path.
///
/// # Errors
/// The host, or the stage in the path, is of no API.
pub fn route<'g, B>(framed: Framed<B>, guard: &'g Guard) -> Result<Routed<'g, B>, Refusal> {
    let head = framed.head();
    let path = head.uri.path();
    let nowhere = || Refusal::NoSuchApi { host: framed.host().to_owned() };
    let (api_index, stage, path): (usize, Cow<'g, str>, &str) = match guard.mapping(framed.host()) {
        Some(mapping) => (mapping.api, Cow::Borrowed(&mapping.stage), path),
        None => {
            let index = api_of(guard, framed.host()).ok_or_else(nowhere)?;
            let api = guard.api(index).ok_or_else(nowhere)?;
            let (stage, rest) = split_stage(api, path).ok_or_else(nowhere)?;
            (index, stage, rest)
        }
    };
    let api = guard.api(api_index).ok_or_else(nowhere)?;
    let path = PathRule::MOST_LENIENT.accept(&RequestTarget::origin(path.as_bytes()));
    let route = path.as_ref().ok().and_then(|path| api.route(head.method.as_str(), path.as_str()));
    let place = Place {
        api,
        route,
        authorization: guard.authorization(api, route),
        api_index,
        stage,
        rules: guard.rules(api_index, route),
        path,
    };
    Ok(Routed { framed, guard, place })
}

/// The API whose id is the first label of the host; of an address, the only one there is.
fn api_of(guard: &Guard, host: &str) -> Option<usize> {
    let apis = guard.account().apis();
    let end = memchr::memchr2(b'.', b':', host.as_bytes()).unwrap_or(host.len());
    let label = host.get(..end).unwrap_or(host);
    let by_name = apis.iter().position(|api| api.api().id.eq_ignore_ascii_case(label));
    by_name.or((apis.len() == 1 && is_address(host)).then_some(0))
}

/// Whether a host is an address or `localhost`, as when one connects without a name. Any other name
/// is of somebody: a page of theirs could have it stand for this machine.
fn is_address(host: &str) -> bool {
    let without_port = || host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = if host.ends_with(']') { host } else { without_port() };
    let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match in_brackets {
        Some(name) => name.parse::<Ipv6Addr>().is_ok(),
        None => name == "localhost" || name.parse::<Ipv4Addr>().is_ok(),
    }
}

/// The stage, which is the first segment of the raw path, and the rest of the path.
fn split_stage<'g, 'p>(api: &'g ApiEntry, path: &'p str) -> Option<(Cow<'g, str>, &'p str)> {
    let segments = path.strip_prefix('/')?;
    let end = segments.find('/').unwrap_or(segments.len());
    let (first, rest) = segments.split_at_checked(end)?;
    let stage = match api.stages() {
        [] if !first.is_empty() => Cow::Owned(first.to_owned()),
        stages => Cow::Borrowed(stages.iter().find(|stage| *stage == first)?.as_str()),
    };
    Some((stage, if rest.is_empty() { "/" } else { rest }))
}
