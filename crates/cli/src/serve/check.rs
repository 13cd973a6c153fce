//! `tollgate serve --check`: everything that the gateway would read, and nothing that it would do.

use std::path::Path;

use tollgate_gateway::{Snapshot, Surroundings, unreachable_path};
use tollgate_policy::{PolicyDocument, PolicyType};
use tollgate_store::{Files, Problem};

use super::credentials::Credentials;
use crate::account;
use crate::check::policies_of;
use crate::diagnose;
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Reads the manifest, policies, routes, keys and certificates; then what can be wrong although
/// all of it can be read.
pub(super) async fn run(
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Credentials,
    world: &World,
) -> Outcome {
    let snapshot = Snapshot::read(&Files, config, surroundings, None).map_err(account::all_of)?;
    let mut problems: Vec<Problem> = Vec::new();
    problems.extend(snapshot.read_secrets().await.err().into_iter().flatten());
    problems.extend(credentials.read_passwords(snapshot.file()).await);
    problems.extend(snapshot.strangers());
    for (name, source, policy_type) in policies_of(config)? {
        if let Ok(document) = PolicyDocument::parse(&source, policy_type) {
            problems.extend(resources_of_no_request(&name, &document));
        }
    }
    if problems.is_empty() {
        world.write(None, summary(&snapshot).as_bytes())?;
        return Ok(Exit::Ok);
    }
    diagnose::complain(&account::all_of(problems), world);
    Ok(Exit::Findings)
}

/// Resources that name paths which the gateway refuses, so that they match nothing.
fn resources_of_no_request(name: &str, document: &PolicyDocument) -> Vec<Problem> {
    let is_of_apis = matches!(document.policy_type(), PolicyType::Identity | PolicyType::Resource);
    let resources = document.statements().iter().filter(|_| is_of_apis);
    let patterns = resources.filter_map(|it| it.resource.as_ref()).flat_map(|it| &it.patterns);
    let found = patterns.filter_map(|pattern| {
        let why = unreachable_path(&pattern.value)?;
        Some(Problem {
            file: name.to_owned(),
            text: document.shared_source(),
            span: Some(pattern.span.range()),
            message: format!("`{}` matches no request: {why}", pattern.value),
            help: Some(
                "write the path as it is after percent-decoding unreserved characters".to_owned(),
            ),
            policy: None,
        })
    });
    found.collect()
}

fn summary(snapshot: &Snapshot) -> String {
    let account = snapshot.guard.account();
    let manifest = &snapshot.file().manifest;
    let routes: usize = manifest.apis.iter().map(|api| api.routes.len()).sum();
    let brokers = match manifest.brokers.len() {
        0 => String::new(),
        brokers => format!(", {}", counted(brokers, "broker")),
    };
    format!(
        "ok: {}, {} with {}, {}{brokers}; every secret can be read\n",
        counted(account.subjects().len(), "principal"),
        counted(account.apis().len(), "API"),
        counted(routes, "route"),
        counted(snapshot.keepers().count(), "credential"),
    )
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
