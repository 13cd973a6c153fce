//! Deciding the calls of a log with an account's policies.
//!
//! Calls that the policies cannot tell apart are decided once. What they can see of a call is its
//! *class*: which policies are bound to it, its action, which resource patterns match, and which
//! conditions hold (`classify.rs`). Whatever cannot be sorted into a class, because a log holds too
//! many of its kind or because a pattern has variables, is decided by itself, with the same result.

use std::sync::Arc;

use bumpalo::Bump;
use hashbrown::HashMap;
use tollgate_policy::{
    Decision, Outcome, Policies, PolicyDocument, PolicySet, PolicyType, Principal, PrincipalKind,
    Request, authorize, write_request_arn,
};
use tollgate_store::{Account, ApiEntry};

use crate::assumption::Assumption;
use crate::bindings::{Binding, Bindings};
use crate::call::{self, Call};
use crate::classify::{Classifier, Sorted};
use crate::decisions::{Class, Decisions};
use crate::hangs_on::HangsOn;
use crate::places::Places;
use crate::rows::Row;
use crate::settled::Settling;

pub(crate) const UNTOLD_API: &str = "the API is not in the account, or the log does not tell it";
pub(crate) const UNTOLD_CALLER: &str = "the log does not tell the ARN of the caller";
pub(crate) const UNTOLD_PATH: &str = "the log does not tell the path";
pub(crate) const UNTOLD_POLICIES: &str =
    "the policies of the caller's account are not known, and must allow the call, too";

/// One of two: the account, and the one that it is compared with, if there is one.
pub(crate) type Both<T> = [Option<T>; 2];

/// The numbers of the verdicts on a call.
pub(crate) type Decided = Both<u32>;

/// How a call was decided: by which binding, and how; or why it could not be.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Verdict {
    pub(crate) binding: usize,
    pub(crate) decision: Result<Decision, &'static str>,
    /// Of an open decision that is compared with another's: what it hangs on.
    hangs_on: Option<HangsOn>,
}

impl Verdict {
    /// The outcome, or the reason for which there is none.
    pub(crate) fn outcome(&self) -> Result<Outcome, &'static str> {
        self.decision.as_ref().map(|decision| decision.outcome).map_err(|reason| *reason)
    }

    /// Whether a call that another account decided so is certainly decided the same by this one.
    pub(crate) fn is_same(&self, other: &Verdict) -> bool {
        self.outcome() == other.outcome() && self.hangs_on == other.hangs_on
    }

    /// Whether nothing allows the call.
    pub(crate) fn is_implicit_deny(&self) -> bool {
        self.outcome() == Ok(Outcome::ImplicitDeny)
    }
}

/// Replays calls against one account, or two that are compared. Not shared between threads: each
/// worker has its own, and one that joins begins with a copy.
#[derive(Clone)]
pub(crate) struct Replay<'a> {
    versions: Both<Version<'a>>,
    classifier: Classifier,
    decisions: Decisions,
    arn: String,
}

/// One account and its verdicts.
#[derive(Clone)]
pub(crate) struct Version<'a> {
    account: &'a Account,
    /// Whether another account's decisions are compared with its own.
    is_compared: bool,
    pub(crate) bindings: Bindings<'a>,
    foreign: Foreign,
    pub(crate) settling: Settling<'a>,
    verdicts: Vec<Verdict>,
    numbers: HashMap<Verdict, u32>,
}

impl<'a> Replay<'a> {
    /// A replay with the policies of `accounts`, and values to assume for what the log does not tell.
    pub(crate) fn new(accounts: Both<&'a Account>, assumed: &'a [Assumption]) -> Replay<'a> {
        let is_compared = accounts.iter().all(Option::is_some);
        let version = |account| Version {
            account,
            is_compared,
            foreign: Foreign::default(),
            settling: Settling::new(assumed),
            bindings: Bindings::new(account, assumed),
            verdicts: Vec::new(),
            numbers: HashMap::new(),
        };
        Replay {
            versions: accounts.map(|account| account.map(version)),
            classifier: Classifier::new(accounts.into_iter().flatten()),
            decisions: Decisions::default(),
            arn: String::new(),
        }
    }

    /// Decides calls, one step of all of them after the other: what each looks up does not wait for
    /// the others.
    pub(crate) fn decide<'b>(
        &mut self,
        calls: &[Call<'_, 'a>],
        places: &mut Places<'a>,
        bump: &'b Bump,
    ) -> &'b [Decided] {
        let sorted = self.classifier.sort(calls, places, &mut self.versions, bump);
        let decided = calls.iter().zip(sorted).map(|(call, sorted)| match *sorted {
            Some(Sorted::Decided(decided)) => decided,
            Some(Sorted::Class { class, look }) => self.decide_class(call, class, look),
            None => self.decide_alone(call),
        });
        bump.alloc_slice_fill_iter(decided)
    }

    /// Decides a call as others of its class; `look` if nothing else matters.
    #[inline]
    fn decide_class(&mut self, call: &Call<'_, 'a>, class: Class, look: Option<u32>) -> Decided {
        let known = self.decisions.get(class);
        let decided = known.unwrap_or_else(|| self.decide_first(call, class));
        if let Some(look) = look {
            self.classifier.settle(look, decided);
        }
        decided
    }

    #[cold]
    fn decide_first(&mut self, call: &Call<'_, 'a>, class: Class) -> Decided {
        let decided = self.decide_alone(call);
        self.decisions.insert(class, decided);
        decided
    }

    fn decide_alone(&mut self, call: &Call<'_, 'a>) -> Decided {
        let mut decided = Decided::default();
        let versions = self.versions.iter_mut().zip(call.target.apis);
        for ((version, api), number) in versions.zip(&mut decided) {
            let Some(version) = version else { continue };
            let told = write_resource(&mut self.arn, call.row, api, call.method, call.path);
            *number = Some(version.decide(call, api, told.map(|()| self.arn.as_str())));
        }
        decided
    }

    /// The account, with what was decided by it; the second is the one that it is compared with.
    pub(crate) fn versions(&self) -> Both<&Version<'a>> {
        self.versions.each_ref().map(Option::as_ref)
    }
}

impl<'a> Version<'a> {
    fn decide(
        &mut self,
        call: &Call<'_, '_>,
        api: Option<&'a ApiEntry>,
        resource: Result<&str, &'static str>,
    ) -> u32 {
        let number = self.bindings.bind(call.caller, api);
        let mut hangs_on = None;
        let decision = match (resource, self.bindings.get(number)) {
            (Ok(_), Some(binding)) if !binding.is_told() => Err(UNTOLD_CALLER),
            (Ok(resource), Some(binding)) => {
                let request = binding.request(call.row, call.caller, api, resource);
                let decision = authorize(binding.policies(), &request);
                if self.settling.is_open() && binding.keys().are_assumed() {
                    self.settling.note(binding, |suppose| {
                        binding.request_if(suppose, call.row, call.caller, api, resource)
                    });
                }
                let is_foreign = request.principal().account() != Some(self.account.id())
                    && binding.applicable.subject().is_none();
                match decision.outcome {
                    Outcome::ImplicitDeny
                        if is_foreign && self.foreign.may_allow(binding, &request) =>
                    {
                        Err(UNTOLD_POLICIES)
                    }
                    Outcome::Indeterminate if self.is_compared => {
                        hangs_on = Some(HangsOn::of(binding, &request));
                        Ok(decision)
                    }
                    _ => Ok(decision),
                }
            }
            (Ok(_), None) => Err(UNTOLD_API),
            (Err(reason), _) => Err(reason),
        };
        self.number(Verdict { binding: number, decision, hangs_on })
    }

    fn number(&mut self, verdict: Verdict) -> u32 {
        if let Some(&known) = self.numbers.get(&verdict) {
            return known;
        }
        let number = u32::try_from(self.verdicts.len()).unwrap_or(u32::MAX);
        self.verdicts.push(verdict.clone());
        self.numbers.insert(verdict, number);
        number
    }

    /// Whether a caller is the account's root user.
    pub(crate) fn is_root(&self, caller: &str) -> bool {
        Principal::parse(caller).is_some_and(|principal| {
            principal.kind() == PrincipalKind::Root
                && principal.account() == Some(self.account.id())
        })
    }

    /// A verdict by its number.
    pub(crate) fn verdict(&self, number: u32) -> Option<&Verdict> {
        self.verdicts.get(number as usize)
    }

    /// The binding that came to a verdict.
    pub(crate) fn binding(&self, verdict: &Verdict) -> Option<&Binding<'a>> {
        self.bindings.get(verdict.binding)
    }
}

/// Callers of other accounts, whose own policies are not known: what they could allow.
#[derive(Clone)]
struct Foreign {
    everything: Option<Arc<PolicySet>>,
}

impl Default for Foreign {
    fn default() -> Foreign {
        let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
        let document = PolicyDocument::parse(policy, PolicyType::Identity).ok();
        Foreign { everything: document.map(|document| Arc::new(PolicySet::compile([document]))) }
    }
}

impl Foreign {
    /// Whether a call would not be denied if the caller's own policies allowed it.
    fn may_allow(&self, binding: &Binding<'_>, request: &Request<'_>) -> bool {
        let policies = Policies { identity: self.everything.as_deref(), ..*binding.policies() };
        matches!(authorize(&policies, request).outcome, Outcome::Allowed | Outcome::Indeterminate)
    }
}

/// Writes the ARN that a call was authorized against, or says why the log does not tell it.
pub(crate) fn write_resource(
    arn: &mut String,
    row: Row<'_, '_>,
    api: Option<&ApiEntry>,
    method: &str,
    path: Option<&str>,
) -> Result<(), &'static str> {
    if let (Some(resource), None) = (row.resource(), row.path()) {
        arn.clear();
        arn.push_str(resource);
        return Ok(());
    }
    let api = api.ok_or(UNTOLD_API)?;
    let stage = call::stage(api, row).ok_or(UNTOLD_API)?;
    write_request_arn(arn, &api.api(), stage, method, path.ok_or(UNTOLD_PATH)?);
    Ok(())
}
