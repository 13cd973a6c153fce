//! From a reference to its source: what a source needs from the world around it.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tollgate_outbound::aws::{Addressed, CredentialChain, JsonService};
use tollgate_outbound::{CallError, Client, Clock, Environment, PlainHttp};

use super::{
    EnvironmentSource, FileSource, SecretsManagerSource, Source, SourceError, VaultSource,
};
use crate::reference::SecretReference;

/// How long one call to where a secret is kept may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Opens references, for a gateway that reads this environment and tells time by this clock.
///
/// All sources of it share connections, and who we are to AWS.
pub struct Opening {
    environment: Environment,
    clock: Clock,
    client: Client,
    chain: OnceLock<Arc<CredentialChain>>,
}

impl Opening {
    /// What sources need, with the system's certificate authorities.
    ///
    /// # Errors
    /// No certificate authority can be read.
    pub fn new(environment: Environment, clock: Clock) -> Result<Opening, SourceError> {
        let client = Client::with_native_roots(DEADLINE)?;
        Ok(Opening { environment, clock, client, chain: OnceLock::new() })
    }

    /// The source of what the reference points to. Nothing is read yet.
    ///
    /// # Errors
    /// The reference cannot work here: an address, a region or our own credentials are not known.
    pub fn open(&self, reference: &SecretReference) -> Result<Box<dyn Source>, SourceError> {
        Ok(match reference.clone() {
            SecretReference::Environment(reference) => {
                Box::new(EnvironmentSource::new(reference, Arc::clone(&self.environment)))
            }
            SecretReference::File(reference) => Box::new(FileSource::new(reference)),
            SecretReference::SecretsManager(reference) => {
                Box::new(SecretsManagerSource::open(reference, self)?)
            }
            SecretReference::Vault(reference) => Box::new(VaultSource::open(reference, self)?),
        })
    }

    pub(super) fn service(&self, addressed: &Addressed<'_>) -> Result<JsonService, SourceError> {
        let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
        Ok(JsonService::new(addressed, &self.environment, client, self.chain()?, clock)?)
    }

    /// Who we are to AWS; found out when the first secret of AWS is opened.
    fn chain(&self) -> Result<Arc<CredentialChain>, CallError> {
        if let Some(chain) = self.chain.get() {
            return Ok(Arc::clone(chain));
        }
        let clock = Arc::clone(&self.clock);
        let chain = CredentialChain::of_environment(&self.environment, &self.client, clock)?;
        Ok(Arc::clone(self.chain.get_or_init(|| Arc::new(chain))))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn client_with_authorities(&self, file: &Path) -> Result<Client, SourceError> {
        let place = format!("file `{}`", file.display());
        let pem = std::fs::read(file)
            .map_err(|error| SourceError::missing(format!("{place}: {error}")))?;
        Ok(Client::with_roots_in_pem(&pem, DEADLINE).map_err(|error| error.of(place))?)
    }

    pub(super) fn plain(&self, danger_plain_http: bool) -> PlainHttp {
        if danger_plain_http { PlainHttp::DangerAnywhere } else { PlainHttp::Loopback }
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }
}
