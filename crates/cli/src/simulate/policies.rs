//! The policy files of one request.

use std::fmt;
use std::fs;

use miette::{Context, IntoDiagnostic, Report};
use serde_json::{Value as Json, json};
use tollgate_policy::{
    AuthorizationType, Documents, PolicyDocument, PolicyErrors, PolicyType,
    simulate::is_decided_by_trust,
};

use super::{Args, Authorization};
use crate::diagnose::{Place, Problem};

/// A policy file in its place.
pub(super) struct Attached<'a> {
    policy_type: PolicyType,
    level: usize,
    policy: usize,
    file: &'a str,
}

/// Reads every policy file that the arguments name; says which is which.
pub(super) fn read_policies<'a>(
    args: &'a Args,
    action: &str,
) -> miette::Result<(Documents, Vec<Attached<'a>>)> {
    let mut reader = Reader { attached: Vec::new() };
    let resource = match is_decided_by_trust(action) {
        true => PolicyType::RoleTrust,
        false => PolicyType::Resource,
    };
    let documents = Documents {
        identity: reader.level(texts(&args.identity), PolicyType::Identity, 0)?,
        resource: reader.one(args.resource_policy.as_ref(), resource)?,
        permissions_boundary: reader.level(
            texts(&args.boundary),
            PolicyType::PermissionsBoundary,
            0,
        )?,
        session: reader.one(args.session_policy.as_ref(), PolicyType::Session)?,
        service_control: reader.levels(&args.service_control, PolicyType::ServiceControl)?,
        resource_control: reader.levels(&args.resource_control, PolicyType::ResourceControl)?,
        vpc_endpoint: reader.one(args.vpc_endpoint.as_ref(), PolicyType::VpcEndpoint)?,
        authorization_type: match args.authorization_type {
            Authorization::AwsIam => AuthorizationType::AwsIam,
            Authorization::None => AuthorizationType::None,
        },
    };
    Ok((documents, reader.attached))
}

fn texts(files: &[String]) -> impl Iterator<Item = &str> {
    files.iter().map(String::as_str)
}

struct Reader<'a> {
    attached: Vec<Attached<'a>>,
}

impl<'a> Reader<'a> {
    fn one(
        &mut self,
        file: Option<&'a String>,
        policy_type: PolicyType,
    ) -> miette::Result<Option<PolicyDocument>> {
        Ok(self.level(file.map(String::as_str).into_iter(), policy_type, 0)?.pop())
    }

    /// Each text is a level: files divided by commas.
    fn levels(
        &mut self,
        levels: &'a [String],
        policy_type: PolicyType,
    ) -> miette::Result<Vec<Vec<PolicyDocument>>> {
        let levels = levels.iter().enumerate();
        levels.map(|(level, files)| self.level(files.split(','), policy_type, level)).collect()
    }

    fn level(
        &mut self,
        files: impl Iterator<Item = &'a str>,
        policy_type: PolicyType,
        level: usize,
    ) -> miette::Result<Vec<PolicyDocument>> {
        files
            .enumerate()
            .map(|(policy, file)| {
                self.attached.push(Attached { policy_type, level, policy, file });
                read_policy(file, policy_type)
            })
            .collect()
    }
}

fn read_policy(file: &str, policy_type: PolicyType) -> miette::Result<PolicyDocument> {
    let text = fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read `{file}`"))?;
    PolicyDocument::parse(&text, policy_type).map_err(|errors| report(file, &text, &errors))
}

/// Everything that is wrong with a policy, with its lines.
fn report(file: &str, text: &str, errors: &PolicyErrors) -> Report {
    let problems = errors.errors().iter().map(|error| Problem {
        message: error.message.clone(),
        help: error.help(),
        place: Some(Place::new(file, text, error.span.range())),
        others: Vec::new(),
    });
    match Problem::first_of(problems) {
        Some(first) => first.into(),
        None => miette::miette!("`{file}` is no policy"),
    }
}

impl Attached<'_> {
    /// `policyType`, `level` for control policies, `policy` and `file`.
    pub(super) fn to_json(&self) -> Json {
        let Attached { policy_type, level, policy, file } = self;
        match policy_type {
            PolicyType::ServiceControl | PolicyType::ResourceControl => {
                json!({ "policyType": policy_type, "level": level, "policy": policy, "file": file })
            }
            _ => json!({ "policyType": policy_type, "policy": policy, "file": file }),
        }
    }
}

impl fmt::Display for Attached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attached { policy_type, level, policy, file } = self;
        match policy_type {
            PolicyType::ServiceControl | PolicyType::ResourceControl => {
                write!(f, "{policy_type} {policy} (level {level}): {file}")
            }
            _ => write!(f, "{policy_type} {policy}: {file}"),
        }
    }
}
