//! What each route does with its requests once they are allowed.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use tollgate_store::{ApiDecl, CacheDecl, RouteDecl, suggestion};
use toml::Spanned;

use super::builder::Builder;
use crate::cache::{ENTRY_BYTES_MAX, Keeping, TTL_S, TTL_S_MAX};
use crate::credential::Credential;
use crate::plan::{Destination, Forwarding, Plan};
use crate::quota::Learned;
use crate::throttle::Bucket;

impl Builder<'_> {
    pub(super) fn plans(&mut self, api: &ApiDecl) -> Vec<Option<Plan>> {
        api.routes.iter().map(|route| self.plan(api, route)).collect()
    }

    /// What is done with a route's requests; `None` without an upstream.
    fn plan(&mut self, api: &ApiDecl, route: &RouteDecl) -> Option<Plan> {
        let credentials = self.credentials_of(route);
        let mut buckets = self.buckets_of(api, route);
        let name = route.upstream.as_ref()?;
        let destination = match self.extension.services.get(name.get_ref()) {
            Some(service) => Destination::Internal(Arc::clone(service)),
            None => {
                buckets.extend(credentials.iter().filter_map(|it| it.bucket.clone()));
                Destination::Upstream(Box::new(self.forwarding(api, route, name, credentials)?))
            }
        };
        Some(Plan { name: name.get_ref().clone(), buckets, destination })
    }

    fn forwarding(
        &mut self,
        api: &ApiDecl,
        route: &RouteDecl,
        name: &Spanned<String>,
        credentials: Vec<Arc<Credential>>,
    ) -> Option<Forwarding> {
        let upstream = self.upstream_named(name)?;
        let timeout = route.timeout_ms.map_or(upstream.timeout(), Duration::from_millis);
        let aliases: Vec<&str> = credentials.iter().map(|it| it.alias.as_str()).collect();
        let aliases = aliases.join(",");
        let scope =
            format!("{} {} {} {aliases}", api.id.get_ref(), name.get_ref(), upstream.base());
        let keeping = route.cache.as_ref().and_then(|decl| self.keeping(decl, scope));
        let learned = route.learn_quota.then(|| self.learned(name.get_ref(), &aliases));
        let scrub_body = route.scrub_body && !credentials.is_empty();
        Some(Forwarding { upstream, aliases, credentials, timeout, scrub_body, keeping, learned })
    }

    fn keeping(&mut self, decl: &CacheDecl, scope: String) -> Option<Keeping> {
        let ttl_s = decl.ttl_s.as_ref().map_or(TTL_S, |ttl_s| *ttl_s.get_ref());
        if let Some(given) = decl.ttl_s.as_ref().filter(|_| ttl_s > TTL_S_MAX) {
            let message = format!("expected at most {TTL_S_MAX} seconds, found {ttl_s}");
            self.complain(given, message, None);
        }
        let mut headers = Vec::new();
        for name in &decl.headers {
            match HeaderName::from_bytes(name.get_ref().as_bytes()) {
                Ok(name) => headers.push(name),
                Err(_) => {
                    let message = format!("`{}` is not the name of a header", name.get_ref());
                    self.complain(name, message, None);
                }
            }
        }
        let bytes_max = decl.entry_bytes_max.unwrap_or(ENTRY_BYTES_MAX);
        Some(Keeping {
            ttl_s,
            entry_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            is_shared: decl.shared,
            parameters: decl.parameters.clone(),
            headers,
            scope,
        })
        .filter(|keeping| keeping.ttl_s > 0)
    }

    /// The quota of some credentials at an upstream; what was learned before is not forgotten.
    fn learned(&mut self, upstream: &str, aliases: &str) -> Learned {
        let name = match aliases {
            "" => format!("upstream `{upstream}`"),
            aliases => format!("credential `{aliases}` at `{upstream}`"),
        };
        let before = self.previous.and_then(|previous| previous.quotas.get(&name));
        let quota = self.quotas.entry(name.clone());
        let quota = quota.or_insert_with(|| before.cloned().unwrap_or_default());
        Learned::new(name, Arc::clone(quota))
    }

    fn credentials_of(&mut self, route: &RouteDecl) -> Vec<Arc<Credential>> {
        let mut found = Vec::new();
        for alias in &route.credential.0 {
            let declared = &self.file.manifest.credentials;
            let Some(decl) = declared.iter().find(|decl| decl.name.get_ref() == alias.get_ref())
            else {
                let known = declared.iter().map(|decl| decl.name.get_ref().as_str());
                let help = suggestion(alias.get_ref(), known);
                self.complain(
                    alias,
                    format!("no credential is called `{}`", alias.get_ref()),
                    help,
                );
                continue;
            };
            let (own, routes) = (decl.upstream.get_ref(), route.upstream.as_ref());
            if routes.is_none_or(|upstream| upstream.get_ref() != own) {
                let alias_text = alias.get_ref();
                let message = format!("credential `{alias_text}` may be sent to `{own}` alone");
                self.complain(alias, message, None);
            }
            found.extend(self.credentials.get(alias.get_ref()).cloned());
        }
        found
    }

    fn buckets_of(&mut self, api: &ApiDecl, route: &RouteDecl) -> Vec<Arc<Bucket>> {
        let Some(throttle) = &route.throttle else { return Vec::new() };
        let methods = route.methods.join(",");
        let name =
            format!("route `{methods} {}` of API `{}`", route.path.get_ref(), api.id.get_ref());
        let (rate, burst) = (&throttle.rate, &throttle.burst);
        let mut buckets = Vec::new();
        if throttle.by.0.is_empty() {
            buckets.extend(self.bucket(name.clone(), rate, burst, Bucket::one));
        }
        for by in &throttle.by.0 {
            buckets.extend(match by.get_ref().as_str() {
                "route" => self.bucket(name.clone(), rate, burst, Bucket::one),
                "principal" => {
                    self.bucket(format!("a principal at {name}"), rate, burst, Bucket::each)
                }
                other => {
                    let message = format!("expected `principal` or `route`, found `{other}`");
                    self.complain(by, message, suggestion(other, ["principal", "route"]));
                    None
                }
            });
        }
        buckets
    }
}
