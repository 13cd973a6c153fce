//! A question: policies of all layers as JSON, and a request.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value as Json;
use tollgate_policy::{
    AuthorizationType, Documents, Key, PolicyDocument, PolicyType, Principal, Request, Role, Value,
};

use super::Choices;
use super::policy::document;

pub(crate) const HOME: &str = "111122223333";

const CALLERS: [&str; 14] = [
    "arn:aws:iam::111122223333:user/ana",
    "arn:aws:sts::111122223333:assumed-role/reader/run-1",
    "arn:aws:iam::444455556666:user/bo",
    "arn:aws:sts::111122223333:federated-user/visitor",
    "anonymous",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/team/reader",
    "arn:aws:sts::444455556666:assumed-role/reader/run-1",
    "lambda.amazonaws.com",
    "accounts.google.com",
    "arn:aws:iam::111122223333:saml-provider/corp",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::111122223333:user/team/ana",
    "arn:aws-cn:sts::111122223333:assumed-role/reader/run-1",
];

/// Those whom all layers can concern.
const HOME_CALLERS: [&str; 2] = [CALLERS[0], CALLERS[1]];

/// What may be known of a session's role.
const ROLES: [Role<'static>; 2] = [
    Role { arn: CALLERS[6], unique_id: None },
    Role { arn: "arn:aws:iam::111122223333:role/reader", unique_id: Some("a") },
];

const ACTIONS: [&str; 7] = [
    "execute-api:Invoke",
    "s3:GetObject",
    "kms:Decrypt",
    "sts:AssumeRole",
    "sts:TagSession",
    "EXECUTE-API:invoke",
    "iam:ListUsers",
];

const RESOURCES: [&str; 12] = [
    "arn:aws:execute-api:eu-west-1:111122223333:api/prod/GET/a",
    "arn:aws:execute-api:eu-west-1:111122223333:api/prod/GET/a/b",
    "arn:aws:execute-api:eu-west-1:111122223333:api/prod/GET/a:b:c",
    "arn:aws:execute-api:eu-west-1:444455556666:api/prod/GET/ana",
    "arn:aws:s3:::b/red",
    "arn:aws:kms:eu-west-1:111122223333:key/1",
    "arn:aws:iam::111122223333:role/deploy",
    "*",
    "arn:aws:s3:::b/é*",
    "arn:aws:execute-api:eu-west-1:111122223333:api/$default/GET/",
    "arn:aws:s3:::b/${app:a}",
    "not an arn",
];

/// The condition keys that exist.
pub(crate) const KEYS: [&str; 8] = [
    "app:a",
    "app:b",
    "aws:PrincipalTag/team",
    "aws:username",
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalType",
    "aws:userid",
];

/// Texts that context values hold: something for each operator to read, and to stumble over.
const TEXTS: [&str; 32] = [
    "a",
    "b",
    "ab",
    "red",
    "A",
    "é",
    "",
    "*",
    "?",
    "a:b",
    "${app:a}",
    "1",
    "1.0",
    "10",
    "-1",
    "1e3",
    "true",
    "False",
    "10.0.0.1",
    "10.0.0.0/8",
    "::1",
    "2026-01-01",
    "2026",
    "1767225600",
    "2026-01-01T00:00:00+00:00",
    "AQI=",
    "arn:aws:sns:eu:1:a",
    "arn:aws:sns:::a:b",
    "ana",
    "111122223333",
    "User",
    "arn:aws:iam::111122223333:role/reader",
];

/// What a request says of a context key.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Text(String),
    Unknown,
    Set(Vec<Cow<'static, str>>),
    Absent,
    Bool(bool),
    Integer(i64),
    Time(i64),
    Ip(IpAddr),
}

impl Known {
    /// A value, but none that is unknown.
    pub(crate) fn concrete(choices: &mut Choices<'_>) -> Known {
        let text = |choices: &mut Choices<'_>| Cow::Borrowed(choices.pick(&TEXTS));
        match choices.below(12) {
            0..=4 => Known::Text(text(choices).into_owned()),
            5 | 6 => Known::Set(choices.some(0, 4, text)),
            7 => Known::Absent,
            8 => Known::Bool(choices.rarely(2)),
            9 => Known::Integer(choices.pick(&[1, 10, -1, 0, 1_767_225_600, 2026, i64::MIN])),
            10 => Known::Time(choices.pick(&[1_767_225_600, 0, 1])),
            _ => Known::Ip(choices.pick(&["10.0.0.1", "::1", "1.2.3.4"]).parse().unwrap()),
        }
    }

    fn any(choices: &mut Choices<'_>) -> Known {
        if choices.rarely(2) { Known::Unknown } else { Known::concrete(choices) }
    }

    fn as_value(&self) -> Value<'_> {
        match self {
            Known::Text(text) => Value::Text(text),
            Known::Unknown => Value::Unknown,
            Known::Set(values) => Value::Set(values),
            Known::Absent => Value::Absent,
            Known::Bool(value) => Value::Bool(*value),
            Known::Integer(value) => Value::Integer(*value),
            Known::Time(second) => jiff::Timestamp::from_second(*second).unwrap().into(),
            Known::Ip(address) => Value::Ip(*address),
        }
    }
}

/// The policies of a question, as JSON that a test can change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) identity: Vec<Json>,
    pub(crate) resource: Option<Json>,
    pub(crate) boundary: Vec<Json>,
    pub(crate) session: Option<Json>,
    pub(crate) service_control: Vec<Vec<Json>>,
    pub(crate) resource_control: Vec<Vec<Json>>,
    pub(crate) vpc_endpoint: Option<Json>,
    pub(crate) unsigned: bool,
}

/// Policies and a request.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) layers: Layers,
    pub(crate) principal: &'static str,
    pub(crate) issuer: Option<&'static str>,
    pub(crate) user_id: Option<&'static str>,
    pub(crate) role: Option<Role<'static>>,
    pub(crate) action: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) account: Option<&'static str>,
    pub(crate) context: Vec<(String, Known)>,
}

impl Question {
    pub(crate) fn new(choices: &mut Choices<'_>) -> Question {
        let mut question = Question {
            layers: Layers::default(),
            principal: if choices.rarely(2) {
                choices.pick(&CALLERS)
            } else {
                choices.pick(&HOME_CALLERS)
            },
            issuer: choices.rarely(2).then_some(CALLERS[0]),
            user_id: choices.rarely(4).then_some("a"),
            role: None,
            action: choices.pick(&ACTIONS),
            resource: choices.pick(&RESOURCES),
            account: choices.rarely(4).then_some(HOME),
            context: vec![],
        };
        for key in KEYS {
            if choices.rarely(2) {
                question.context.push((key.to_owned(), Known::any(choices)));
            }
        }
        question.layers = Layers::new(choices, &question);
        // The last, so that inputs which were found before this was asked mean what they meant.
        question.role = choices.rarely(2).then(|| choices.pick(&ROLES));
        question
    }

    /// The keys of which nothing is known.
    pub(crate) fn unknown_keys(&self) -> impl Iterator<Item = &str> {
        let unknown = self.context.iter().filter(|(_, known)| matches!(known, Known::Unknown));
        unknown.map(|(key, _)| key.as_str())
    }

    /// Whether the resource is a role to be assumed.
    pub(crate) fn is_trust(&self) -> bool {
        self.action.starts_with("sts:")
    }

    /// The policies, read from their JSON.
    pub(crate) fn documents(&self) -> Documents {
        self.documents_as(Json::to_string)
    }

    /// The policies, read from what `write` makes of their JSON.
    pub(crate) fn documents_as(&self, write: impl Fn(&Json) -> String) -> Documents {
        let one = |json: &Json, policy_type| read(&write(json), policy_type);
        let all = |documents: &[Json], policy_type| -> Vec<PolicyDocument> {
            documents.iter().map(|json| one(json, policy_type)).collect()
        };
        let levels = |levels: &[Vec<Json>], policy_type| -> Vec<Vec<PolicyDocument>> {
            levels.iter().map(|level| all(level, policy_type)).collect()
        };
        let resource = if self.is_trust() { PolicyType::RoleTrust } else { PolicyType::Resource };
        let layers = &self.layers;
        Documents {
            identity: all(&layers.identity, PolicyType::Identity),
            resource: layers.resource.as_ref().map(|json| one(json, resource)),
            permissions_boundary: all(&layers.boundary, PolicyType::PermissionsBoundary),
            session: layers.session.as_ref().map(|json| one(json, PolicyType::Session)),
            service_control: levels(&layers.service_control, PolicyType::ServiceControl),
            resource_control: levels(&layers.resource_control, PolicyType::ResourceControl),
            vpc_endpoint: layers
                .vpc_endpoint
                .as_ref()
                .map(|json| one(json, PolicyType::VpcEndpoint)),
            authorization_type: match layers.unsigned {
                true => AuthorizationType::None,
                false => AuthorizationType::AwsIam,
            },
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        let mut principal = Principal::parse(self.principal).unwrap();
        if let Some(issuer) = self.issuer {
            principal = principal.issued_by(issuer);
        }
        if let Some(user_id) = self.user_id {
            principal = principal.with_user_id(user_id);
        }
        if let Some(role) = self.role {
            principal = principal.of_role(role);
        }
        let mut request = Request::new(principal, self.action, self.resource);
        if let Some(account) = self.account {
            request = request.with_resource_account(account);
        }
        for (key, known) in &self.context {
            request.context.set(Key::new(key), known.as_value());
        }
        request
    }
}

impl Layers {
    fn new(choices: &mut Choices<'_>, question: &Question) -> Layers {
        let trust = question.is_trust();
        let plain = |choices: &mut Choices<'_>| document(choices, question, PolicyType::Identity);
        let named = |choices: &mut Choices<'_>| {
            let policy_type = if trust { PolicyType::RoleTrust } else { PolicyType::Resource };
            document(choices, question, policy_type)
        };
        let control =
            |choices: &mut Choices<'_>| document(choices, question, PolicyType::ResourceControl);
        let endpoint =
            |choices: &mut Choices<'_>| document(choices, question, PolicyType::VpcEndpoint);
        Layers {
            identity: choices.some(0, 4, plain),
            resource: choices.some(0, 2, named).pop(),
            boundary: if choices.rarely(3) { choices.some(0, 2, plain) } else { vec![] },
            session: if choices.rarely(3) { choices.some(0, 2, plain).pop() } else { None },
            service_control: match choices.rarely(4) {
                true => choices.some(0, 3, |choices| choices.some(0, 3, plain)),
                false => vec![],
            },
            resource_control: match choices.rarely(4) {
                true => choices.some(0, 3, |choices| choices.some(0, 2, control)),
                false => vec![],
            },
            vpc_endpoint: if choices.rarely(6) { Some(endpoint(choices)) } else { None },
            unsigned: choices.rarely(12),
        }
    }

    /// Every document, for tests that rewrite them.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Json> {
        let levels = self.service_control.iter_mut().chain(&mut self.resource_control).flatten();
        let lists = self.identity.iter_mut().chain(&mut self.boundary);
        lists
            .chain(&mut self.resource)
            .chain(&mut self.session)
            .chain(levels)
            .chain(&mut self.vpc_endpoint)
    }
}

fn read(text: &str, policy_type: PolicyType) -> PolicyDocument {
    PolicyDocument::parse(text, policy_type).unwrap_or_else(|errors| panic!("{errors}: {text}"))
}
