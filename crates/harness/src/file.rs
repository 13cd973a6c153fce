//! A test file as its author wrote it: every field, in order, with its place in the text.
//!
//! [`TestFile`] mirrors the YAML and nothing more. Files that it names have not been opened, and
//! lists have not been multiplied out.

use std::sync::Arc;

use jiff::Timestamp;
use tollgate_policy::{AuthorizationType, Outcome, PolicyType};

use crate::place::{Located, Place, Problem, SourceFile};

/// One `*.test.yaml` file.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// The text it was read from.
    pub source: Arc<SourceFile>,
    /// What applies to all its tests.
    pub setting: Setting,
    /// `use`: files of fixtures, whose settings apply where this file says nothing.
    pub fixtures: Vec<Located<String>>,
    /// The tests, in order.
    pub tests: Vec<Case>,
    /// Where the decision matrix is kept that was last accepted.
    pub snapshot: Option<Located<String>>,
}

/// What applies to all tests of a file; also what a file of fixtures may hold.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The policies in force, unless a principal or a test says otherwise.
    pub policies: Option<Attachment>,
    /// The manifest of an account that holds principals, APIs and policies.
    pub account: Option<Located<String>>,
    /// The API that methods and paths belong to.
    pub api: Option<ApiFields>,
    /// The instant of all requests: `aws:CurrentTime` and `aws:EpochTime`.
    pub now: Option<Located<Timestamp>>,
    /// Callers by name.
    pub principals: Vec<PrincipalFields>,
    /// Context of all requests.
    pub context: Vec<ContextFields>,
}

/// Which documents stand in which layer.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    /// The layers that are given, each once. One that is given replaces the whole layer.
    pub layers: Vec<LayerFields>,
    /// How the API's method authorizes.
    pub authorization_type: Option<AuthorizationType>,
}

/// One layer of an attachment.
#[derive(Clone, Debug)]
pub struct LayerFields {
    /// Which.
    pub policy_type: PolicyType,
    /// Its documents: levels from the root to the account for control policies, one level else.
    pub levels: Vec<Vec<DocumentRef>>,
}

/// A policy document: a file, or written out on the spot.
#[derive(Clone, Debug)]
pub enum DocumentRef {
    /// The path of a JSON file, relative to the file that names it.
    File(Located<String>),
    /// JSON within the test file.
    Inline(Place),
}

/// `api`: where request ARNs begin. Parts that are left out are taken from the policies.
#[derive(Clone, Debug, Default)]
pub struct ApiFields {
    /// `aws` unless the API lives in another partition.
    pub partition: Option<Located<String>>,
    /// The region.
    pub region: Option<Located<String>>,
    /// The account that owns the API.
    pub account: Option<Located<String>>,
    /// The API's id.
    pub id: Option<Located<String>>,
    /// The stage.
    pub stage: Option<Located<String>>,
}

/// A caller.
#[derive(Clone, Debug)]
pub struct PrincipalFields {
    /// What tests call it.
    pub name: Located<String>,
    /// Its ARN, `anonymous`, a service or an identity provider.
    pub arn: Located<String>,
    /// Its tags: `aws:PrincipalTag/NAME`.
    pub tags: Vec<(Located<String>, Located<String>)>,
    /// Its unique id: `aws:userid`.
    pub user_id: Option<Located<String>>,
    /// The IAM user that a federated user's session was made by.
    pub issued_by: Option<Located<String>>,
    /// Context of its requests.
    pub context: Vec<ContextFields>,
    /// Its policies, layer by layer instead of those of the file.
    pub policies: Option<Attachment>,
}

/// One test, one row of a test, or one exception from a test.
#[derive(Clone, Debug)]
pub struct Case {
    /// The whole case.
    pub place: Place,
    /// What it is called; tests have a name, rows may.
    pub name: Option<Located<String>>,
    /// Policies of this test, layer by layer instead of those of the principal and the file.
    pub policies: Option<Attachment>,
    /// Who asks.
    pub principal: Option<Axis>,
    /// What is asked for.
    pub request: RequestFields,
    /// What is known about the request.
    pub context: Vec<ContextFields>,
    /// Context keys of which nothing is known.
    pub unknown: Vec<Located<String>>,
    /// The decision that must be made.
    pub expect: Option<Located<Expectation>>,
    /// Statements that must be among those that determine the decision.
    pub by: Vec<By>,
    /// Why it is not run.
    pub skip: Option<Located<String>>,
    /// Cells that are expected to be decided otherwise.
    pub except: Vec<Case>,
    /// Cases that each complete this one.
    pub rows: Option<Rows>,
}

/// Where a test's rows are.
#[derive(Clone, Debug)]
pub enum Rows {
    /// A CSV or JSONL file, relative to the file that names it.
    File(Located<String>),
    /// In the test file.
    Inline(Vec<Case>),
}

/// Values that are tried one after another.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The values, none twice.
    pub values: Vec<Located<String>>,
    /// Whether they were written as a list: then the value is part of a cell's id.
    pub listed: bool,
}

/// `request`: an action on a resource, or a method and path of an API.
#[derive(Clone, Debug, Default)]
pub struct RequestFields {
    /// `service:Name`; `execute-api:Invoke` for a path.
    pub action: Option<Axis>,
    /// A concrete ARN, or `*`.
    pub resource: Option<Axis>,
    /// The account that owns the resource, where its ARN does not say.
    pub resource_account: Option<Axis>,
    /// `GET` …
    pub method: Option<Axis>,
    /// The concrete path.
    pub path: Option<Axis>,
    /// The stage, instead of the API's.
    pub stage: Option<Axis>,
    /// The API's id, instead of the setting's.
    pub api: Option<Axis>,
}

impl RequestFields {
    /// The axes by their names in the file, in the order in which they multiply.
    pub fn axes(&self) -> [(&'static str, Option<&Axis>); 7] {
        [
            ("action", self.action.as_ref()),
            ("resource", self.resource.as_ref()),
            ("resourceAccount", self.resource_account.as_ref()),
            ("api", self.api.as_ref()),
            ("stage", self.stage.as_ref()),
            ("method", self.method.as_ref()),
            ("path", self.path.as_ref()),
        ]
    }

    /// The axis of this name.
    pub(crate) fn axis_mut(&mut self, name: &str) -> Option<&mut Option<Axis>> {
        Some(match name {
            "action" => &mut self.action,
            "resource" => &mut self.resource,
            "resourceAccount" => &mut self.resource_account,
            "api" => &mut self.api,
            "stage" => &mut self.stage,
            "method" => &mut self.method,
            "path" => &mut self.path,
            _ => return None,
        })
    }
}

/// A context key and the values that are tried for it.
#[derive(Clone, Debug)]
pub struct ContextFields {
    /// The key.
    pub key: Located<String>,
    /// What is tried, none twice.
    pub values: Vec<Located<Known>>,
    /// Whether the values were written as a list.
    pub listed: bool,
}

/// What is known about a context key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// It is absent.
    Absent,
    /// It has these values.
    Values(Vec<String>),
}

/// The decision that a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// Allowed.
    Allow,
    /// Denied, explicitly or implicitly.
    Deny,
    /// Denied because nothing allows it.
    ImplicitDeny,
    /// Denied by a statement.
    ExplicitDeny,
    /// Undecided: it depends on unknown context.
    Indeterminate,
}

impl Expectation {
    /// All of them, by their names in a file.
    pub const NAMES: [(&'static str, Expectation); 5] = [
        ("allow", Expectation::Allow),
        ("deny", Expectation::Deny),
        ("implicit-deny", Expectation::ImplicitDeny),
        ("explicit-deny", Expectation::ExplicitDeny),
        ("indeterminate", Expectation::Indeterminate),
    ];

    /// Whether this outcome is as expected.
    pub fn admits(self, outcome: Outcome) -> bool {
        match self {
            Expectation::Allow => outcome == Outcome::Allowed,
            Expectation::Deny => matches!(outcome, Outcome::ExplicitDeny | Outcome::ImplicitDeny),
            Expectation::ImplicitDeny => outcome == Outcome::ImplicitDeny,
            Expectation::ExplicitDeny => outcome == Outcome::ExplicitDeny,
            Expectation::Indeterminate => outcome == Outcome::Indeterminate,
        }
    }

    /// The expectation that only this outcome meets.
    pub fn exactly(outcome: Outcome) -> Expectation {
        match outcome {
            Outcome::Allowed => Expectation::Allow,
            Outcome::ExplicitDeny => Expectation::ExplicitDeny,
            Outcome::ImplicitDeny => Expectation::ImplicitDeny,
            Outcome::Indeterminate => Expectation::Indeterminate,
        }
    }

    /// The name in a file.
    pub fn as_str(self) -> &'static str {
        match self {
            Expectation::Allow => "allow",
            Expectation::Deny => "deny",
            Expectation::ImplicitDeny => "implicit-deny",
            Expectation::ExplicitDeny => "explicit-deny",
            Expectation::Indeterminate => "indeterminate",
        }
    }
}

/// `by`: a statement that must be among those that determine the decision.
#[derive(Clone, Debug)]
pub struct By {
    /// The layer it must stand in.
    pub layer: Option<PolicyType>,
    /// The file it must stand in: the end of its path.
    pub policy: Option<String>,
    /// Its Sid, or its number in its document, from 0.
    pub statement: String,
    /// Where this was asked.
    pub place: Place,
}

/// The layers by their names in a file: `vpcEndpoint` and the like.
pub(crate) fn layer_named(name: &str) -> Option<PolicyType> {
    PolicyType::ALL.into_iter().find(|layer| layer.as_str() == name)
}

/// A text that must not stand twice in a list.
pub(crate) fn first_repeated<T: PartialEq>(values: &[Located<T>]) -> Option<&Located<T>> {
    let repeated = |(index, value): (usize, &Located<T>)| {
        values.iter().take(index).any(|earlier| earlier.value == value.value)
    };
    (values.len() <= REPEATS_SOUGHT_MAX)
        .then(|| values.iter().enumerate().find(|pair| repeated((pair.0, pair.1))))
        .flatten()
        .map(|(_, value)| value)
}

/// Lists longer than this are not searched for repetitions pair by pair; two equal cells are found
/// by their ids all the same.
const REPEATS_SOUGHT_MAX: usize = 1_000;

/// The problem that a value stands twice in a list.
pub(crate) fn repeated(place: Place, shown: &str) -> Problem {
    Problem::at(place, format!("`{shown}` stands twice in this list"))
        .help("remove one: each value makes a test of its own")
}
