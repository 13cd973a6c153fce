//! One immutable state of the gateway: what decides, and what is done with what is allowed.
//!
//! A request takes the snapshot that is current when it arrives and keeps it to its end, so that it
//! is never decided by one state and forwarded by another. A reload makes a new snapshot of the
//! files, and takes over what must not begin anew: connections, token buckets, secrets.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rustls::ServerConfig;
use tollgate_secrets::{Clock, Environment, Keeper, Observer, Rules, SecretReference};
use tollgate_store::{
    Account, ApiDecl, CredentialDecl, GatewayDecl, InjectDecl, ManifestFile, Problem, Problems,
    RouteDecl, Source, suggestion,
};
use toml::Spanned;

use crate::caller::{KeySource, Keys};
use crate::credential::{Credential, Held, Injection};
use crate::guard::Guard;
use crate::identities::Identities;
use crate::internal::{Extend, Extension};
use crate::plan::{Destination, Forwarding, Plan};
use crate::route::Place;
use crate::secrets::{Vaults, reference};
use crate::strip::encoded;
use crate::throttle::Bucket;
use crate::tls::server_config;
use crate::upstream::{PLACEHOLDER, Upstream};

/// What a snapshot needs of the world beside files.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// The environment's variables, for secrets that are kept there.
    pub environment: Environment,
    /// Is told what happens to secrets.
    pub observer: Observer,
    /// How fresh secrets are kept.
    pub rules: Rules,
    /// What others add to a gateway.
    pub extend: Arc<Extend>,
}

/// One state of the gateway.
#[derive(Debug)]
pub struct Snapshot {
    /// What decides.
    pub guard: Guard,
    /// The manifest's section `[gateway]`.
    pub gateway: GatewayDecl,
    upstreams: HashMap<String, Arc<Upstream>>,
    credentials: HashMap<String, Arc<Credential>>,
    buckets: Vec<Arc<Bucket>>,
    /// By API and declared route.
    plans: Vec<Vec<Option<Plan>>>,
    tls: Option<Arc<ServerConfig>>,
    /// The keys of the identity file, and the ARNs of those who hold them.
    pub(crate) holders: Vec<(String, String)>,
    file: ManifestFile,
}

impl Snapshot {
    /// Reads the manifest and everything that it names, secrets excepted. What of `previous` is as
    /// declared now is taken over.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn read(
        source: &dyn Source,
        path: &Path,
        surroundings: &Surroundings,
        previous: Option<&Snapshot>,
    ) -> Result<Snapshot, Problems> {
        let file = ManifestFile::read(source, path)?;
        let Some(gateway) = file.manifest.gateway.clone() else {
            let message = "expected a section `[gateway]`, which says where to listen";
            return Err(Problem::of_file(path.display().to_string(), message).into());
        };
        let account = Account::of(source, &file);
        let (extension, problems) = match (surroundings.extend)(&file) {
            Ok(extension) => (extension, Vec::new()),
            Err(problems) => (Extension::default(), problems),
        };
        let mut builder = Builder {
            file: &file,
            vaults: Vaults::new(&file.folder, surroundings),
            previous,
            extension,
            upstreams: HashMap::new(),
            credentials: HashMap::new(),
            buckets: Vec::new(),
            holders: Vec::new(),
            problems,
        };
        let keys = builder.keys(&gateway);
        let tls = builder.tls(&gateway);
        builder.upstreams();
        builder.credentials();
        let plans = file.manifest.apis.iter().map(|api| builder.plans(api)).collect();
        let Builder { upstreams, credentials, buckets, holders, mut problems, .. } = builder;
        let guard = match account {
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
            Ok(account) => match Guard::new(account, &file, keys) {
                Ok(guard) => Some(guard),
                Err(wrong) => {
                    problems.extend(wrong);
                    None
                }
            },
        };
        let Some(guard) = guard.filter(|_| problems.is_empty()) else {
            return Err(Problems::none_or(problems, ()).err().unwrap_or_else(|| {
                Problem::of_file(path.display().to_string(), "nothing can be made of it").into()
            }));
        };
        Ok(Snapshot { guard, gateway, upstreams, credentials, buckets, plans, tls, holders, file })
    }

    /// What is done with the requests of a place; `None` where no route takes them.
    pub(crate) fn plan(&self, place: &Place<'_>) -> Option<&Plan> {
        self.plans.get(place.api_index)?.get(place.route?.declaration)?.as_ref()
    }

    /// What callers see; `None` for clear text.
    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.clone()
    }

    /// The manifest that it was read from.
    pub fn file(&self) -> &ManifestFile {
        &self.file
    }

    /// Who keeps the secrets, in no order.
    pub fn keepers(&self) -> impl Iterator<Item = &Arc<Keeper>> {
        self.credentials.values().map(|credential| &credential.held.keeper)
    }

    /// Reads every secret that has not been read yet.
    ///
    /// # Errors
    /// Those that cannot be read, each at its place in the manifest.
    pub async fn read_secrets(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for decl in &self.file.manifest.credentials {
            let name = decl.name.get_ref();
            let Some(credential) = self.credentials.get(name) else { continue };
            if credential.held.keeper.status().is_some() {
                continue;
            }
            if let Err(error) = credential.held.keeper.refresh().await {
                let message = format!("the secret of credential `{name}` cannot be read: {error}");
                problems.push(self.file.problem(decl.secret.span(), message));
            }
        }
        Problems::none_or(problems, ())
    }
}

/// What is needed while a snapshot is put together, and the problems found so far.
struct Builder<'b> {
    file: &'b ManifestFile,
    vaults: Vaults<'b>,
    previous: Option<&'b Snapshot>,
    extension: Extension,
    upstreams: HashMap<String, Arc<Upstream>>,
    credentials: HashMap<String, Arc<Credential>>,
    buckets: Vec<Arc<Bucket>>,
    holders: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl Builder<'_> {
    fn keys(&mut self, gateway: &GatewayDecl) -> Keys {
        let mut sources: Vec<Arc<KeySource>> = Vec::new();
        if let Some(name) = &gateway.identities {
            let path = self.file.folder.join(name.get_ref());
            match Identities::read(&path) {
                Ok(identities) => {
                    let holders = identities.principals();
                    self.holders =
                        holders.map(|(id, arn)| (id.to_owned(), arn.to_owned())).collect();
                    sources.push(Arc::new(identities));
                }
                Err(problem) => {
                    let message = format!("`{}` {problem}", path.display());
                    self.complain(name, message, None);
                }
            }
        }
        sources.extend(self.extension.keys.iter().cloned());
        Keys::new(sources)
    }

    fn tls(&mut self, gateway: &GatewayDecl) -> Option<Arc<ServerConfig>> {
        let decl = gateway.tls.as_ref()?;
        let path = |name: &Spanned<String>| self.file.folder.join(name.get_ref());
        match server_config(&path(&decl.certificate), &path(&decl.key)) {
            Ok(config) => Some(Arc::new(config)),
            Err(problem) => {
                self.complain(&decl.certificate, problem, None);
                None
            }
        }
    }

    fn upstreams(&mut self) {
        for decl in &self.file.manifest.upstreams {
            let name = decl.name.get_ref();
            let kept = self.previous.and_then(|previous| previous.upstreams.get(name));
            let upstream = match kept.filter(|upstream| upstream.is_as_declared(decl)) {
                Some(upstream) => Ok(Arc::clone(upstream)),
                None => Upstream::new(decl, self.file).map(Arc::new),
            };
            match upstream {
                Err(problems) => self.problems.extend(problems),
                Ok(upstream) => {
                    if self.upstreams.insert(name.clone(), upstream).is_some() {
                        let message = format!("upstream `{name}` is declared twice");
                        self.complain(&decl.name, message, None);
                    }
                }
            }
        }
    }

    fn credentials(&mut self) {
        for decl in &self.file.manifest.credentials {
            self.upstream_named(&decl.upstream);
            let Some(credential) = self.credential(decl) else { continue };
            let name = decl.name.get_ref();
            if self.credentials.insert(name.clone(), Arc::new(credential)).is_some() {
                let message = format!("credential `{name}` is declared twice");
                self.complain(&decl.name, message, None);
            }
        }
    }

    fn credential(&mut self, decl: &CredentialDecl) -> Option<Credential> {
        let alias = decl.name.get_ref();
        let bucket = decl.throttle.as_ref().and_then(|throttle| {
            let name = format!("credential `{alias}`");
            self.bucket(name, &throttle.rate, &throttle.burst, Bucket::one)
        });
        let reference = self.reference(decl)?;
        let injection = self.injection(decl)?;
        let held = self.held(decl, reference)?;
        Some(Credential::new(alias, injection, held, bucket))
    }

    /// Whoever keeps the secret: as before, if it is the same one.
    fn held(&mut self, decl: &CredentialDecl, reference: SecretReference) -> Option<Arc<Held>> {
        let alias = decl.name.get_ref();
        let before = self.previous.and_then(|previous| previous.credentials.get(alias));
        if let Some(before) = before.filter(|before| before.held.reference == reference) {
            return Some(Arc::clone(&before.held));
        }
        match self.vaults.keeper(alias, &reference) {
            Ok(keeper) => {
                let runtime = tokio::runtime::Handle::try_current();
                let tending = runtime.ok().map(|_| keeper.tend());
                Some(Arc::new(Held { reference, keeper, _tending: tending }))
            }
            Err(message) => {
                self.complain(&decl.secret, message, None);
                None
            }
        }
    }

    fn reference(&mut self, decl: &CredentialDecl) -> Option<SecretReference> {
        match reference(&decl.secret.get_ref().0) {
            Ok(reference) => Some(reference),
            Err(message) => {
                self.complain(&decl.secret, message, None);
                None
            }
        }
    }

    fn injection(&mut self, decl: &CredentialDecl) -> Option<Injection> {
        let bearer = |after: &str| Injection::Header {
            name: AUTHORIZATION,
            before: "Bearer ".to_owned(),
            after: after.to_owned(),
        };
        let Some(inject) = &decl.inject else { return Some(bearer("")) };
        match inject.get_ref() {
            InjectDecl::Bearer => Some(bearer("")),
            InjectDecl::Path => self.in_path(decl),
            InjectDecl::Query(query) => {
                Some(Injection::Query { name: encoded(query.name.get_ref()) })
            }
            InjectDecl::Basic(basic) => {
                let username = basic.username.get_ref().clone();
                if username.contains(':') || HeaderValue::from_str(&username).is_err() {
                    let message =
                        format!("`{username}` cannot be the user of Basic authentication");
                    self.complain(&basic.username, message, None);
                }
                Some(Injection::Basic { username })
            }
            InjectDecl::Header(header) => {
                let format = header.format.as_ref();
                let text = format.map_or(PLACEHOLDER, |format| format.get_ref().as_str());
                let (before, after) = text.split_once(PLACEHOLDER).or_else(|| {
                    let message = format!("expected `{PLACEHOLDER}` in `{text}`");
                    self.complain(format?, message, None);
                    None
                })?;
                let name = self.header_name(&header.name)?;
                Some(Injection::Header { name, before: before.into(), after: after.into() })
            }
            InjectDecl::Sigv4(sigv4) => Some(Injection::Sigv4 {
                access_key_id: sigv4.access_key_id.clone(),
                region: sigv4.region.clone(),
                service: sigv4.service.clone(),
            }),
            InjectDecl::Oauth2(_) => {
                self.complain(inject, "this gateway does not fetch OAuth 2.0 tokens", None);
                None
            }
        }
    }

    fn in_path(&mut self, decl: &CredentialDecl) -> Option<Injection> {
        let upstream = self.upstreams.get(decl.upstream.get_ref())?;
        if !upstream.base().contains(PLACEHOLDER) {
            let message =
                format!("expected `{PLACEHOLDER}` in the URL of upstream `{}`", upstream.name());
            self.complain(&decl.upstream, message, None);
        }
        Some(Injection::Path)
    }

    fn header_name(&mut self, name: &Spanned<String>) -> Option<HeaderName> {
        let parsed = HeaderName::from_bytes(name.get_ref().as_bytes()).ok();
        let special = ["host", "content-length", "transfer-encoding", "connection", "upgrade"];
        match parsed {
            Some(parsed) if !special.contains(&parsed.as_str()) => Some(parsed),
            _ => {
                let message = format!("`{}` is not a header that can be injected", name.get_ref());
                self.complain(name, message, None);
                None
            }
        }
    }

    fn plans(&mut self, api: &ApiDecl) -> Vec<Option<Plan>> {
        api.routes.iter().map(|route| self.plan(api, route)).collect()
    }

    /// What is done with a route's requests; `None` without an upstream.
    fn plan(&mut self, api: &ApiDecl, route: &RouteDecl) -> Option<Plan> {
        if route.cache.is_some() || route.learn_quota {
            let message = "this gateway has neither `cache` nor `learnQuota`";
            self.complain(&route.path, message, None);
        }
        let credentials = self.credentials_of(route);
        let mut buckets = self.buckets_of(api, route);
        let name = route.upstream.as_ref()?;
        let destination = match self.extension.services.get(name.get_ref()) {
            Some(service) => Destination::Internal(Arc::clone(service)),
            None => {
                buckets.extend(credentials.iter().filter_map(|it| it.bucket.clone()));
                Destination::Upstream(self.forwarding(route, name, credentials)?)
            }
        };
        Some(Plan { name: name.get_ref().clone(), buckets, destination })
    }

    fn forwarding(
        &mut self,
        route: &RouteDecl,
        name: &Spanned<String>,
        credentials: Vec<Arc<Credential>>,
    ) -> Option<Forwarding> {
        let upstream = self.upstream_named(name)?;
        let timeout = route.timeout_ms.map_or(upstream.timeout(), Duration::from_millis);
        let aliases: Vec<&str> = credentials.iter().map(|it| it.alias.as_str()).collect();
        let aliases = aliases.join(",");
        Some(Forwarding { upstream, aliases, credentials, timeout, scrub_body: route.scrub_body })
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

    /// A bucket; the one of before if it was the same.
    fn bucket(
        &mut self,
        name: String,
        rate: &Spanned<f64>,
        burst: &Spanned<u32>,
        make: fn(String, f64, u32) -> Option<Bucket>,
    ) -> Option<Arc<Bucket>> {
        let (number, most) = (*rate.get_ref(), *burst.get_ref());
        let mut before = self.previous.iter().flat_map(|previous| &previous.buckets);
        let kept = before.find(|bucket| bucket.is(&name, number, most)).cloned();
        let bucket = kept.or_else(|| make(name, number, most).map(Arc::new));
        match &bucket {
            Some(bucket) => self.buckets.push(Arc::clone(bucket)),
            None => {
                let message =
                    format!("expected a rate and a burst above 0, found {number} and {most}");
                self.problems.push(self.file.problem(rate.span(), message));
            }
        }
        bucket
    }

    fn upstream_named(&mut self, name: &Spanned<String>) -> Option<Arc<Upstream>> {
        let declared = &self.file.manifest.upstreams;
        if !declared.iter().any(|decl| decl.name == *name) {
            let known = declared.iter().map(|decl| decl.name.get_ref().as_str());
            let help = suggestion(name.get_ref(), known);
            self.complain(name, format!("no upstream is called `{}`", name.get_ref()), help);
        }
        self.upstreams.get(name.get_ref()).cloned()
    }

    fn complain<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, help: Option<String>) {
        let problem = self.file.problem(at.span(), message);
        self.problems.push(Problem { help, ..problem });
    }
}
