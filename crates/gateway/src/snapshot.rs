//! One immutable state of the gateway: what decides, and what is done with what is allowed.
//!
//! A request takes the snapshot that is current when it arrives and keeps it to its end, so that it
//! is never decided by one state and forwarded by another. A reload makes a new snapshot of the
//! files, and takes over what must not begin anew: connections, token buckets, secrets.

mod builder;
mod routes;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use tollgate_secrets::{Clock, Environment, Keeper, Observer, Rules, SecretReference};
use tollgate_store::{Account, GatewayDecl, ManifestFile, Problem, Problems, Source};

use self::builder::Builder;
use crate::credential::{Credential, Held};
use crate::guard::Guard;
use crate::internal::{Extend, Extension};
use crate::plan::Plan;
use crate::quota::Quota;
use crate::route::Place;
use crate::secrets::Vaults;
use crate::throttle::Bucket;
use crate::upstream::Upstream;

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
    quotas: HashMap<String, Arc<Quota>>,
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
            quotas: HashMap::new(),
            holders: Vec::new(),
            problems,
        };
        let keys = builder.keys();
        let tls = builder.tls(&gateway);
        builder.addresses(&gateway);
        builder.upstreams();
        builder.credentials();
        let plans = file.manifest.apis.iter().map(|api| builder.plans(api)).collect();
        let Builder { upstreams, credentials, buckets, quotas, holders, mut problems, .. } =
            builder;
        let guard = account.and_then(|account| Guard::new(account, &file, keys));
        let guard = guard.map_err(|wrong| problems.extend(wrong)).ok();
        let Some(guard) = guard.filter(|_| problems.is_empty()) else {
            return Err(Problems::none_or(problems, ()).err().unwrap_or_else(|| {
                Problem::of_file(path.display().to_string(), "nothing can be made of it").into()
            }));
        };
        Ok(Snapshot {
            guard,
            gateway,
            upstreams,
            credentials,
            buckets,
            quotas,
            plans,
            tls,
            holders,
            file,
        })
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

    /// The files that secrets are in, in no order.
    pub fn secret_files(&self) -> impl Iterator<Item = PathBuf> {
        self.credentials.values().filter_map(|credential| match &credential.held.reference {
            SecretReference::File(reference) => Some(self.file.folder.join(&reference.file)),
            _ => None,
        })
    }

    /// From now on, secrets are kept fresh, on the runtime that this is called on.
    pub(crate) fn tend(&self) {
        for credential in self.credentials.values() {
            credential.held.tending.get_or_init(|| credential.held.keeper.tend());
        }
    }

    /// Reads every secret that has not been read yet, and those in files once more. Where such a file
    /// cannot be read any more, the observer is told, and what was read before serves on.
    ///
    /// # Errors
    /// Those that have never been read and cannot be, each at its place in the manifest.
    pub async fn read_secrets(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for decl in &self.file.manifest.credentials {
            let name = decl.name.get_ref();
            let Some(credential) = self.credentials.get(name) else { continue };
            let Held { reference, keeper, .. } = &*credential.held;
            let is_known = keeper.status().is_some();
            if is_known && !matches!(reference, SecretReference::File(_)) {
                continue;
            }
            if let Err(error) = keeper.refresh().await
                && !is_known
            {
                let message = format!("the secret of credential `{name}` cannot be read: {error}");
                problems.push(self.file.problem(decl.secret.span(), message));
            }
        }
        Problems::none_or(problems, ())
    }
}
