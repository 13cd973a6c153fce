//! What decides: an account, the keys of its callers, and what each route opts in to.
//!
//! A guard is all that another proxy needs of this crate: [`Guard::admit`] takes a request through
//! the stages up to the decision. It is immutable; a reload makes a new one.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body::Body;
use tollgate_policy::AuthorizationType;
use tollgate_sigv4::{PathRule, UnsignedPayload, Verifier};
use tollgate_store::{
    Account, ApiEntry, LimitsDecl, Manifest, ManifestFile, Problems, Route, Source,
};

use crate::authorize::{Authorized, authorize};
use crate::caller::{KeySource, Keys};
use crate::frame::{Arrival, Framed};
use crate::identities::Identities;
use crate::locate::locate;
use crate::refusal::Refusal;
use crate::route::route;
use crate::verify::verify;

/// Everything that decides a request.
#[derive(Debug)]
pub struct Guard {
    account: Account,
    keys: Keys,
    hosts: HashMap<String, Mapping>,
    /// In the order of the account's APIs.
    apis: Vec<ApiRules>,
    limits: LimitsDecl,
}

/// What a host name stands for.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) api: usize,
    pub(crate) stage: String,
}

/// What the manifest says of an API's requests beside its policies.
#[derive(Debug)]
struct ApiRules {
    verifier: Verifier,
    lenient: Verifier,
    /// In the order of the manifest's `[[api.route]]`.
    routes: Vec<RouteRules>,
}

/// What a route opts in to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteRules {
    pub(crate) path: PathRule,
    pub(crate) unsigned_payload: bool,
    pub(crate) refuse_replays: bool,
    pub(crate) body_bytes_max: u64,
}

impl Guard {
    /// Reads a manifest, the policies that it names, and the keys of its identity file.
    ///
    /// # Errors
    /// What is wrong, each with its place.
    pub fn read(source: &dyn Source, manifest: &Path) -> Result<Guard, Problems> {
        let file = ManifestFile::read(source, manifest)?;
        let account = Account::of(source, &file)?;
        let mut sources: Vec<Arc<KeySource>> = Vec::new();
        if let Some(identities) = Identities::of(&file)? {
            sources.push(Arc::new(identities));
        }
        Guard::new(account, &file, Keys::new(sources))
    }

    /// A guard for an account, whose callers' keys are those of `keys`.
    ///
    /// # Errors
    /// What is wrong with host names and their stages.
    pub fn new(account: Account, file: &ManifestFile, keys: Keys) -> Result<Guard, Problems> {
        let manifest = &file.manifest;
        let limits = manifest.gateway.as_ref().map(|gateway| gateway.limits.clone());
        let limits = limits.unwrap_or_default();
        let rules = |(index, api)| ApiRules::new(api, manifest, index, &limits);
        let apis = account.apis().iter().enumerate().map(rules).collect();
        let hosts = hosts(file)?;
        Ok(Guard { account, keys, hosts, apis, limits })
    }

    /// Takes a request through the stages up to the decision: framing, route, signature, path,
    /// policies.
    ///
    /// # Errors
    /// The first reason for which it is refused.
    pub async fn admit<B>(
        &self,
        request: Request<B>,
        arrival: Arrival,
    ) -> Result<Authorized<'_, B>, Refusal>
    where
        B: Body<Error: std::fmt::Display>,
    {
        let framed = Framed::new(request, arrival, self.headers_max())?;
        let routed = route(framed, self)?;
        let verified = verify(routed).await?;
        let located = locate(verified)?;
        authorize(located)
    }

    /// The account that decides.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The keys that callers sign with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What the gateway puts up with.
    pub fn limits(&self) -> &LimitsDecl {
        &self.limits
    }

    pub(crate) fn headers_max(&self) -> usize {
        usize::from(self.limits.headers_max)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.limits.body_timeout_ms)
    }

    pub(crate) fn api(&self, index: usize) -> Option<&ApiEntry> {
        self.account.apis().get(index)
    }

    /// What a host stands for: with its port, if the manifest names it with one, else on any port.
    pub(crate) fn mapping(&self, host: &str) -> Option<&Mapping> {
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let without_port = || host.rsplit_once(':').filter(|(_, port)| is_port(port));
        self.hosts.get(host).or_else(|| self.hosts.get(without_port()?.0))
    }

    /// What a request's route opts in to; of no route, nothing.
    pub(crate) fn rules(&self, api: usize, route: Option<&Route>) -> RouteRules {
        let known = self.apis.get(api).zip(route);
        let known = known.and_then(|(api, route)| api.routes.get(route.declaration));
        known.copied().unwrap_or(RouteRules {
            path: PathRule::default(),
            unsigned_payload: false,
            refuse_replays: false,
            body_bytes_max: self.limits.body_bytes_max,
        })
    }

    pub(crate) fn verifier(&self, api: usize, rules: RouteRules) -> Option<&Verifier> {
        let api = self.apis.get(api)?;
        Some(if rules.unsigned_payload { &api.lenient } else { &api.verifier })
    }

    /// How a request has to identify its caller: as its route says, else as its API does.
    pub(crate) fn authorization(&self, api: &ApiEntry, route: Option<&Route>) -> AuthorizationType {
        route.map_or_else(|| api.authorization(), |route| route.authorization)
    }
}

impl ApiRules {
    fn new(api: &ApiEntry, manifest: &Manifest, index: usize, limits: &LimitsDecl) -> ApiRules {
        let verifier = Verifier::new(api.api().region)
            .clock_skew_s(limits.clock_skew_s)
            .presigned_lifetime_s_max(limits.presigned_lifetime_s_max);
        let routes = manifest.apis.get(index).map_or(&[][..], |decl| &decl.routes);
        let rules = routes.iter().map(|route| RouteRules {
            path: PathRule {
                encoded_slash: route.allow_encoded_slash,
                semicolon: route.allow_semicolon,
            },
            unsigned_payload: route.unsigned_payload,
            refuse_replays: route.refuse_replays,
            body_bytes_max: route.body_bytes_max.unwrap_or(limits.body_bytes_max),
        });
        ApiRules {
            lenient: verifier.clone().unsigned_payload(UnsignedPayload::DangerAcceptOverTls),
            verifier,
            routes: rules.collect(),
        }
    }
}

/// Host names, in lower case, with what they stand for.
fn hosts(file: &ManifestFile) -> Result<HashMap<String, Mapping>, Problems> {
    let (mut hosts, mut problems, mut seen) = (HashMap::new(), Vec::new(), HashSet::new());
    for (api, decl) in file.manifest.apis.iter().enumerate() {
        for (host, stage) in &decl.hosts {
            let host = host.to_ascii_lowercase();
            if !decl.stages.is_empty() && !decl.stages.contains(stage.get_ref()) {
                let known = decl.stages.join("`, `");
                let message =
                    format!("API `{}` has no stage `{}`", decl.id.get_ref(), stage.get_ref());
                let problem = file.problem(stage.span(), message);
                problems.push(problem.with_help(format!("it has `{known}`")));
            }
            if !seen.insert(host.clone()) {
                let message = format!("host `{host}` stands for two APIs");
                problems.push(file.problem(stage.span(), message));
            }
            hosts.insert(host, Mapping { api, stage: stage.get_ref().clone() });
        }
    }
    Problems::none_or(problems, hosts)
}
