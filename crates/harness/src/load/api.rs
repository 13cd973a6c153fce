//! Method and path → request ARN: which API is meant, where the test does not say all of it.
//!
//! A part of the ARN that neither the request nor `api` gives is taken from the account, and from
//! the policies if all of them name the same one; where they name several, the author must choose.

use std::collections::BTreeSet;

use tollgate_policy::{Api, ArnParts, write_request_arn};
use tollgate_sigv4::{CanonicalPath, PathRefusal, PathRule, RequestTarget};
use tollgate_store::ApiEntry;

use super::layers::Resolved;
use crate::expand::Question;
use crate::file::ApiFields;
use crate::place::{Located, Problem};

/// The action of a request for a path, unless the test says otherwise.
const INVOKE: &str = "execute-api:Invoke";

/// The parts of a request ARN before the method.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    partition: String,
    region: String,
    account: String,
    id: String,
    stage: String,
}

impl Parts {
    /// Finds every part, from the strongest source that gives it.
    pub(super) fn of(
        fields: Option<&ApiFields>,
        entry: Option<&ApiEntry>,
        layers: &Resolved,
        question: &Question<'_>,
    ) -> Result<Parts, Vec<Problem>> {
        let named = Named::by(layers);
        let own = |text: Option<&Located<String>>| text.map(|text| text.value.clone());
        let field = |choose: fn(&ApiFields) -> &Option<Located<String>>| {
            own(fields.and_then(|fields| choose(fields).as_ref()))
        };
        let entry_part = |choose: fn(&Api<'_>) -> String| entry.map(|entry| choose(&entry.api()));
        let principal = ArnParts::split(&question.principal.arn.value);
        let account = principal.map(|arn| arn.account.to_owned()).filter(|id| !id.is_empty());
        let settle =
            |name, given: Option<String>, named: &BTreeSet<String>, default: Option<&str>| {
                one(question, name, given, named, default)
            };
        Ok(Parts {
            partition: field(|api| &api.partition)
                .or_else(|| entry_part(|api| api.partition.to_owned()))
                .unwrap_or_else(|| "aws".to_owned()),
            region: settle(
                "region",
                field(|api| &api.region).or_else(|| entry_part(|api| api.region.to_owned())),
                &named.regions,
                Some("us-east-1"),
            )?,
            account: settle(
                "account",
                field(|api| &api.account).or_else(|| entry_part(|api| api.account.to_owned())),
                &named.accounts,
                account.as_deref(),
            )?,
            id: settle(
                "id",
                own(question.chosen("api"))
                    .or_else(|| field(|api| &api.id))
                    .or_else(|| entry_part(|api| api.id.to_owned())),
                &named.ids,
                Some("api"),
            )?,
            stage: settle(
                "stage",
                own(question.chosen("stage"))
                    .or_else(|| field(|api| &api.stage))
                    .or_else(|| only_stage(entry)),
                &named.stages,
                Some("prod"),
            )?,
        })
    }
}

fn only_stage(entry: Option<&ApiEntry>) -> Option<String> {
    match entry?.stages() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// A part that is given, or else the only one that the policies name, or else the default.
fn one(
    question: &Question<'_>,
    name: &str,
    given: Option<String>,
    named: &BTreeSet<String>,
    default: Option<&str>,
) -> Result<String, Vec<Problem>> {
    if let Some(given) = given {
        return Ok(given);
    }
    let mut candidates = named.iter();
    let problem = match (candidates.next(), candidates.next(), default) {
        (Some(only), None, _) => return Ok(only.clone()),
        (None, _, Some(default)) => return Ok(default.to_owned()),
        (None, ..) => format!("which {name} has the API of this path?"),
        (Some(first), Some(second), _) => {
            format!("the policies name more than one API {name}: `{first}`, `{second}` …")
        }
    };
    let help = format!("add it to the file: `api: {{ {name}: … }}`");
    Err(vec![Problem::at(question.place.clone(), problem).help(help)])
}

/// What the resource patterns of policies call literally.
#[derive(Default)]
struct Named {
    regions: BTreeSet<String>,
    accounts: BTreeSet<String>,
    ids: BTreeSet<String>,
    stages: BTreeSet<String>,
}

impl Named {
    fn by(layers: &Resolved) -> Named {
        let mut named = Named::default();
        let statements = layers.documents().flat_map(|document| document.statements());
        for pattern in statements.filter_map(|statement| statement.resource.as_ref()) {
            pattern.patterns.iter().for_each(|pattern| named.note(&pattern.value));
        }
        named
    }

    fn note(&mut self, pattern: &str) {
        let path = match ArnParts::split(pattern) {
            Some(arn) if arn.service == "execute-api" => {
                insert(&mut self.regions, arn.region);
                insert(&mut self.accounts, arn.account);
                let (id, rest) = arn.resource.split_once('/').unwrap_or((arn.resource, ""));
                insert(&mut self.ids, id);
                rest
            }
            Some(_) => "",
            None => pattern.strip_prefix("execute-api:/").unwrap_or(""),
        };
        insert(&mut self.stages, path.split_once('/').map_or(path, |(stage, _)| stage));
    }
}

fn insert(set: &mut BTreeSet<String>, text: &str) {
    if !text.is_empty() && !text.contains(['*', '?']) && !text.contains("${") {
        set.insert(text.to_owned());
    }
}

/// Action and resource, as the test gives them.
pub(super) fn for_resource(
    question: &Question<'_>,
    resource: &Located<String>,
) -> Result<(String, String), Vec<Problem>> {
    let Some(action) = question.chosen("action") else {
        let problem =
            Problem::at(question.place.clone(), "a request for a resource without `action`");
        return Err(vec![problem.help("such as `action: s3:GetObject`")]);
    };
    if resource.value != "*" && ArnParts::split(&resource.value).is_none() {
        let message = format!("expected an ARN, found `{}`", resource.value);
        let problem = Problem::at(resource.place.clone(), message);
        return Err(vec![problem.help("for a request to an API, give `method` and `path`")]);
    }
    Ok((action.value.clone(), resource.value.clone()))
}

/// What a request asks for.
pub(super) enum Asked<'a> {
    Resource(&'a Located<String>),
    /// A method, and a path as the gateway decides it.
    Path(&'a str, CanonicalPath),
}

impl<'a> Asked<'a> {
    pub(super) fn of(
        question: &Question<'a>,
        entry: Option<&ApiEntry>,
    ) -> Result<Asked<'a>, Vec<Problem>> {
        if let Some(resource) = question.chosen("resource") {
            return Ok(Asked::Resource(resource));
        }
        let (method, path) = method_and_path(question)?;
        match canonical(method, &path.value, entry) {
            Ok(path) => Ok(Asked::Path(method, path)),
            Err(refusal) => {
                let message = format!("{refusal}, found `{}`", path.value);
                let problem = Problem::at(path.place.clone(), message);
                let help = "the gateway answers 400 to such a request, and decides nothing";
                Err(vec![problem.help(help)])
            }
        }
    }
}

/// The method and the path of a request that has no resource.
fn method_and_path<'a>(
    question: &Question<'a>,
) -> Result<(&'a str, &'a Located<String>), Vec<Problem>> {
    let missing = |message: &str| {
        let help = "give `method` and `path`, or `action` and `resource`";
        vec![Problem::at(question.place.clone(), message).help(help)]
    };
    let Some(path) = question.chosen("path") else {
        return Err(missing("a request without `path` or `resource`"));
    };
    let Some(method) = question.chosen("method") else {
        return Err(missing("a request for a path without `method`"));
    };
    check_path(path)?;
    Ok((&method.value, path))
}

/// The path that the gateway decides when this one is asked for. What a route may opt in to is
/// accepted where the API's routes are not known.
fn canonical(
    method: &str,
    path: &str,
    entry: Option<&ApiEntry>,
) -> Result<CanonicalPath, PathRefusal> {
    let accept = |rule: PathRule| rule.accept(&RequestTarget::origin(path.as_bytes()));
    let leniently = accept(PathRule::MOST_LENIENT)?;
    let Some(entry) = entry.filter(|it| !it.routes().is_empty()) else { return Ok(leniently) };
    let route = entry.route(method, leniently.as_str());
    let rule = route.map_or(PathRule::default(), |route| PathRule {
        encoded_slash: route.allows_encoded_slash,
        semicolon: route.allows_semicolon,
    });
    accept(rule)
}

/// The action and the ARN of a method and path.
pub(super) fn for_path(
    question: &Question<'_>,
    parts: &Parts,
    method: &str,
    path: &CanonicalPath,
) -> (String, String) {
    let Parts { partition, region, account, id, stage } = parts;
    let mut arn = String::new();
    write_request_arn(
        &mut arn,
        &Api { partition, region, account, id },
        stage,
        method,
        path.as_str(),
    );
    let action = question.chosen("action").map_or(INVOKE, |action| action.value.as_str());
    (action.to_owned(), arn)
}

fn check_path(path: &Located<String>) -> Result<(), Vec<Problem>> {
    let (message, help) = match path.value.as_str() {
        text if !text.starts_with('/') => ("expected a path from `/`", "add the leading slash"),
        text if text.contains('?') => {
            ("a query is no part of a path", "policies decide about the path alone: remove it")
        }
        text if text.contains(['{', '}']) => {
            ("expected a concrete path", "put a value where the route has a `{parameter}`")
        }
        _ => return Ok(()),
    };
    let message = format!("{message}, found `{}`", path.value);
    Err(vec![Problem::at(path.place.clone(), message).help(help)])
}
