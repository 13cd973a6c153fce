//! Gathering: one pass over the rows fills every section of the report at once.

use std::sync::{Mutex, PoisonError};

use bumpalo::Bump;
use serde::{Deserialize, Serialize};
use tollgate_log::{
    Batch, Field, Input, LineAccount, Projection, Quarantine, ScanOptions, ScanState, Source,
};
use tollgate_store::Account;

use crate::assumption::Assumption;
use crate::breakdown::{Breakdown, BreakdownTally, Grouping};
use crate::cache::{Repeats, RepeatsTally};
use crate::call::Call;
use crate::callers::CallerNumbers;
use crate::calls::{CHUNK, Naming};
use crate::changes::{ChangeTally, Changes};
use crate::context;
use crate::filter::{Filter, Found, Watch};
use crate::limits::{LimitTally, Limits};
use crate::outcomes::{Cited, Outcomes};
use crate::previous::{Previous, PreviousTally};
use crate::replay::Replay;
use crate::rows::{Columns, Row, projection};
use crate::settled::Settled;
use crate::tally::{Counting, Numbered, OutcomeTally};
use crate::time::Span;
use crate::timeline::{Cell, Timeline, TimelineTally};
use crate::usage::{Usage, UsageTally, latency};

/// Which rows count. Times are UTC milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Rows before this are left out.
    pub since: Option<i64>,
    /// Rows at this moment or later are left out.
    pub until: Option<i64>,
}

impl Window {
    /// Whether a row counts. A row without a time counts unless a bound is set.
    pub(crate) fn contains(&self, time: Option<i64>) -> bool {
        match time {
            Some(time) => {
                self.since.is_none_or(|since| since <= time)
                    && self.until.is_none_or(|until| time < until)
            }
            None => self.since.is_none() && self.until.is_none(),
        }
    }
}

/// What to gather.
#[derive(Clone, Copy, Debug, Default)]
pub struct Analysis<'a> {
    /// The account whose policies the calls are replayed against; without one there is no replay.
    pub account: Option<&'a Account>,
    /// An account to compare with: what `account` changes in comparison is reported.
    pub against: Option<&'a Account>,
    /// Values of context keys to assume where the log does not tell them.
    pub assumed: &'a [Assumption],
    /// Which rows count.
    pub window: Window,
    /// Which of these count.
    pub filter: Option<&'a Filter>,
    /// What to group usage by, beside callers, routes and statuses.
    pub group_by: &'a [Grouping],
    /// Whether to gather the period before the window too, which is as long: the window must have both
    /// bounds.
    pub previous: bool,
    /// Whether to gather the timeline, which reports that can be narrowed down afterwards need.
    pub timeline: bool,
}

/// Everything gathered from logs. Merges: what many workers, files or machines gathered is what one
/// would have gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gathered {
    /// Rows left out because they are outside of the window, or the filter does not want them.
    pub left_out: u64,
    /// Of these, requests without a time, which are within no window.
    pub left_out_without_time: u64,
    /// The first and the last of all that were left out.
    pub left_out_span: Span,
    /// What was found of what the filter compares with; nothing without one.
    #[serde(default, skip_serializing_if = "Found::is_empty")]
    pub found: Found,
    /// What assumptions settled; nothing without any.
    #[serde(default, skip_serializing_if = "Settled::is_empty")]
    pub settled: Settled,
    /// Usage.
    pub usage: Usage,
    /// Usage by whatever was asked for.
    pub breakdowns: Vec<Breakdown>,
    /// Rate limits.
    pub limits: Limits,
    /// Reads that a cache could have answered.
    pub repeats: Repeats,
    /// Replayed decisions; `None` without an account.
    pub outcomes: Option<Outcomes>,
    /// What differs from another account's decisions; `None` without one.
    pub changes: Option<Changes>,
    /// What was used in the period before; `None` unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Requests by time and all else at once; `None` unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

impl Gathered {
    /// Adds what another worker, file or machine gathered.
    pub fn merge(&mut self, other: Gathered) {
        self.left_out += other.left_out;
        self.left_out_without_time += other.left_out_without_time;
        self.left_out_span.merge(other.left_out_span);
        self.found.merge(other.found);
        self.settled.merge(other.settled);
        self.usage.merge(other.usage);
        Breakdown::merge_all(&mut self.breakdowns, other.breakdowns);
        self.limits.merge(other.limits);
        self.repeats.merge(other.repeats);
        merge_some(&mut self.outcomes, other.outcomes, Outcomes::merge);
        merge_some(&mut self.changes, other.changes, Changes::merge);
        merge_some(&mut self.previous, other.previous, Previous::merge);
        merge_some(&mut self.timeline, other.timeline, Timeline::merge);
        if let (Some(timeline), Some(outcomes)) = (&mut self.timeline, &self.outcomes) {
            timeline.tell_groups(outcomes.detail);
        }
    }

    /// Changes how statements are cited, wherever they are.
    pub(crate) fn each_cited(&mut self, change: &impl Fn(&mut Cited)) {
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.each_cited(change);
        }
        if let Some(changes) = &mut self.changes {
            changes.each_cited(change);
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.change_groups(|group| group.determined_by.iter_mut().for_each(change));
        }
    }
}

/// Merges what may be missing on either side.
fn merge_some<T>(held: &mut Option<T>, more: Option<T>, merge: impl Fn(&mut T, T)) {
    match (held.as_mut(), more) {
        (Some(held), Some(more)) => merge(held, more),
        (None, more) => *held = more,
        (Some(_), None) => {}
    }
}

/// What was read, beside what was gathered from it.
#[derive(Debug)]
pub struct Read {
    /// What became of the lines of all inputs.
    pub account: LineAccount,
    /// Lines that could not be read.
    pub quarantine: Quarantine,
    /// The inputs, in the order given.
    pub sources: Vec<Source>,
    /// What is read now, if the options said what was read before.
    pub state: Option<ScanState>,
    /// Whether duplicates were left out.
    pub dedup: bool,
}

impl Read {
    /// How many inputs the lines are of.
    pub(crate) fn files(&self) -> u64 {
        self.sources.iter().filter(|source| source.account.total() > 0).count() as u64
    }
}

/// Columns that no part of a report needs unless it is asked for.
const ON_DEMAND: [Field; 7] = [
    Field::SourceIp,
    Field::UserAgent,
    Field::PrincipalOrgId,
    Field::VpcId,
    Field::VpceId,
    Field::Action,
    Field::Resource,
];

impl<'a> Analysis<'a> {
    /// The columns that must be decoded: some are only asked for by policies, filters or groupings.
    pub fn projection(&self) -> Projection {
        let dimensions = self.group_by.iter().flat_map(Grouping::dimensions);
        let mut asked = Projection::of(dimensions.filter_map(|by| by.column()));
        asked = asked.union(self.filter.map_or(Projection::NONE, Filter::columns));
        for account in self.accounts() {
            asked =
                asked.union(context::columns(account)).with(Field::Action).with(Field::Resource);
        }
        let always = |field: &Field| !ON_DEMAND.contains(field);
        Projection::of(
            projection().fields().filter(|field| always(field) || asked.contains(*field)),
        )
    }

    fn accounts(&self) -> impl Iterator<Item = &'a Account> {
        [self.account, self.against].into_iter().flatten()
    }

    /// A worker's gatherer.
    pub fn gatherer(&self) -> Gatherer<'a> {
        Gatherer {
            bump: Bump::new(),
            naming: Naming::new(self.account, self.against),
            window: self.window,
            filter: self.filter.map(|filter| (filter, Watch::new(filter))),
            left_out: 0,
            left_out_without_time: 0,
            left_out_span: Span::default(),
            settled: Settled::of(self.assumed, self.accounts()),
            usage: UsageTally::default(),
            breakdowns: self.group_by.iter().cloned().map(BreakdownTally::new).collect(),
            limits: LimitTally::new(),
            repeats: RepeatsTally::default(),
            replayed: self.account.map(|account| Replayed {
                replay: Replay::new([Some(account), self.against], self.assumed),
                outcomes: OutcomeTally::default(),
                changes: self.against.map(|_| ChangeTally::default()),
            }),
            previous: self.previous.then(|| PreviousTally::before(self.window)).flatten(),
            timeline: self.timeline.then(TimelineTally::default),
        }
    }

    /// The gatherer of a worker that joins another: it knows what that one has learned of callers, routes
    /// and decisions, and has gathered nothing yet.
    fn joining(&self, other: &Gatherer<'a>) -> Gatherer<'a> {
        Gatherer {
            naming: other.naming.clone(),
            limits: other.limits.joining(),
            repeats: other.repeats.joining(),
            replayed: other.replayed.as_ref().map(|replayed| Replayed {
                replay: replayed.replay.clone(),
                outcomes: replayed.outcomes.joining(),
                changes: self.against.map(|_| ChangeTally::default()),
            }),
            ..self.gatherer()
        }
    }

    /// Reads inputs in parallel and gathers everything from them.
    pub fn scan(&self, inputs: &[Input], options: &ScanOptions) -> (Gathered, Read) {
        let all: Mutex<Option<Gathered>> = Mutex::default();
        // One at a time: what is in words takes memory beside the tables that it is made of.
        let end = |gatherer: Gatherer<'_>| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            merge_some(&mut *all, Some(gatherer.finish()), Gathered::merge);
        };
        let new = |other: Option<&Gatherer<'a>>| match other {
            Some(other) => self.joining(other),
            None => self.gatherer(),
        };
        let fold = |gatherer: &mut Gatherer<'a>, batch: &Batch<'_>| gatherer.add(batch);
        let scanned = tollgate_log::scan_into(inputs, options, new, fold, end);
        let tollgate_log::Scanned { account, quarantine, sources, state, .. } = scanned;
        let gathered = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        let dedup = options.leaves_out_duplicates();
        (gathered.unwrap_or_default(), Read { account, quarantine, sources, state, dedup })
    }
}

/// Gathers batch after batch.
pub struct Gatherer<'a> {
    /// Memory for what is made of a few rows, to be used again for the next: it stays in the first
    /// cache.
    bump: Bump,
    naming: Naming<'a>,
    window: Window,
    filter: Option<(&'a Filter, Watch)>,
    left_out: u64,
    left_out_without_time: u64,
    left_out_span: Span,
    /// What is known of assumptions before anything is decided.
    settled: Settled,
    usage: UsageTally,
    breakdowns: Vec<BreakdownTally>,
    limits: LimitTally,
    repeats: RepeatsTally,
    replayed: Option<Replayed<'a>>,
    previous: Option<PreviousTally>,
    timeline: Option<TimelineTally>,
}

/// The part of a gatherer that decides.
struct Replayed<'a> {
    replay: Replay<'a>,
    outcomes: OutcomeTally<'a>,
    changes: Option<ChangeTally>,
}

impl<'a> Replayed<'a> {
    /// Decides and counts calls; the answers are the numbers of the groups of denied calls that they
    /// were put in, if any.
    fn add<'c>(
        &mut self,
        calls: &[Call<'_, 'a>],
        with: Counting<'c, 'a>,
    ) -> Option<&'c [Option<u32>]> {
        let decided = self.replay.decide(calls, with.places, with.bump);
        let [Some(new), old] = self.replay.versions() else { return None };
        if let (Some(changes), Some(old)) = (&mut self.changes, old) {
            for (call, sides) in calls.iter().zip(decided) {
                if let [Some(after), Some(before)] = *sides {
                    changes.add(call, (old, before), (new, after), with.callers);
                }
            }
        }
        Some(self.outcomes.add(calls, decided.iter().map(|[after, _]| *after), new, with))
    }

    /// What was found, in words.
    fn finish(self, callers: &CallerNumbers) -> (Option<Outcomes>, Option<Changes>) {
        let [new, old] = self.replay.versions();
        let outcomes = new.map(|new| self.outcomes.finish(callers, new));
        let changes = self.changes.zip(old).zip(new);
        let changes = changes.map(|((changes, old), new)| changes.finish(callers, old, new));
        (outcomes, changes)
    }

    /// The groups of denied calls, in words.
    fn groups(&self, callers: &CallerNumbers) -> Option<Numbered> {
        let [new, _] = self.replay.versions();
        Some(self.outcomes.numbered(callers, new.as_ref()?))
    }
}

impl<'a> Gatherer<'a> {
    /// Adds the rows of a batch.
    pub fn add(&mut self, batch: &Batch<'_>) {
        let columns = Columns::of(batch);
        let mut rows = columns.rows().peekable();
        let (mut counted, mut before) = (Vec::with_capacity(CHUNK), Vec::new());
        let account = self.naming.account;
        while rows.peek().is_some() {
            counted.clear();
            before.clear();
            for row in rows.by_ref().take(CHUNK) {
                let is_before = self.previous.as_ref().is_some_and(|it| it.contains(row.time()));
                let is_wanted = (is_before || self.window.contains(row.time()))
                    && self.filter.as_mut().is_none_or(|(filter, watch)| {
                        watch.look(row, account);
                        filter.matches(row, account)
                    });
                if is_wanted && !is_before {
                    counted.push(row);
                    continue;
                }
                self.left_out += 1;
                let is_within = row.time().is_some() || self.window.contains(None);
                self.left_out_without_time += u64::from(!is_within);
                self.left_out_span.merge(Span::at(row.time()));
                if is_wanted {
                    before.push(row);
                }
            }
            self.add_before(&before);
            self.add_rows(&counted);
        }
    }

    /// Adds rows of the period before.
    fn add_before(&mut self, rows: &[Row<'_, '_>]) {
        let Some(previous) = self.previous.as_mut().filter(|_| !rows.is_empty()) else { return };
        let calls = self.naming.calls(rows, &self.bump);
        previous.add(calls, &self.naming.callers);
        self.bump.reset();
    }

    /// Adds rows of the period: all of them to one part after the other.
    fn add_rows(&mut self, rows: &[Row<'_, '_>]) {
        let bump = &self.bump;
        let calls = self.naming.calls(rows, bump);
        let Naming { places, callers, .. } = &mut self.naming;
        self.usage.add(calls);
        calls.iter().for_each(|call| self.limits.add(call, callers));
        calls.iter().for_each(|call| self.repeats.add_call(call));
        for breakdown in &mut self.breakdowns {
            calls.iter().for_each(|call| breakdown.add(call));
        }
        let groups = self.replayed.as_mut().and_then(|replayed| {
            let with = Counting { places, callers, bump };
            replayed.add(calls, with)
        });
        if let Some(timeline) = &mut self.timeline {
            let mut groups = groups.unwrap_or_default().iter();
            for call in calls {
                let group = groups.next().copied().flatten();
                let (start, status) = (call.time, call.status);
                let (caller, route) = (call.caller_number, call.route_number);
                let cell = Cell { start, caller, route, status, group };
                timeline.add(cell, latency(call.row), callers);
            }
        }
        self.bump.reset();
    }

    /// Everything gathered, in words.
    pub fn finish(self) -> Gathered {
        let (callers, routes) = (&self.naming.callers, self.naming.routes.names());
        let timeline = self.timeline.map(|timeline| {
            let replayed = self.replayed.as_ref();
            let groups = replayed.and_then(|replayed| replayed.groups(callers));
            timeline.finish(callers, routes, groups.unwrap_or_default())
        });
        let mut settled = self.settled;
        let versions = self.replayed.as_ref().map(|replayed| replayed.replay.versions());
        for version in versions.into_iter().flatten().flatten() {
            settled.merge(version.settling.finish());
        }
        let replayed = self.replayed.map(|replayed| replayed.finish(callers));
        let (outcomes, changes) = replayed.unwrap_or_default();
        Gathered {
            left_out: self.left_out,
            left_out_without_time: self.left_out_without_time,
            left_out_span: self.left_out_span,
            found: self.filter.map(|(_, watch)| watch.finish()).unwrap_or_default(),
            settled,
            usage: self.usage.finish(callers, routes),
            breakdowns: self.breakdowns.into_iter().map(BreakdownTally::finish).collect(),
            limits: self.limits.finish(callers),
            repeats: self.repeats.finish(routes),
            outcomes,
            changes,
            previous: self.previous.map(|previous| previous.finish(callers, routes)),
            timeline,
        }
    }
}
