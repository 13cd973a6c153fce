//! The calls of one worker, while they are replayed: verdicts are counted, denied calls are grouped.
//!
//! Everything is kept in numbers and put into words once, when all calls are counted. A group keeps
//! the call that is to explain it, and explains it then.

use bumpalo::{Bump, collections::Vec as BumpVec};
use tollgate_policy::Outcome;

use crate::bindings::Kept;
use crate::call::Call;
use crate::callers::CallerNumbers;
use crate::detail::Detail;
use crate::groups::{Found, Groups, Merge, NumberKey};
use crate::intern::{OTHER_NUMBER, slot};
use crate::labels::Labels;
use crate::outcomes::{CallContext, Group, GroupKey, Outcomes, cited, missing, nearest};
use crate::places::Places;
use crate::replay::{Verdict, Version};
use crate::resource::Resource;
use crate::time::{Span, moment};
use crate::verdict::{Comparison, DEPENDS, Logged};

/// The calls of one worker, while they are replayed.
#[derive(Default)]
pub(crate) struct OutcomeTally<'a> {
    /// Calls by the number of their verdict.
    counts: Vec<Counts>,
    /// Calls of principals that the account does not know, by the number of their caller.
    unknown: Vec<u64>,
    groups: Groups<TallyKey, TallyGroup<'a>>,
    labels: Labels,
    arn: String,
}

/// The calls that came to one verdict, and what of that matters for each of them.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// By what the log says, in its order.
    requests: [u64; Logged::ALL.len()],
    /// Which of them contradict the verdict, and which are told in groups, as bits.
    disagreeing: u8,
    grouped: u8,
    /// Whether the account does not know the principal.
    is_unknown: bool,
    is_known: bool,
}

impl Counts {
    /// Takes note of the verdict.
    #[cold]
    fn note(&mut self, verdict: &Verdict, version: &Version<'_>) {
        let outcome = verdict.outcome();
        let denied = matches!(outcome, Ok(Outcome::ExplicitDeny | Outcome::ImplicitDeny));
        for logged in Logged::ALL {
            let disagrees = Comparison::of(logged, outcome) == Comparison::Disagreeing;
            self.disagreeing |= u8::from(disagrees) << logged as u8;
            // No policy denied what was never read.
            let denied = denied && logged != Logged::Unread;
            let grouped = denied || logged == Logged::Refused || disagrees;
            self.grouped |= u8::from(grouped) << logged as u8;
        }
        let binding = version.binding(verdict);
        self.is_unknown = binding.is_some_and(|binding| binding.applicable.subject().is_none());
        self.is_known = true;
    }
}

/// A [`GroupKey`] in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TallyKey {
    caller: u32,
    resource: u32,
    action: u32,
    verdict: u32,
    status: Option<u16>,
    logged: Logged,
}

impl NumberKey for TallyKey {
    fn caller(&mut self) -> &mut u32 {
        &mut self.caller
    }

    fn forget_call(&mut self) {
        (self.resource, self.action, self.status) = (OTHER_NUMBER, OTHER_NUMBER, None);
    }
}

/// A [`Group`] whose example has not explained it yet.
struct TallyGroup<'a> {
    requests: u64,
    span: Span,
    /// Whether not all of its calls had the ARN of the example.
    differ: bool,
    disagrees: bool,
    /// Apart: it is rarely replaced, and what is counted in lies closer together.
    example: Box<Kept<'a>>,
}

impl Merge for TallyGroup<'_> {
    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.span.merge(other.span);
        let differ = self.example.resource() != other.example.resource();
        self.differ |= other.differ || differ;
        if other.example.rank() < self.example.rank() {
            self.example = other.example;
        }
    }
}

/// Groups in words, and for each number that a call was given, the place of its group among them.
#[derive(Default)]
pub(crate) struct Numbered {
    pub(crate) groups: Vec<GroupKey>,
    pub(crate) places: Vec<usize>,
}

/// What a call is counted with.
pub(crate) struct Counting<'c, 'a> {
    pub(crate) places: &'c mut Places<'a>,
    /// What gave the call's caller its number.
    pub(crate) callers: &'c CallerNumbers,
    /// Memory for as long as the calls are at hand.
    pub(crate) bump: &'c Bump,
}

impl<'a> OutcomeTally<'a> {
    /// Of a worker that joins this one's and knows what it knows: nothing counted yet.
    pub(crate) fn joining(&self) -> OutcomeTally<'a> {
        OutcomeTally {
            groups: self.groups.like(),
            labels: self.labels.clone(),
            ..OutcomeTally::default()
        }
    }

    /// Counts calls with the numbers of their verdicts. The answers are the numbers of the groups that
    /// they were put in, if any. What is looked up is looked up for all of them before it is used, so
    /// that none waits for another.
    pub(crate) fn add<'c>(
        &mut self,
        calls: &[Call<'_, 'a>],
        verdicts: impl ExactSizeIterator<Item = Option<u32>>,
        version: &Version<'a>,
        mut with: Counting<'c, 'a>,
    ) -> &'c [Option<u32>] {
        let Counting { callers, bump, .. } = with;
        let numbers = bump.alloc_slice_fill_copy(calls.len(), None);
        let mut grouped = BumpVec::with_capacity_in(calls.len(), bump);
        for ((call, verdict), number) in calls.iter().zip(verdicts).zip(&mut *numbers) {
            let counted = verdict.and_then(|verdict| self.count(call, version, verdict));
            grouped.extend(counted.map(|(key, disagrees)| (call, key, disagrees, number)));
        }
        let find = |(_, key, ..): &(_, TallyKey, _, _)| self.groups.find(*key, callers);
        let found = bump.alloc_slice_fill_iter(grouped.iter().map(find));
        for ((call, key, disagrees, number), found) in grouped.into_iter().zip(found) {
            if !self.groups.holds(found) {
                *found = self.groups.find(key, callers);
            }
            *number = self.group(call, (key.verdict, disagrees), *found, version, &mut with);
        }
        numbers
    }

    /// Counts one call. The answer is the key of the group to put it in, if any, and whether the log
    /// contradicts the verdict.
    #[inline]
    fn count(
        &mut self,
        call: &Call<'_, 'a>,
        version: &Version<'a>,
        verdict: u32,
    ) -> Option<(TallyKey, bool)> {
        let logged = Logged::of(call.row);
        let counts = slot(&mut self.counts, verdict);
        if !counts.is_known {
            counts.note(version.verdict(verdict)?, version);
        }
        if let Some(requests) = counts.requests.get_mut(logged as usize) {
            *requests += 1;
        }
        if counts.is_unknown {
            *slot(&mut self.unknown, call.caller_number) += 1;
        }
        let is_set = |bits: u8| bits >> logged as u8 & 1 == 1;
        if !is_set(counts.grouped) {
            return None;
        }
        let disagrees = is_set(counts.disagreeing);
        let key = TallyKey {
            caller: call.caller_number,
            resource: self.labels.resource(call),
            action: self.labels.action(call),
            verdict,
            status: call.status,
            logged,
        };
        Some((key, disagrees))
    }

    fn group(
        &mut self,
        call: &Call<'_, 'a>,
        (verdict, disagrees): (u32, bool),
        found: Found<TallyKey>,
        version: &Version<'a>,
        Counting { places, callers, .. }: &mut Counting<'_, 'a>,
    ) -> Option<u32> {
        let time = call.time;
        let binding = || version.binding(version.verdict(verdict)?);
        if let Some((number, group)) = self.groups.get_mut(&found) {
            let first = moment(group.span.first());
            group.requests += 1;
            group.span.merge(Span::at(time));
            // Of most calls that is all: a later one explains nothing, and that ARNs differ is known.
            if group.differ && moment(time) > first {
                return Some(number);
            }
            let resource = Resource::of(call, places, &mut self.arn);
            let example = &group.example;
            let order = resource.compare(example.resource());
            group.differ |= order.is_ne();
            let rest = || (call.caller, time).cmp(&(example.caller(), example.time()));
            if moment(time).cmp(&first).then(order).then_with(rest).is_lt() {
                *group.example = binding()?.keep(call, resource.text());
            }
            return Some(number);
        }
        let resource = Resource::of(call, places, &mut self.arn).text();
        let group = TallyGroup {
            requests: 1,
            span: Span::at(time),
            differ: false,
            disagrees,
            example: Box::new(binding()?.keep(call, resource)),
        };
        self.groups.insert(found.key, group, callers)
    }

    /// What was found, in words. `callers` are those that gave the calls their numbers.
    pub(crate) fn finish(&self, callers: &CallerNumbers, version: &Version<'_>) -> Outcomes {
        let mut outcomes = counted(&self.counts, version);
        let unknown = (0..).zip(&self.unknown).filter(|(_, requests)| **requests > 0);
        let unknown = unknown.map(|(number, requests)| (callers.text(number), *requests));
        // The account's root has no entry, and needs none.
        let unknown = unknown.filter(|(caller, _)| !version.is_root(caller));
        outcomes.unknown_principals =
            unknown.map(|(caller, requests)| (caller.to_owned(), requests)).collect();
        let detail = self.groups.detail;
        outcomes.detail = detail;
        let groups = self.groups.iter().map(|(key, group)| {
            let words = self.in_words(key, version, callers);
            let mut told = group.explained(key, version, detail);
            let verdict = version.verdict(key.verdict).filter(|verdict| verdict.is_implicit_deny());
            let binding = verdict.and_then(|verdict| version.binding(verdict));
            told.missing = binding.map_or_else(Vec::new, |it| missing(it, &words, &told));
            (words, told)
        });
        // Merging sorts, and joins the groups whose numbers differ and whose words do not.
        let groups = groups.collect();
        outcomes.merge(Outcomes { groups, detail, ..Outcomes::default() });
        outcomes
    }

    /// The groups in words.
    pub(crate) fn numbered(&self, callers: &CallerNumbers, version: &Version<'_>) -> Numbered {
        let words = self.groups.iter().map(|(key, _)| self.in_words(key, version, callers));
        Numbered { groups: words.collect(), places: self.groups.places().collect() }
    }

    fn in_words(&self, key: TallyKey, version: &Version<'_>, callers: &CallerNumbers) -> GroupKey {
        let verdict = version.verdict(key.verdict);
        let decision = verdict.and_then(|verdict| verdict.decision.as_ref().ok());
        let applicable = verdict.and_then(|verdict| Some(version.binding(verdict)?.applicable));
        let statements = decision.into_iter().flat_map(|decision| decision.determined_by.iter());
        GroupKey {
            caller: self.groups.caller(key.caller, callers).to_owned(),
            action: self.labels.action_text(key.action).to_owned(),
            resource: self.labels.resource_text(key.resource).to_owned(),
            status: key.status,
            logged: key.logged,
            decision: decision.map(|decision| decision.outcome.as_str().to_owned()),
            determined_by: statements.filter_map(|id| cited(&applicable?, id)).collect(),
            depends_on: decision.map_or_else(Vec::new, |decision| decision.depends_on.clone()),
        }
    }
}

/// The comparison of the log with the verdicts.
fn counted(counts: &[Counts], version: &Version<'_>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for (number, counts) in (0..).zip(counts) {
        let Some(verdict) = version.verdict(number) else { continue };
        for (logged, requests) in
            Logged::ALL.into_iter().zip(&counts.requests).filter(|each| *each.1 > 0)
        {
            match Comparison::of(logged, verdict.outcome()) {
                Comparison::Agreeing => outcomes.agreeing += requests,
                Comparison::Disagreeing => outcomes.disagreeing += requests,
                Comparison::Undetermined(why) => {
                    let why = match (&verdict.decision, why) {
                        (Ok(decision), DEPENDS) => {
                            format!("{why}: {}", decision.depends_on.join(", "))
                        }
                        _ => why.to_owned(),
                    };
                    *outcomes.undetermined.entry(why).or_default() += requests;
                }
            }
        }
    }
    outcomes
}

impl TallyGroup<'_> {
    /// The group, explained by its example.
    fn explained(&self, key: TallyKey, version: &Version<'_>, detail: Detail) -> Group {
        let example = &self.example;
        let explain = |verdict: &Verdict| match verdict.is_implicit_deny() {
            true => nearest(version.binding(verdict)?, example),
            false => None,
        };
        let resource = example.resource().to_owned();
        let only_resource = (!self.differ && !resource.is_empty()).then(|| resource.clone());
        let caller = (!detail.is_full()).then(|| example.caller().to_owned());
        Group {
            requests: self.requests,
            span: self.span,
            only_resource,
            disagrees: self.disagrees,
            nearest: version.verdict(key.verdict).and_then(explain),
            missing: Vec::new(),
            context: CallContext { caller, ..example.context() },
            example: (resource, example.time()),
        }
    }
}
