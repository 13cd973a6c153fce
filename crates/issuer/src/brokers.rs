//! The brokers of a manifest: one for each `[[broker]]`, kept across reloads, because its journal is
//! one process's and one broker's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Deserialize;
use tollgate_broker::{
    AdminPassword, Broker, Journal, Profile, PublicAddress, Server, SslMode, Unwatched,
};
use tollgate_secrets::{Clock, Keeper, Observer, Opening, Rules, SecretReference, Tending};
use tollgate_store::{BrokerDecl, ManifestFile, Problem};
use toml::Spanned;

use crate::lease::LeaseService;

/// All brokers that were ever in force, by name, and those of the manifest that is being read.
pub struct Brokers {
    opening: Opening,
    clock: Clock,
    observer: Observer,
    known: Mutex<HashMap<String, Known>>,
}

/// A broker, and what it was made of.
struct Known {
    decl: BrokerDecl,
    service: Arc<LeaseService>,
    password: Password,
    /// Whether a manifest with it was ever in force.
    is_in_force: bool,
}

/// Where a broker's own password is, and who keeps it.
struct Password {
    reference: SecretReference,
    keeper: Arc<Keeper>,
    _tending: Option<Tending>,
}

impl Password {
    /// The file that it is in, if it is in one.
    fn file(&self) -> Option<PathBuf> {
        match &self.reference {
            SecretReference::File(reference) => Some(reference.path()),
            _ => None,
        }
    }
}

/// The broker's own password, as whoever keeps it has it now.
struct Kept(Arc<Keeper>, Clock);

impl AdminPassword for Kept {
    fn current(&self) -> Option<SecretString> {
        let kept = self.0.current((self.1)()).ok()?;
        Some(SecretString::from(kept.secret().expose().to_owned()))
    }
}

impl Brokers {
    /// None yet. `opening` finds their passwords.
    pub fn new(opening: Opening, clock: Clock, observer: Observer) -> Brokers {
        Brokers { opening, clock, observer, known: Mutex::default() }
    }

    /// The services of a manifest's brokers, by the names that routes have for them. Those that are
    /// declared as before are the same as before. On a runtime, their passwords are kept fresh. The
    /// manifest is in force once [`commit`](Self::commit) says so.
    ///
    /// # Errors
    /// What is wrong with their sections, each at its place.
    pub fn of(
        &self,
        file: &ManifestFile,
    ) -> Result<HashMap<String, Arc<LeaseService>>, Vec<Problem>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut services, mut problems) = (HashMap::new(), Vec::new());
        // What is left of a manifest that was refused.
        known.retain(|_, known| known.is_in_force || file.manifest.brokers.contains(&known.decl));
        for decl in &file.manifest.brokers {
            let name = decl.name.get_ref();
            if services.contains_key(name) {
                let message = format!("broker `{name}` is declared twice");
                problems.push(file.problem(decl.name.span(), message));
                continue;
            }
            let service = match known.get(name) {
                Some(before) if before.decl == *decl => Ok(Arc::clone(&before.service)),
                Some(_) => {
                    let message = format!(
                        "broker `{name}` is under way and was changed: restart to change it"
                    );
                    Err(file.problem(decl.name.span(), message))
                }
                None => self.open(decl, file).map(|opened| {
                    let service = Arc::clone(&opened.service);
                    known.insert(name.clone(), opened);
                    service
                }),
            };
            match service {
                Ok(service) => drop(services.insert(name.clone(), service)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(services) } else { Err(problems) }
    }

    /// The manifest that was read last is in force.
    pub fn commit(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values_mut().for_each(|known| known.is_in_force = true);
    }

    /// All that are under way, declared now or not: whoever sweeps, sweeps them all.
    pub fn all(&self) -> Vec<Arc<Broker>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = known.values().filter(|known| known.is_in_force);
        in_force.map(|known| known.service.broker()).collect()
    }

    /// The files that their passwords are in.
    pub fn password_files(&self) -> Vec<PathBuf> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter_map(|known| known.password.file()).collect()
    }

    /// Reads the passwords that are in files once more. Where one cannot be read, the observer is
    /// told, and what was read before serves on.
    pub async fn read_password_files(&self) {
        let keepers: Vec<Arc<Keeper>> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let passwords = known.values().map(|known| &known.password);
            let in_files = passwords.filter(|password| password.file().is_some());
            in_files.map(|password| Arc::clone(&password.keeper)).collect()
        };
        for keeper in keepers {
            // The failure is an event.
            let _ = keeper.refresh().await;
        }
    }

    /// What is wrong with a manifest's brokers, as far as it can be told without being one.
    pub fn check(file: &ManifestFile) -> Vec<Problem> {
        let wrong = |decl: &BrokerDecl| {
            let tls = match ssl_mode(decl, file) {
                Ok(SslMode::VerifyFull) => tls(decl, file).err(),
                _ => None,
            };
            [profile(decl, file).err(), reference(decl, file).err(), tls].into_iter().flatten()
        };
        file.manifest.brokers.iter().flat_map(wrong).collect()
    }

    /// Which of a manifest's brokers cannot have their passwords.
    pub async fn read_passwords(&self, file: &ManifestFile) -> Vec<Problem> {
        let mut problems = Vec::new();
        for decl in &file.manifest.brokers {
            let Ok(reference) = reference(decl, file) else { continue };
            let read = match self.opening.open(&reference) {
                Ok(source) => source.read().await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                let name = decl.name.get_ref();
                let message = format!("the password of broker `{name}` cannot be read: {error}");
                problems.push(file.problem(decl.password.span(), message));
            }
        }
        problems
    }

    fn open(&self, decl: &BrokerDecl, file: &ManifestFile) -> Result<Known, Problem> {
        let profile = profile(decl, file)?;
        let password = self.password(decl, file)?;
        let (host, port) = address(&decl.server, file)?;
        let tls = match ssl_mode(decl, file)? {
            SslMode::Disable => None,
            SslMode::VerifyFull => Some(tls(decl, file)?),
        };
        let kept = Arc::new(Kept(Arc::clone(&password.keeper), Arc::clone(&self.clock)));
        let (user, database) = (decl.user.get_ref(), decl.database.get_ref());
        let server = Server::new(&host, port, user, database, tls, kept);
        let path = file.folder.join(decl.journal.get_ref());
        let journal = Journal::open(&path, &profile)
            .map_err(|error| file.problem(decl.journal.span(), error.to_string()))?;
        let broker = Arc::new(Broker::new(profile, server, journal, Arc::new(Unwatched)));
        let service = Arc::new(LeaseService::new(broker));
        Ok(Known { decl: decl.clone(), service, password, is_in_force: false })
    }

    fn password(&self, decl: &BrokerDecl, file: &ManifestFile) -> Result<Password, Problem> {
        let reference = reference(decl, file)?;
        let source = self.opening.open(&reference);
        let source =
            source.map_err(|error| file.problem(decl.password.span(), error.to_string()))?;
        let alias = format!("broker {}", decl.name.get_ref());
        let clock = Arc::clone(&self.clock);
        let keeper =
            Keeper::new(&alias, source, Rules::default(), clock, Arc::clone(&self.observer));
        let runtime = tokio::runtime::Handle::try_current();
        let tending = runtime.ok().map(|_| keeper.tend());
        Ok(Password { reference, keeper, _tending: tending })
    }
}

impl std::fmt::Debug for Brokers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brokers({})", self.all().len())
    }
}

/// Where the broker's own password is.
fn reference(decl: &BrokerDecl, file: &ManifestFile) -> Result<SecretReference, Problem> {
    let reference = SecretReference::deserialize(decl.password.get_ref().0.clone());
    let reference = reference
        .map_err(|error| file.problem(decl.password.span(), error.message().to_owned()))?;
    Ok(reference.in_folder(&file.folder))
}

fn profile(decl: &BrokerDecl, file: &ManifestFile) -> Result<Profile, Problem> {
    let (host, port) = address(decl.public.as_ref().unwrap_or(&decl.server), file)?;
    let public = PublicAddress { host, port, ssl_mode: ssl_mode(decl, file)? };
    let (template, database) = (decl.template.get_ref(), decl.database.get_ref());
    let mut profile = Profile::new(decl.name.get_ref(), template, database, public)
        .map_err(|error| file.problem(decl.name.span(), error.to_string()))?;
    let (ttl_s, ttl_s_max) = (*decl.ttl_s.get_ref(), *decl.ttl_s_max.get_ref());
    if ttl_s == 0 || ttl_s > ttl_s_max {
        let message = format!("expected 1 to {ttl_s_max} s (`ttlSMax`), found {ttl_s}");
        let at = if decl.ttl_s.span().is_empty() { &decl.ttl_s_max } else { &decl.ttl_s };
        return Err(file.problem(at.span(), message));
    }
    let bound = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    profile.ttl_default = SignedDuration::from_secs(i64::from(ttl_s));
    profile.ttl_max = SignedDuration::from_secs(i64::from(ttl_s_max));
    profile.connections_max = decl.connections_max;
    profile.leases_max = bound(decl.leases_max);
    profile.leases_per_caller_max = bound(decl.leases_per_caller_max);
    Ok(profile)
}

/// `HOST:PORT`, the host an address of version six in brackets, or the folder of a socket.
fn address(text: &Spanned<String>, file: &ManifestFile) -> Result<(String, u16), Problem> {
    let split = text.get_ref().rsplit_once(':');
    let parsed = split.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parsed {
        Some((host, port)) if !host.is_empty() && port > 0 => {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            Ok((bare.unwrap_or(host).to_owned(), port))
        }
        _ => {
            let message = format!("expected `HOST:PORT`, found `{}`", text.get_ref());
            Err(file.problem(text.span(), message))
        }
    }
}

fn ssl_mode(decl: &BrokerDecl, file: &ManifestFile) -> Result<SslMode, Problem> {
    let Some(mode) = &decl.ssl_mode else { return Ok(SslMode::VerifyFull) };
    match mode.get_ref().as_str() {
        "verify-full" => Ok(SslMode::VerifyFull),
        "disable" => Ok(SslMode::Disable),
        other => {
            let message = format!("expected `verify-full` or `disable`, found `{other}`");
            let problem = file.problem(mode.span(), message);
            let help = tollgate_store::suggestion(other, ["verify-full", "disable"]);
            Err(Problem { help, ..problem })
        }
    }
}

/// Trusts the authorities that the section names, or the system's.
fn tls(decl: &BrokerDecl, file: &ManifestFile) -> Result<rustls::ClientConfig, Problem> {
    let at = decl.ca.as_ref().unwrap_or(&decl.server);
    let path = decl.ca.as_ref().map(|name| file.folder.join(name.get_ref()));
    client_config(path.as_deref()).map_err(|message| file.problem(at.span(), message))
}

fn client_config(authorities: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let roots = match authorities {
        None => tollgate_outbound::native_roots(),
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
            tollgate_outbound::roots_in_pem(&pem)
        }
    };
    let roots = roots.map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
