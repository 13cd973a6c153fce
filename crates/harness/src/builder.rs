//! Tests in code: for programs that make policies, and for corpora of their own form.

use std::sync::Arc;

use tollgate_policy::{AuthorizationType, PolicyType, Span};

use crate::bundle::{AttachedPolicy, Bundle};
use crate::call::Call;
use crate::expand::Cell;
use crate::file::{By, Expectation};
use crate::load::{Suite, SuiteFile, parse_policy};
use crate::place::{Located, Place, Problem, Problems, SourceFile};

/// Policies and the tests that they must pass, put together step by step.
///
/// ```
/// use tollgate_harness::{Call, Expectation, Selection, Tests, run};
/// use tollgate_policy::PolicyType;
///
/// let policy = r#"{"Version": "2012-10-17", "Statement": {
///     "Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"
/// }}"#;
/// let ana = "arn:aws:iam::111122223333:user/ana";
/// let suite = Tests::new("logs")
///     .policy(PolicyType::Identity, "read.json", policy)
///     .test("logs are readable", Call::new(ana, "s3:GetObject", "arn:aws:s3:::logs/a"), Expectation::Allow)
///     .by("Read")
///     .test("and nothing else", Call::new(ana, "s3:GetObject", "arn:aws:s3:::keys/a"), Expectation::Deny)
///     .build()?;
/// assert_eq!(run(&suite, &Selection::default()).counts().passed, 2);
/// # Ok::<(), tollgate_harness::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tests {
    source: Arc<SourceFile>,
    policies: Vec<Given>,
    levels: [u16; 2],
    authorization_type: AuthorizationType,
    cells: Vec<Drafted>,
}

#[derive(Clone, Debug)]
struct Given {
    policy_type: PolicyType,
    level: u16,
    source: Arc<SourceFile>,
}

#[derive(Clone, Debug)]
struct Drafted {
    name: String,
    call: Call,
    expected: Expectation,
    by: Vec<By>,
    skip: Option<Arc<str>>,
}

impl Tests {
    /// No policies and no tests yet. `name` is the first part of every test's id.
    pub fn new(name: &str) -> Tests {
        Tests {
            source: SourceFile::new(name, ""),
            policies: Vec::new(),
            levels: [0, 0],
            authorization_type: AuthorizationType::default(),
            cells: Vec::new(),
        }
    }

    /// Adds a policy in JSON. `file` is the name that messages give it. Control policies stand on
    /// level 0; see [`Tests::control_policy`].
    #[must_use]
    pub fn policy(self, policy_type: PolicyType, file: &str, text: &str) -> Tests {
        self.control_policy(policy_type, 0, file, text)
    }

    /// Adds a control policy on a level, counted from 0 at the root of the organization.
    #[must_use]
    pub fn control_policy(
        mut self,
        policy_type: PolicyType,
        level: u16,
        file: &str,
        text: &str,
    ) -> Tests {
        self = self.levels(policy_type, level + 1);
        self.policies.push(Given { policy_type, level, source: SourceFile::new(file, text) });
        self
    }

    /// Says that there are at least so many levels of control policies: one that holds none allows
    /// nothing.
    #[must_use]
    pub fn levels(mut self, policy_type: PolicyType, count: u16) -> Tests {
        let [service, resource] = &mut self.levels;
        match policy_type {
            PolicyType::ServiceControl => *service = count.max(*service),
            PolicyType::ResourceControl => *resource = count.max(*resource),
            _ => {}
        }
        self
    }

    /// Says how the API's method authorizes.
    #[must_use]
    pub fn authorization_type(mut self, authorization_type: AuthorizationType) -> Tests {
        self.authorization_type = authorization_type;
        self
    }

    /// Adds a test.
    #[must_use]
    pub fn test(mut self, name: &str, call: Call, expected: Expectation) -> Tests {
        let name = name.to_owned();
        self.cells.push(Drafted { name, call, expected, by: Vec::new(), skip: None });
        self
    }

    /// Says that a statement must be among those that determine the decision of the last test: its
    /// Sid, or its number in its document.
    #[must_use]
    pub fn by(mut self, statement: &str) -> Tests {
        let place = Place::new(&self.source, Span::default());
        if let Some(last) = self.cells.last_mut() {
            let statement = statement.to_owned();
            last.by.push(By { layer: None, policy: None, statement, place });
        }
        self
    }

    /// Says that the last test is not to be run, and why.
    #[must_use]
    pub fn skip(mut self, reason: &str) -> Tests {
        if let Some(last) = self.cells.last_mut() {
            last.skip = Some(reason.into());
        }
        self
    }

    /// Reads and compiles the policies.
    ///
    /// # Errors
    /// Everything that is wrong with the policies; two tests of one name; a principal that cannot
    /// be read.
    pub fn build(self) -> Result<Suite, Problems> {
        let mut problems = self.check();
        let mut policies: Vec<AttachedPolicy> = Vec::new();
        for given in &self.policies {
            match parse_policy(&given.source, given.policy_type) {
                Err(found) => problems.extend(found),
                Ok(document) => {
                    let same = |held: &&AttachedPolicy| {
                        (held.policy_type(), held.level) == (given.policy_type, given.level)
                    };
                    let index = policies.iter().filter(same).count();
                    policies.push(AttachedPolicy {
                        source: Arc::clone(&given.source),
                        level: given.level,
                        index: u32::try_from(index).unwrap_or(u32::MAX),
                        document,
                    });
                }
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        policies.sort_by_key(|policy| (policy.policy_type(), policy.level, policy.index));
        let bundle = Arc::new(Bundle::new(policies, self.levels, self.authorization_type));
        let place = Place::new(&self.source, Span::default());
        let cell = |drafted: Drafted| cell(&place, &bundle, drafted);
        let cells: Vec<Cell> = self.cells.into_iter().map(cell).collect();
        let file =
            SuiteFile { source: Arc::clone(&self.source), cells: 0..cells.len(), snapshot: None };
        Ok(Suite { files: vec![file], cells })
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for Drafted { name, call, .. } in &self.cells {
            if !names.insert(name) {
                problems.push(Problem::nowhere(format!("two tests named `{name}`")));
            }
            if tollgate_policy::Principal::parse(&call.principal).is_none() {
                let message = format!("expected a principal, found `{}`", call.principal);
                problems.push(Problem::nowhere(message));
            }
        }
        problems
    }
}

fn cell(place: &Place, bundle: &Arc<Bundle>, drafted: Drafted) -> Cell {
    let Drafted { name, call, expected, by, skip } = drafted;
    Cell {
        id: format!("{}::{name}", place.file()).into(),
        place: place.clone(),
        principal: Arc::clone(&call.principal),
        call,
        expected: Some(Located { value: expected, place: place.clone() }),
        by: by.into(),
        bundle: Arc::clone(bundle),
        skip,
        inherited: Arc::new([]),
    }
}
