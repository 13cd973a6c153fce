//! Putting a snapshot together: keys, certificates, upstreams, credentials. Everything that is wrong
//! is found in one go, each with its place.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rustls::ServerConfig;
use tollgate_secrets::SecretReference;
use tollgate_store::{CredentialDecl, GatewayDecl, InjectDecl, ManifestFile, Problem, suggestion};
use toml::Spanned;

use super::Snapshot;
use crate::caller::{KeySource, Keys};
use crate::credential::{Credential, Held, Injection};
use crate::identities::Identities;
use crate::internal::Extension;
use crate::oauth::Exchange;
use crate::quota::Quota;
use crate::secrets::{Vaults, reference};
use crate::strip::encoded;
use crate::throttle::Bucket;
use crate::tls::server_config;
use crate::upstream::{PLACEHOLDER, Upstream};

/// What is needed while a snapshot is put together, and the problems found so far.
pub(super) struct Builder<'b> {
    pub(super) file: &'b ManifestFile,
    pub(super) vaults: Vaults<'b>,
    pub(super) previous: Option<&'b Snapshot>,
    pub(super) extension: Extension,
    pub(super) upstreams: HashMap<String, Arc<Upstream>>,
    pub(super) credentials: HashMap<String, Arc<Credential>>,
    pub(super) buckets: Vec<Arc<Bucket>>,
    pub(super) quotas: HashMap<String, Arc<Quota>>,
    pub(super) holders: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
}

impl Builder<'_> {
    pub(super) fn keys(&mut self) -> Keys {
        let mut sources: Vec<Arc<KeySource>> = Vec::new();
        match Identities::of(self.file) {
            Ok(None) => {}
            Ok(Some(identities)) => {
                let holders = identities.principals();
                self.holders = holders.map(|(id, arn)| (id.to_owned(), arn.to_owned())).collect();
                sources.push(Arc::new(identities));
            }
            Err(problem) => self.problems.push(problem),
        }
        sources.extend(self.extension.keys.iter().cloned());
        Keys::new(sources)
    }

    /// Where to listen has to be said with a port.
    pub(super) fn addresses(&mut self, gateway: &GatewayDecl) {
        for address in gateway.listen.iter().chain(&gateway.admin) {
            if !is_address(address.get_ref()) {
                let message = format!("expected `HOST:PORT`, found `{}`", address.get_ref());
                self.complain(address, message, None);
            }
        }
    }

    pub(super) fn tls(&mut self, gateway: &GatewayDecl) -> Option<Arc<ServerConfig>> {
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

    pub(super) fn upstreams(&mut self) {
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

    pub(super) fn credentials(&mut self) {
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
        let exchange = self.exchange(decl)?;
        let before = self.previous.and_then(|previous| previous.credentials.get(alias));
        let before = before.map(|before| &before.held);
        if let Some(held) = before.filter(|it| it.reference == reference && it.exchange == exchange)
        {
            return Some(Arc::clone(held));
        }
        let keeper = match &exchange {
            Some(exchange) => self.vaults.token_keeper(alias, &reference, exchange),
            None => self.vaults.keeper(alias, &reference),
        };
        match keeper {
            Ok(keeper) => {
                let tending = OnceLock::new();
                Some(Arc::new(Held { reference, exchange, keeper, tending }))
            }
            Err(message) => {
                self.complain(&decl.secret, message, None);
                None
            }
        }
    }

    /// Where the secret is exchanged, if it is: the outer `None` is a problem.
    fn exchange(&mut self, decl: &CredentialDecl) -> Option<Option<Exchange>> {
        let Some(InjectDecl::Oauth2(oauth)) = decl.inject.as_ref().map(Spanned::get_ref) else {
            return Some(None);
        };
        let upstream = self.upstream_named(&oauth.token_upstream)?;
        Some(Some(Exchange { decl: oauth.clone(), upstream }))
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
            InjectDecl::Oauth2(_) => Some(bearer("")),
        }
    }

    fn in_path(&mut self, decl: &CredentialDecl) -> Option<Injection> {
        let upstream = self.upstreams.get(decl.upstream.get_ref())?;
        if !upstream.base_path().contains(PLACEHOLDER) {
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

    /// A bucket; the one of before if it was the same.
    pub(super) fn bucket(
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

    pub(super) fn upstream_named(&mut self, name: &Spanned<String>) -> Option<Arc<Upstream>> {
        let declared = &self.file.manifest.upstreams;
        if !declared.iter().any(|decl| decl.name == *name) {
            let known = declared.iter().map(|decl| decl.name.get_ref().as_str());
            let help = suggestion(name.get_ref(), known);
            self.complain(name, format!("no upstream is called `{}`", name.get_ref()), help);
        }
        self.upstreams.get(name.get_ref()).cloned()
    }

    pub(super) fn complain<T>(
        &mut self,
        at: &Spanned<T>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = self.file.problem(at.span(), message);
        self.problems.push(Problem { help, ..problem });
    }
}

/// Whether a text is a name or an address, and a port. One of version six is in brackets.
fn is_address(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let is_host = !host.is_empty() && (!host.contains(':') || host.ends_with(']'));
    is_host && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        for text in ["127.0.0.1:8080", "[::1]:0", "localhost:80", "gateway.internal:443"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["", ":80", "8080", "localhost", "localhost:", "::1", "[::1]", "a:65536"] {
            assert!(!is_address(text), "{text}");
        }
    }
}
