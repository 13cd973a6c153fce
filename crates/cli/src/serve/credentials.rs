//! What the gateway does beside proxying, by `[sts]` and `[[broker]]`: sessions and database logins.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use miette::IntoDiagnostic;
use tokio::task::JoinHandle;
use tollgate_broker::Broker;
use tollgate_gateway::Environment;
use tollgate_gateway::{
    Clock, Extension, Gateway, Internal, InternalAnswer, InternalCall, KeySource, Refusal, Service,
    listen, observer,
};
use tollgate_issuer::{Brokers, Event, Issuer, IssuerEndpoint, Plan, Purpose, Way};
use tollgate_secrets::Opening;
use tollgate_store::{Account, BrokerDecl, Files, ManifestFile, Problem};

/// How often it is looked whether logins have ended, and what is revoked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
const REVOCATIONS_INTERVAL: Duration = Duration::from_secs(1);

/// Sessions and logins of this process.
pub(super) struct Credentials {
    purpose: Purpose,
    brokers: Brokers,
    clock: Clock,
    issuing: Mutex<Issuing>,
}

/// Who issues sessions, and by which plan when the manifest that is being read is taken over.
#[derive(Default)]
struct Issuing {
    issuer: Option<Arc<Issuer>>,
    next: Option<Arc<Plan>>,
    /// Whether a manifest is in force: from then on, nothing more is listened on.
    is_begun: bool,
}

type Services = HashMap<String, Arc<dyn Internal>>;

/// A broker that was only looked at: it hands out nothing.
struct Unopened;

impl Internal for Unopened {
    fn answer(&self, _: InternalCall) -> InternalAnswer<'_> {
        Box::pin(std::future::ready(Err(Refusal::NoRoute)))
    }
}

impl Credentials {
    /// Nothing is issued yet.
    ///
    /// # Errors
    /// No certificate authority of the system can be read.
    pub(super) fn new(
        purpose: Purpose,
        environment: Environment,
        clock: &Clock,
    ) -> miette::Result<Arc<Credentials>> {
        let opening = Opening::new(environment, Arc::clone(clock)).into_diagnostic()?;
        let brokers = Brokers::new(opening, Arc::clone(clock), observer());
        let issuing = Mutex::default();
        Ok(Arc::new(Credentials { purpose, brokers, clock: Arc::clone(clock), issuing }))
    }

    /// What a manifest adds to its gateway. Sessions go on by the plan of before until
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// What is wrong with `[sts]` and `[[broker]]`.
    pub(super) fn extension(&self, file: &ManifestFile) -> Result<Extension, Vec<Problem>> {
        // What is wrong with the account, the gateway says.
        let Ok(account) = Account::of(&Files, file) else { return Ok(Extension::default()) };
        let mut extension = Extension::default();
        let mut problems = Vec::new();
        match Plan::read(file, Arc::new(account), self.purpose) {
            Ok(plan) => {
                extension.keys.extend(self.prepare(plan, file).map_err(|problem| vec![problem])?);
            }
            Err(wrong) => problems.extend(wrong),
        }
        match self.services(file) {
            Ok(services) => extension.services.extend(services),
            Err(wrong) => problems.extend(wrong),
        }
        if problems.is_empty() { Ok(extension) } else { Err(problems) }
    }

    fn prepare(
        &self,
        plan: Option<Plan>,
        file: &ManifestFile,
    ) -> Result<Option<Arc<KeySource>>, Problem> {
        let mut issuing = self.lock();
        let fixed = |what: &str| {
            let start = file.manifest.sts.as_ref().map_or(0..0, |sts| sts.listen.span());
            let message = format!("{what} while the gateway runs");
            Err(file.problem(start, message).with_help("restart it, or change it back"))
        };
        let (plan, issuer) = match (plan, issuing.issuer.clone()) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return fixed("`[sts]` cannot be taken away"),
            (Some(_), None) if issuing.is_begun => return fixed("`[sts]` cannot be added"),
            (Some(plan), Some(issuer)) if !issuer.plan().listens_like(&plan) => {
                drop(plan);
                return fixed("where `[sts]` listens cannot change");
            }
            (Some(plan), Some(issuer)) => (Arc::new(plan.after(&issuer.plan())), issuer),
            (Some(plan), None) => {
                let plan = Arc::new(plan);
                (Arc::clone(&plan), Issuer::new(plan, Arc::new(tell)))
            }
        };
        let source = issuer.session_keys(Arc::clone(&plan));
        (issuing.issuer, issuing.next) = (Some(issuer), Some(plan));
        Ok(Some(source))
    }

    fn services(&self, file: &ManifestFile) -> Result<Services, Vec<Problem>> {
        if self.purpose == Purpose::Serve {
            let services = self.brokers.of(file)?.into_iter();
            return Ok(services.map(|(name, it)| (name, it as Arc<dyn Internal>)).collect());
        }
        let problems = Brokers::check(file);
        if !problems.is_empty() {
            return Err(problems);
        }
        let unopened = |decl: &BrokerDecl| {
            (decl.name.get_ref().clone(), Arc::new(Unopened) as Arc<dyn Internal>)
        };
        Ok(file.manifest.brokers.iter().map(unopened).collect())
    }

    /// Which of a manifest's brokers cannot have their passwords.
    pub(super) async fn read_passwords(&self, file: &ManifestFile) -> Vec<Problem> {
        self.brokers.read_passwords(file).await
    }

    /// The files that brokers' passwords are in.
    pub(super) fn password_files(&self) -> Vec<PathBuf> {
        self.brokers.password_files()
    }

    /// Reads those files once more.
    pub(super) async fn read_password_files(&self) {
        self.brokers.read_password_files().await;
    }

    /// The manifest that was read last is in force.
    pub(super) fn commit(&self) {
        self.brokers.commit();
        let mut issuing = self.lock();
        issuing.is_begun = true;
        if let (Some(issuer), Some(plan)) = (issuing.issuer.clone(), issuing.next.take()) {
            issuer.replace(plan);
        }
    }

    /// Listens where the manifest says.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub(super) async fn listen(
        &self,
        service: &mut Service,
        gateway: &Arc<Gateway>,
    ) -> miette::Result<()> {
        let Some(issuer) = self.lock().issuer.clone() else { return Ok(()) };
        let plan = issuer.plan();
        let sts = listen(plan.decl.listen.get_ref()).await.into_diagnostic()?;
        let scheme = if gateway.snapshot().gateway.tls.is_some() { "https" } else { "http" };
        if let Ok(address) = sts.local_addr() {
            tracing::info!("sessions on {scheme}://{address}");
        }
        let endpoint = |way| Arc::new(IssuerEndpoint { issuer: Arc::clone(&issuer), way });
        service.listen([sts], endpoint(Way::Sts(Arc::clone(gateway))));
        for (index, workload) in plan.containers().enumerate() {
            let listener = listen(&workload.listen.to_string()).await.into_diagnostic()?;
            service.listen([listener], endpoint(Way::Container(index)));
            tracing::info!("credentials on http://{}/credentials", workload.listen);
        }
        if let Some(workload) = plan.instance() {
            let listener = listen(&workload.listen.to_string()).await.into_diagnostic()?;
            service.listen([listener], endpoint(Way::Metadata));
            tracing::info!("instance metadata on http://{}", workload.listen);
        }
        Ok(())
    }

    /// Ends logins whose time is over and reads what is revoked, from now on.
    pub(super) fn tend(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let (sweeping, watching) = (Arc::clone(self), Arc::clone(self));
        vec![
            tokio::spawn(async move { sweeping.sweep_for_ever().await }),
            tokio::spawn(async move { watching.watch_revocations().await }),
        ]
    }

    async fn sweep_for_ever(&self) {
        let mut checked = Vec::new();
        loop {
            for broker in self.brokers.all() {
                let name = broker.profile().name().to_owned();
                if !checked.contains(&name) {
                    check(&broker, (self.clock)()).await;
                    checked.push(name);
                }
                sweep(&broker, (self.clock)()).await;
            }
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }

    async fn watch_revocations(&self) {
        let issuer = || self.lock().issuer.clone();
        let mut seen = issuer().and_then(|issuer| issuer.revocations_written());
        loop {
            tokio::time::sleep(REVOCATIONS_INTERVAL).await;
            let Some(issuer) = issuer() else { continue };
            let written = issuer.revocations_written();
            if written == seen {
                continue;
            }
            seen = written;
            match issuer.read_revocations() {
                Ok(entries) => tracing::info!(entries, "what is revoked was read anew"),
                Err(problem) => tracing::error!(%problem, "what was revoked stays revoked"),
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Issuing> {
        self.issuing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check(broker: &Broker, now: Timestamp) {
    let name = broker.profile().name();
    if let Err(error) = broker.check(now).await {
        tracing::warn!(broker = name, %error, "no logins can be made");
    }
}

async fn sweep(broker: &Broker, now: Timestamp) {
    let name = broker.profile().name();
    match broker.sweep(now).await {
        Ok(swept) => {
            for role in &swept.ended {
                tracing::info!(broker = name, %role, "a login has ended");
            }
            for (role, error) in &swept.failed {
                tracing::warn!(broker = name, %role, %error, "a login could not be ended yet");
            }
        }
        Err(error) => tracing::warn!(broker = name, %error, "logins cannot be ended"),
    }
}

/// A line of the operator's log for each request for a session.
fn tell(event: &Event) {
    let session = event.session.as_ref();
    tracing::info!(
        requestId = event.request_id,
        action = event.action.unwrap_or("-"),
        sourceIp = event.source_ip,
        caller = event.caller.as_deref().unwrap_or("-"),
        accessKeyId = event.access_key_id.as_deref().unwrap_or("-"),
        role = event.role.as_deref().unwrap_or("-"),
        session = session.map_or("-", |session| session.id.as_str()),
        principal = session.map_or("-", |session| session.principal.as_str()),
        sessionAccessKeyId = session.map_or("-", |session| session.access_key_id.as_str()),
        status = event.status,
        errorCode = event.error_code.unwrap_or("-"),
        error = event.error.as_deref().unwrap_or("-"),
        "session"
    );
}
