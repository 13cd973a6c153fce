//! The report as flat tables, for formats that know nothing else.
//!
//! Names of tables and columns are those of the JSON document. Each table is one list of it, but for
//! `about`: that tells what the others are of.

use crate::changes::Side;
use crate::outcomes::{Cited, Nearest};
use crate::report::{
    BreakdownReport, CallerCount, ChangeReport, ChangesReport, DeniedReport, GroupReport, Report,
    UnexplainedReport, UseReport,
};

mod about;
mod limits;
mod remedies;

/// The names of all tables that a report can have, in order.
pub const NAMES: [&str; 26] = [
    "about",
    "lines",
    "folded",
    "principals",
    "callers",
    "routes",
    "statuses",
    "series",
    "heat",
    "periods",
    "comparison",
    "breakdowns",
    "rateLimits",
    "rateLimitCallers",
    "rateLimitWindows",
    "rateLimitSeries",
    "forecasts",
    "advice",
    "cache",
    "denied",
    "remedies",
    "unexplained",
    "agreement",
    "unknownPrincipals",
    "changeCounts",
    "changes",
];

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// One of [`NAMES`]; fit for a file name.
    pub name: &'static str,
    /// Columns, all of the same length.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name, in camel case.
    pub name: &'static str,
    /// A value for each row.
    pub values: Values,
}

/// The values of a column; `None` where there is none.
#[derive(Clone, Debug)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Numbers of requests, milliseconds, lines.
    Count(Vec<Option<u64>>),
    /// Rates and shares.
    Real(Vec<Option<f64>>),
    /// Moments, RFC 3339 in UTC.
    Moment(Vec<Option<String>>),
    /// What is so, or is not.
    Flag(Vec<Option<bool>>),
}

impl Table {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| match &column.values {
            Values::Text(values) | Values::Moment(values) => values.len(),
            Values::Count(values) => values.len(),
            Values::Real(values) => values.len(),
            Values::Flag(values) => values.len(),
        })
    }
}

/// The tables of a report, in the order of [`NAMES`]. Without an account there are no denied calls,
/// no unexplained ones, no agreement and no unknown principals, and so no tables of them; without one to compare with no
/// changes; and where nothing was to be grouped by, no breakdowns.
pub fn tables(report: &Report) -> Vec<Table> {
    let mut tables = vec![about::about(report), lines(report), folded(&report.folded)];
    tables.extend([
        principals(report),
        callers(report),
        routes(report),
        statuses(report),
        series(report),
        heat(report),
    ]);
    tables.extend(report.comparison.as_ref().map(limits::periods));
    tables.extend(report.comparison.as_ref().map(limits::comparison));
    tables.extend((!report.breakdowns.is_empty()).then(|| breakdowns(&report.breakdowns)));
    tables.extend(limits::all(report));
    tables.extend(report.denied.as_deref().map(denied));
    tables.extend(report.remedies.as_deref().map(remedies::remedies));
    tables.extend(report.unexplained.as_deref().map(unexplained));
    tables.extend(agreement(report));
    tables.extend(report.unknown_principals.as_deref().map(unknown_principals));
    tables.extend(report.changes.as_ref().map(change_counts));
    tables.extend(report.changes.as_ref().map(|changes| changed(&changes.groups)));
    tables
}

/// Columns of a list, each by what it takes of an entry.
struct Rows<'a, T> {
    rows: &'a [T],
    columns: Vec<Column>,
}

impl<'a, T> Rows<'a, T> {
    fn of(rows: &'a [T]) -> Rows<'a, T> {
        Rows { rows, columns: Vec::new() }
    }

    fn text<S: Into<String>>(
        mut self,
        name: &'static str,
        of: impl Fn(&'a T) -> Option<S>,
    ) -> Self {
        let values = self.rows.iter().map(|row| of(row).map(Into::into)).collect();
        self.columns.push(Column { name, values: Values::Text(values) });
        self
    }

    fn count(mut self, name: &'static str, of: impl Fn(&'a T) -> Option<u64>) -> Self {
        let values = self.rows.iter().map(of).collect();
        self.columns.push(Column { name, values: Values::Count(values) });
        self
    }

    fn real(mut self, name: &'static str, of: impl Fn(&'a T) -> Option<f64>) -> Self {
        let values = self.rows.iter().map(of).collect();
        self.columns.push(Column { name, values: Values::Real(values) });
        self
    }

    fn moment<M: ToString>(mut self, name: &'static str, of: impl Fn(&'a T) -> Option<M>) -> Self {
        let values = self.rows.iter().map(|row| of(row).map(|it| it.to_string())).collect();
        self.columns.push(Column { name, values: Values::Moment(values) });
        self
    }

    fn flag(mut self, name: &'static str, of: impl Fn(&'a T) -> Option<bool>) -> Self {
        let values = self.rows.iter().map(of).collect();
        self.columns.push(Column { name, values: Values::Flag(values) });
        self
    }

    /// How much was used, and when.
    fn used(self, of: impl Fn(&'a T) -> &'a UseReport) -> Self {
        self.count("requests", |row| Some(of(row).requests))
            .count("refused", |row| Some(of(row).refused))
            .count("throttled", |row| Some(of(row).throttled))
            .count("failed", |row| Some(of(row).failed))
            .moment("first", |row| of(row).first)
            .moment("last", |row| of(row).last)
    }

    fn table(self, name: &'static str) -> Table {
        Table { name, columns: self.columns }
    }
}

fn lines(report: &Report) -> Table {
    let lines = &report.lines;
    let account = &lines.account;
    let counts = [
        ("total", lines.total),
        ("parsed", account.parsed),
        ("recovered", account.recovered),
        ("quarantined", account.quarantined),
        ("control", account.control),
        ("blank", account.blank),
    ];
    Rows::of(&counts)
        .text("kind", |(kind, _)| Some(*kind))
        .count("lines", |(_, lines)| Some(*lines))
        .table("lines")
}

fn folded(sentences: &[String]) -> Table {
    Rows::of(sentences).text("sentence", Some).table("folded")
}

fn principals(report: &Report) -> Table {
    Rows::of(&report.usage.principals)
        .text("principal", |row| Some(&*row.principal))
        .count("sessions", |row| row.sessions)
        .flag("moreSessions", |row| Some(row.more_sessions))
        .used(|row| &row.used)
        .table("principals")
}

fn callers(report: &Report) -> Table {
    Rows::of(&report.usage.callers)
        .text("caller", |row| Some(row.caller))
        .used(|row| &row.used)
        .table("callers")
}

fn routes(report: &Report) -> Table {
    Rows::of(&report.usage.routes)
        .text("method", |row| Some(&row.method))
        .text("route", |row| Some(&row.route))
        .count("requests", |row| Some(row.requests))
        .count("clientErrors", |row| Some(row.client_errors))
        .count("failed", |row| Some(row.failed))
        .count("p50Ms", |row| row.p50_ms)
        .count("p95Ms", |row| row.p95_ms)
        .count("p99Ms", |row| row.p99_ms)
        .table("routes")
}

fn statuses(report: &Report) -> Table {
    let told = report.usage.statuses.iter().map(|it| (Some(it.status), it.requests));
    let without = Some((None, report.usage.without_status)).filter(|(_, requests)| *requests > 0);
    let rows: Vec<(Option<u16>, u64)> = told.chain(without).collect();
    Rows::of(&rows)
        .count("status", |row| row.0.map(u64::from))
        .count("requests", |row| Some(row.1))
        .table("statuses")
}

fn series(report: &Report) -> Table {
    Rows::of(&report.usage.series)
        .moment("start", |row| Some(&row.start))
        .count("requests", |row| Some(row.answers.requests))
        .count("refused", |row| Some(row.answers.refused))
        .count("throttled", |row| Some(row.answers.throttled))
        .count("clientErrors", |row| Some(row.answers.client_errors))
        .count("failed", |row| Some(row.answers.failed))
        .table("series")
}

fn heat(report: &Report) -> Table {
    Rows::of(&report.usage.heat)
        .text("weekday", |row| Some(row.weekday))
        .count("hour", |row| u64::try_from(row.hour).ok())
        .count("requests", |row| Some(row.requests))
        .count("hours", |row| Some(row.hours))
        .table("heat")
}

/// One row a group. `by` tells the breakdowns apart, and the values stand in its order.
fn breakdowns(breakdowns: &[BreakdownReport]) -> Table {
    type Row<'a> = (&'a BreakdownReport, &'a GroupReport);
    let rows: Vec<Row<'_>> = breakdowns
        .iter()
        .flat_map(|breakdown| breakdown.groups.iter().map(move |group| (breakdown, group)))
        .collect();
    let value = |index: usize| move |(_, group): &Row<'_>| group.values.get(index).cloned();
    Rows::of(&rows)
        .text("by", |(breakdown, _)| Some(breakdown.by.join(",")))
        .text("value1", value(0))
        .text("value2", value(1))
        .text("value3", value(2))
        .text("value4", value(3))
        .used(|(_, group)| &group.used)
        .count("p50Ms", |(_, group)| group.p50_ms)
        .count("p95Ms", |(_, group)| group.p95_ms)
        .count("p99Ms", |(_, group)| group.p99_ms)
        .table("breakdowns")
}

fn denied(rows: &[DeniedReport<'_>]) -> Table {
    let near =
        |row: &'_ DeniedReport<'_>, of: fn(&Nearest) -> Option<String>| row.nearest.and_then(of);
    Rows::of(rows)
        .text("caller", |row| Some(row.caller))
        .text("action", |row| Some(row.action))
        .text("resource", |row| Some(row.resource))
        .count("requests", |row| Some(row.requests))
        .moment("first", |row| row.first)
        .moment("last", |row| row.last)
        .count("loggedStatus", |row| row.logged_status.map(u64::from))
        .text("logged", |row| Some(row.logged.as_str()))
        .text("decision", |row| row.decision)
        .text("determinedBy", |row| all_cited(row.determined_by))
        .text("nearest", |row| near(row, |nearest| Some(cited(&nearest.statement))))
        .text("nearestElement", |row| near(row, |nearest| Some(nearest.element.clone())))
        .text("nearestCondition", |row| near(row, |nearest| nearest.condition.clone()))
        .text("nearestPattern", |row| near(row, |nearest| Some(nearest.pattern.clone())))
        .text("nearestValue", |row| near(row, |nearest| nearest.value.clone()))
        .text("missing", |row| listed(row.missing))
        .text("dependsOn", |row| listed(row.depends_on))
        .table("denied")
}

fn unexplained(rows: &[UnexplainedReport<'_>]) -> Table {
    Rows::of(rows)
        .text("caller", |row| Some(row.caller))
        .text("action", |row| Some(row.action))
        .text("resource", |row| Some(row.resource))
        .count("requests", |row| Some(row.requests))
        .moment("first", |row| row.first)
        .moment("last", |row| row.last)
        .count("loggedStatus", |row| row.logged_status.map(u64::from))
        .text("decision", |row| row.decision)
        .text("determinedBy", |row| all_cited(row.determined_by))
        .table("unexplained")
}

/// Statements in one cell.
fn all_cited(statements: &[Cited]) -> Option<String> {
    listed(&statements.iter().map(cited).collect::<Vec<_>>())
}

fn listed(list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| list.join("; "))
}

/// A statement in one cell: `policies/api.json:4:5 OnlyFromOurNetworks`.
fn cited(statement: &Cited) -> String {
    let Cited { policy, line, column, .. } = statement;
    match &statement.sid {
        Some(sid) => format!("{policy}:{line}:{column} {sid}"),
        None => format!("{policy}:{line}:{column} statement {}", statement.statement),
    }
}

fn agreement(report: &Report) -> Option<Table> {
    let agreement = report.agreement.as_ref()?;
    let counted =
        [("agreeing", None, agreement.agreeing), ("disagreeing", None, agreement.disagreeing)];
    let reasons = agreement.reasons.iter();
    let reasons =
        reasons.map(|reason| ("undetermined", Some(reason.reason.as_str()), reason.requests));
    let rows: Vec<_> = counted.into_iter().chain(reasons).collect();
    let table = Rows::of(&rows)
        .text("outcome", |(outcome, ..)| Some(*outcome))
        .text("reason", |(_, reason, _)| *reason)
        .count("requests", |(.., requests)| Some(*requests));
    Some(table.table("agreement"))
}

fn unknown_principals(rows: &[CallerCount<'_>]) -> Table {
    Rows::of(rows)
        .text("caller", |row| Some(row.caller))
        .count("requests", |row| Some(row.requests))
        .table("unknownPrincipals")
}

/// How many calls changed, and how; of those that could not be decided, why.
fn change_counts(changes: &ChangesReport) -> Table {
    let counted = [
        ("unchanged", changes.unchanged),
        ("newlyDenied", changes.newly_denied),
        ("newlyAllowed", changes.newly_allowed),
        ("otherwise", changes.otherwise),
        // Of those before and of what is undecided.
        ("perhapsDenied", changes.perhaps_denied),
        ("perhapsAllowed", changes.perhaps_allowed),
    ];
    let counted = counted.into_iter().map(|(change, requests)| (change, None, requests));
    let reasons = changes.reasons.iter();
    let reasons =
        reasons.map(|reason| ("undecided", Some(reason.reason.as_str()), reason.requests));
    let rows: Vec<_> = counted.chain(reasons).collect();
    Rows::of(&rows)
        .text("change", |(change, ..)| Some(*change))
        .text("reason", |(_, reason, _)| *reason)
        .count("requests", |(.., requests)| Some(*requests))
        .table("changeCounts")
}

fn changed(rows: &[ChangeReport]) -> Table {
    let statements = |side: &Side| all_cited(&side.determined_by);
    Rows::of(rows)
        .text("change", |row| Some(row.change))
        .text("caller", |row| Some(&row.caller))
        .text("resource", |row| Some(&row.resource))
        .count("requests", |row| Some(row.requests))
        .moment("first", |row| row.first)
        .moment("last", |row| row.last)
        .count("loggedStatus", |row| row.logged_status.map(u64::from))
        .text("before", |row| row.before.decision.as_ref())
        .text("beforeDeterminedBy", move |row| statements(&row.before))
        .text("beforeDependsOn", |row| listed(&row.before.depends_on))
        .text("beforeUndecided", |row| row.before.undecided.as_ref())
        .text("after", |row| row.after.decision.as_ref())
        .text("afterDeterminedBy", move |row| statements(&row.after))
        .text("afterDependsOn", |row| listed(&row.after.depends_on))
        .text("afterUndecided", |row| row.after.undecided.as_ref())
        .table("changes")
}
