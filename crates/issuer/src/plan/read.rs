//! What the section and its files say, and everything that is wrong with them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_gateway::Identities;
use tollgate_store::{Account, BridgeDecl, ManifestFile, Problem, ProviderDecl, StsDecl};
use tollgate_sts::{
    Authority, BridgeRules, Durations, KeyRing, KeySet, MasterKey, Metadata, Provider, Providers,
    Revocations, is_local,
};
use toml::Spanned;

use super::{Bridge, Container, Instance, Purpose, Workload};
use crate::fetch::{Fetcher, Fetchers};
use crate::{files, revocations};

/// What is needed while a plan is read, and the problems found so far.
pub(super) struct Reader<'r> {
    pub(super) file: &'r ManifestFile,
    pub(super) account: &'r Account,
    pub(super) purpose: Purpose,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn durations(&mut self, decl: &StsDecl) -> Durations {
        let (min_s, max_s) = (*decl.duration_s_min.get_ref(), *decl.duration_s_max.get_ref());
        let default_s = match decl.duration_s.span().is_empty() {
            // Not written: the usual, as far as it may be.
            true => (*decl.duration_s.get_ref()).clamp(min_s.min(max_s), max_s),
            false => *decl.duration_s.get_ref(),
        };
        if min_s == 0 || min_s > max_s {
            let message = format!("expected 1 to {max_s} s (`durationSMax`), found {min_s}");
            self.complain(&decl.duration_s_min, message);
        } else if !(min_s..=max_s).contains(&default_s) {
            let message = format!("expected {min_s} to {max_s} s, found {default_s}");
            self.complain(&decl.duration_s, message);
        }
        Durations { min_s, max_s, default_s }
    }

    pub(super) fn keys(&mut self, decl: &StsDecl) -> Option<KeyRing> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for name in decl.master_keys.get_ref() {
            let path = self.path(name);
            let key = files::read(&path).and_then(|text| {
                MasterKey::parse(&text).map_err(|error| format!("`{}`: {error}", path.display()))
            });
            match key {
                Ok(key) if keys.iter().any(|known| known.id() == key.id()) => {
                    self.complain(name, "this master key is listed twice");
                }
                Ok(key) => keys.push(key),
                Err(problem) => self.complain(name, problem),
            }
        }
        if decl.master_keys.get_ref().is_empty() {
            let message = "expected the file of a master key; `openssl rand -hex 32` makes one";
            self.complain(&decl.master_keys, message);
        }
        let mut keys = keys.into_iter();
        Some(KeyRing::new(keys.next()?, keys.collect()))
    }

    pub(super) fn revocations(&mut self, decl: &StsDecl) -> Revocations {
        let Some(name) = &decl.revocations else { return Revocations::default() };
        read_revocations(&self.path(name)).unwrap_or_else(|problem| {
            self.complain(name, problem);
            Revocations::default()
        })
    }

    /// What is wrong with them, the gateway says.
    pub(super) fn identities(&mut self) -> Identities {
        let gateway = self.file.manifest.gateway.as_ref();
        let name = gateway.and_then(|gateway| gateway.identities.as_ref());
        name.and_then(|name| Identities::read(&self.path(name)).ok()).unwrap_or_default()
    }

    pub(super) fn providers(&mut self, decl: &StsDecl) -> (Providers, Fetchers) {
        let (mut providers, mut fetchers) = (Vec::new(), Fetchers::default());
        for provider in &decl.providers {
            let issuer = provider.issuer.get_ref();
            if !issuer.starts_with("https://") && !is_loopback_http(issuer) {
                let message = format!("expected an `https` URL, found `{issuer}`");
                self.complain(&provider.issuer, message);
            }
            if provider.audiences.is_empty() {
                let message = "expected the client ids whose tokens are accepted in `audiences`";
                self.complain(&provider.issuer, message);
            }
            let keys = provider.jwks.as_ref().and_then(|name| self.key_set(name));
            if provider.jwks.is_none() {
                self.fetcher(provider, &mut fetchers);
            }
            let audiences = provider.audiences.clone();
            providers.push(Provider { issuer: issuer.clone(), audiences, keys });
        }
        (Providers::new(providers), fetchers)
    }

    fn key_set(&mut self, name: &Spanned<String>) -> Option<Arc<KeySet>> {
        let path = self.path(name);
        let shown = path.display();
        let text =
            std::fs::read(&path).map_err(|error| format!("`{shown}` cannot be read: {error}"));
        match text.and_then(|text| KeySet::parse(&text).map_err(|it| format!("`{shown}`: {it}"))) {
            Ok(keys) => Some(Arc::new(keys)),
            Err(problem) => {
                self.complain(name, problem);
                None
            }
        }
    }

    fn fetcher(&mut self, provider: &ProviderDecl, fetchers: &mut Fetchers) {
        let issuer = &provider.issuer;
        if let Some(fetcher) = provider.ca.as_ref().and_then(|name| self.fetcher_of(name)) {
            fetchers.add(issuer.get_ref(), fetcher);
        }
        if provider.ca.is_none() && !fetchers.has_system() {
            match Fetcher::new(None) {
                Ok(fetcher) => fetchers.otherwise(fetcher),
                Err(problem) => self.complain(issuer, problem),
            }
        }
    }

    fn fetcher_of(&mut self, authorities: &Spanned<String>) -> Option<Fetcher> {
        let path = self.path(authorities);
        let shown = path.display();
        let pem =
            std::fs::read(&path).map_err(|error| format!("`{shown}` cannot be read: {error}"));
        match pem.and_then(|pem| Fetcher::new(Some(&pem)).map_err(|it| format!("`{shown}`: {it}")))
        {
            Ok(fetcher) => Some(fetcher),
            Err(problem) => {
                self.complain(authorities, problem);
                None
            }
        }
    }

    pub(super) fn containers(&mut self, decl: &StsDecl, durations: Durations) -> Vec<Container> {
        let mut containers = Vec::new();
        for decl in &decl.containers {
            let workload = self.workload(&decl.listen, &decl.role, &decl.session, durations);
            let token = files::token(&self.path(&decl.token_file), self.purpose);
            match (workload, token) {
                (workload, Err(problem)) => {
                    self.complain(&decl.token_file, problem);
                    drop(workload);
                }
                (Some(workload), Ok(token)) => containers.push(Container { workload, token }),
                (None, Ok(_)) => {}
            }
        }
        containers
    }

    pub(super) fn metadata(&mut self, decl: &StsDecl, durations: Durations) -> Option<Instance> {
        let decl = decl.metadata.as_ref()?;
        let workload = self.workload(&decl.listen, &decl.role, &decl.session, durations)?;
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        if let Err(error) = getrandom::fill(secret.as_mut()) {
            self.complain(&decl.listen, format!("no randomness: {error}"));
            return None;
        }
        // SDKs put the name into a path.
        let role = workload.role.rsplit('/').next().unwrap_or_default().to_owned();
        let metadata = Metadata::new(&secret, &role, self.account.region());
        Some(Instance { workload, metadata })
    }

    fn workload(
        &mut self,
        listen: &Spanned<String>,
        role: &Spanned<String>,
        session: &Spanned<String>,
        durations: Durations,
    ) -> Option<Workload> {
        let address: Option<SocketAddr> = listen.get_ref().parse().ok();
        let local = address.filter(|address| is_local(address.ip()));
        if local.is_none() {
            let message = format!(
                "expected a loopback or link-local address with a port, found `{}`",
                listen.get_ref()
            );
            self.complain(listen, message);
        }
        let is_name = |char: char| char.is_ascii_alphanumeric() || "_+=,.@-".contains(char);
        let name = session.get_ref();
        if !(2..=64).contains(&name.len()) || !name.chars().all(is_name) {
            let message = format!(
                "expected the name of a session, 2 to 64 letters, digits or `_+=,.@-`, found `{name}`"
            );
            self.complain(session, message);
        }
        let authority = Authority { account: self.account, durations };
        if let Err(fault) = authority.deliver(role.get_ref(), name) {
            self.complain(role, fault.detail.unwrap_or(fault.message));
        }
        let (role, session) = (role.get_ref().clone(), name.clone());
        Some(Workload { listen: local?, role, session })
    }

    pub(super) fn bridge(&mut self, decl: &BridgeDecl) -> Option<Bridge> {
        for account in &decl.accounts {
            let text = account.get_ref();
            if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!("expected an account id of twelve digits, found `{text}`");
                self.complain(account, message);
            }
        }
        if decl.server_id.get_ref().is_empty() {
            self.complain(&decl.server_id, "expected this gateway's name, such as its host name");
        }
        let fetcher = match &decl.ca {
            Some(name) => self.fetcher_of(name)?,
            None => match Fetcher::new(None) {
                Ok(fetcher) => fetcher,
                Err(problem) => {
                    self.complain(&decl.server_id, problem);
                    return None;
                }
            },
        };
        let rules = BridgeRules {
            server_id: decl.server_id.get_ref().clone(),
            accounts: decl.accounts.iter().map(|id| id.get_ref().clone()).collect(),
            hosts: decl.hosts.clone(),
        };
        Some(Bridge { rules, fetcher })
    }

    fn path(&self, name: &Spanned<String>) -> PathBuf {
        self.file.folder.join(name.get_ref())
    }

    fn complain<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.problems.push(self.file.problem(at.span(), message));
    }
}

fn is_loopback_http(url: &str) -> bool {
    let host = url.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|host| host == "localhost" || host == "127.0.0.1")
}

/// Reads the file of what is revoked.
///
/// # Errors
/// It cannot be read, or what is wrong with it.
pub(crate) fn read_revocations(path: &Path) -> Result<Revocations, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    revocations::parse(&text).map_err(|problem| format!("`{shown}`, {problem}"))
}
