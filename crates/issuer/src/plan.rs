//! What the service is to do, read from the manifest's `[sts]` and the files that it names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tollgate_gateway::Identities;
use tollgate_sigv4::Verifier;
use tollgate_store::{Account, ManifestFile, Problems, StsDecl};
use tollgate_sts::{
    Authority, AuthorizationToken, BridgeRules, Durations, KeyRing, Metadata, Providers,
    Revocations,
};

use crate::fetch::{Fetcher, Fetchers};

mod read;

use read::Reader;
pub(crate) use read::read_revocations;

/// Everything that answers a request. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct Plan {
    /// The section that it was read from.
    pub decl: StsDecl,
    pub(crate) account: Arc<Account>,
    pub(crate) durations: Durations,
    pub(crate) keys: KeyRing,
    pub(crate) revocations: Arc<Revocations>,
    /// The file that they were read from.
    pub(crate) revocations_file: Option<PathBuf>,
    pub(crate) identities: Identities,
    pub(crate) providers: Arc<Providers>,
    pub(crate) fetchers: Fetchers,
    pub(crate) verifier: Verifier,
    pub(crate) clock_skew_s: u32,
    pub(crate) containers: Vec<Container>,
    pub(crate) metadata: Option<Instance>,
    pub(crate) bridge: Option<Bridge>,
}

/// What something is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To do what it says: files that are missing and can be made, are made.
    Serve,
    /// To see whether it could be done. Nothing is made.
    Check,
}

/// A role that the manifest gives to a workload of this machine.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where it asks.
    pub listen: SocketAddr,
    pub(crate) role: String,
    pub(crate) session: String,
}

/// A workload that shows a token.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) workload: Workload,
    pub(crate) token: AuthorizationToken,
}

/// The workload that all of this machine is.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) workload: Workload,
    pub(crate) metadata: Metadata,
}

/// Who vouches for callers of AWS.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(crate) rules: BridgeRules,
    pub(crate) fetcher: Fetcher,
}

impl Plan {
    /// Reads the section and every file that it names; `None` without the section.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place in the manifest.
    pub fn read(
        file: &ManifestFile,
        account: Arc<Account>,
        purpose: Purpose,
    ) -> Result<Option<Plan>, Problems> {
        let Some(decl) = &file.manifest.sts else { return Ok(None) };
        let mut reader = Reader { file, account: &account, purpose, problems: Vec::new() };
        let durations = reader.durations(decl);
        let keys = reader.keys(decl);
        let revocations = reader.revocations(decl);
        let identities = reader.identities();
        let (providers, fetchers) = reader.providers(decl);
        let containers = reader.containers(decl, durations);
        let metadata = reader.metadata(decl, durations);
        let bridge = decl.bridge.as_ref().and_then(|bridge| reader.bridge(bridge));
        let Reader { problems, .. } = reader;
        // Without keys there is a problem to say so.
        let Some(keys) = Problems::none_or(problems, keys)? else { return Ok(None) };
        let limits = file.manifest.gateway.as_ref().map(|gateway| &gateway.limits);
        let clock_skew_s = limits.map_or(300, |limits| limits.clock_skew_s);
        Ok(Some(Plan {
            decl: decl.clone(),
            durations,
            keys,
            revocations: Arc::new(revocations),
            revocations_file: decl.revocations.as_ref().map(|it| file.folder.join(it.get_ref())),
            identities,
            providers: Arc::new(providers),
            fetchers,
            verifier: Verifier::new(account.region()).service("sts").clock_skew_s(clock_skew_s),
            clock_skew_s,
            containers,
            metadata,
            bridge,
            account,
        }))
    }

    /// Takes over what was fetched from providers, if they are the same.
    #[must_use]
    pub fn after(self, previous: &Plan) -> Plan {
        let issuers = |plan: &Plan| -> Vec<(String, Vec<String>)> {
            let providers = plan.decl.providers.iter().filter(|decl| decl.jwks.is_none());
            providers.map(|decl| (decl.issuer.get_ref().clone(), decl.audiences.clone())).collect()
        };
        let all_fetched = self.decl.providers.iter().all(|decl| decl.jwks.is_none());
        if all_fetched && issuers(&self) == issuers(previous) {
            return Plan { providers: Arc::clone(&previous.providers), ..self };
        }
        self
    }

    /// Whether it listens at the same addresses.
    pub fn listens_like(&self, other: &Plan) -> bool {
        let addresses = |plan: &Plan| -> Vec<String> {
            let workloads = plan.containers().chain(plan.instance());
            let all = workloads.map(|workload| workload.listen.to_string());
            all.chain([plan.decl.listen.get_ref().clone()]).collect()
        };
        addresses(self) == addresses(other) && self.containers.len() == other.containers.len()
    }

    pub(crate) fn authority(&self) -> Authority<'_> {
        Authority { account: &self.account, durations: self.durations }
    }

    /// The workloads that show a token, in the manifest's order.
    pub fn containers(&self) -> impl Iterator<Item = &Workload> {
        self.containers.iter().map(|container| &container.workload)
    }

    /// The workload that all of this machine is.
    pub fn instance(&self) -> Option<&Workload> {
        self.metadata.as_ref().map(|instance| &instance.workload)
    }
}
