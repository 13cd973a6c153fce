// The report, and sums of its timeline under what the reader has chosen.

const report = JSON.parse($("report").textContent);
/// What each remedy adds, as it is to be copied.
const STATEMENTS = JSON.parse($("statements").textContent);
const timeline = report.timeline;
const BREAKDOWNS = report.breakdowns ?? [];
const WIDTH = timeline.intervalSeconds * 1000;
const START = timeline.start === null ? null : Date.parse(timeline.start);
const [AT, CALLER, ROUTE, STATUS, DENIED, REQUESTS, TIMED, LATENCY, PRINCIPAL] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const INTERVALS = timeline.cells.reduce((most, cell) => Math.max(most, (cell[AT] ?? -1) + 1), 0);

/// All requests over time, in intervals that are as narrow as those of the timeline or narrower.
const SERIES = report.usage.series.map((point) => ({ ...point, at: Date.parse(point.start) }));
const SERIES_WIDTH = report.usage.intervalSeconds * 1000;
/// From where to where charts go.
const SPAN = SERIES.length > 0 ? [SERIES[0].at, SERIES.at(-1).at + SERIES_WIDTH] : [0, 0];

/// How all are called that are not told apart.
const OTHERS = "(other)";

/// What the reader has chosen; `from` and `to` are intervals, the last one excluded. Of a dimension
/// that nothing is chosen of, there is no entry: `null` is a value, that of no status.
const chosen = { from: null, to: null };
const DIMENSIONS = [PRINCIPAL, CALLER, ROUTE, STATUS, DENIED];

/// Roles with all of their sessions, and other callers; every cell is of one of them, too.
const PRINCIPALS = Array.from(new Set(timeline.callers.map(principalOf)));
const places = new Map(PRINCIPALS.map((principal, at) => [principal, at]));
const principals = timeline.callers.map((caller) => places.get(principalOf(caller)));
timeline.cells.forEach((cell) => { cell[PRINCIPAL] = principals[cell[CALLER]]; });

/// How the values are called of dimensions that have many.
const NAMES = { [PRINCIPAL]: PRINCIPALS, [CALLER]: timeline.callers, [ROUTE]: timeline.routes };

/// Callers and roles by their short name: all of those that would be called the same.
const ALIKE = new Map();

function noteCallers() {
  const grouped = BREAKDOWNS.flatMap(({ by, groups }) => groups.flatMap(({ values }) => values.filter((_, at) => isCaller(by[at]))));
  const compared = (report.comparison?.callers ?? []).map((each) => each.name);
  const ofLimits = report.rateLimits.flatMap((limit) => limit.principals.map((each) => each.caller));
  const remedied = (report.remedies ?? []).map((each) => each.principal);
  for (const caller of new Set([...PRINCIPALS, ...timeline.callers, ...grouped, ...compared, ...ofLimits, ...remedied])) {
    const short = briefly(caller);
    ALIKE.set(short, [...(ALIKE.get(short) ?? []), caller]);
  }
}

/// A caller as it is shown.
const shortCaller = (caller) => cut(ownName(caller));

/// A caller without what all ARNs share; with its account where another would be called the same,
/// and in full where that has the same account.
function ownName(caller) {
  const account = (of) => of.split(":")[4] ?? "";
  const [short, own] = [briefly(caller), account(caller)];
  const alike = (ALIKE.get(short) ?? []).filter((other) => other !== caller);
  if (alike.length === 0) return short;
  if (alike.some((other) => account(other) === own)) return caller;
  return own === "" ? short : `${short} (${own})`;
}

const start = (interval) => START + interval * WIDTH;
const isNarrowedBy = (of) => chosen[of] !== undefined;
const narrowed = () => chosen.from !== null || DIMENSIONS.some(isNarrowedBy);

function inRange(cell) {
  return chosen.from === null || (cell[AT] !== null && cell[AT] >= chosen.from && cell[AT] < chosen.to);
}

/// Whether a cell is among the chosen, whatever is chosen of `except`.
function passes(cell, except) {
  if (except !== AT && !inRange(cell)) return false;
  return DIMENSIONS.every((of) => of === except || !isNarrowedBy(of) || chosen[of] === cell[of]);
}

/// What a status means: the classes of the chart.
const CLASSES = [
  ["ok", "answered"],
  ["refused", "401, 403"],
  ["throttled", "429"],
  ["client", "other 4xx"],
  ["failed", "5xx"],
];

function classOf(status) {
  if (status === 401 || status === 403) return "refused";
  if (status === 429) return "throttled";
  if (status >= 500) return "failed";
  return status >= 400 ? "client" : "ok";
}

class Sum {
  constructor() {
    this.requests = this.timed = this.latency = 0;
    for (const [name] of CLASSES) this[name] = 0;
    this.intervals = new Float64Array(INTERVALS);
    this.first = this.last = null;
  }
  add(cell) {
    this.requests += cell[REQUESTS];
    this.timed += cell[TIMED];
    this.latency += cell[LATENCY];
    this[classOf(cell[STATUS])] += cell[REQUESTS];
    if (cell[AT] === null) return;
    this.intervals[cell[AT]] += cell[REQUESTS];
    this.first = this.first === null ? cell[AT] : Math.min(this.first, cell[AT]);
    this.last = this.last === null ? cell[AT] : Math.max(this.last, cell[AT]);
  }
  get mean() {
    return this.timed > 0 ? Math.round(this.latency / this.timed) : null;
  }
}

/// The sum of everything chosen.
function total() {
  const sum = new Sum();
  timeline.cells.filter((cell) => passes(cell)).forEach((cell) => sum.add(cell));
  return sum;
}

/// Sums by a dimension, of what is chosen in the others.
function sumsBy(of) {
  const sums = new Map();
  for (const cell of timeline.cells) {
    if (cell[of] === null && of === DENIED) continue;
    if (!passes(cell, of)) continue;
    if (!sums.has(cell[of])) sums.set(cell[of], new Sum());
    sums.get(cell[of]).add(cell);
  }
  return sums;
}

/// The bars of the chart by class, of what is chosen apart from the time: of everything in the intervals
/// of the series.
function bars() {
  if (DIMENSIONS.some(isNarrowedBy)) return { width: WIDTH, bars: classesByInterval().map((classes, at) => ({ at: start(at), classes })) };
  const classes = ({ requests, refused, throttled, clientErrors, failed }) =>
    ({ ok: requests - clientErrors - failed, refused, throttled, client: clientErrors - refused - throttled, failed });
  return { width: SERIES_WIDTH, bars: SERIES.map((point) => ({ at: point.at, classes: classes(point) })) };
}

/// Requests of each interval of the timeline by class.
function classesByInterval() {
  const bars = Array.from({ length: INTERVALS }, () => Object.fromEntries(CLASSES.map(([name]) => [name, 0])));
  for (const cell of timeline.cells) {
    if (cell[AT] !== null && passes(cell, AT)) bars[cell[AT]][classOf(cell[STATUS])] += cell[REQUESTS];
  }
  return bars;
}

/// The name of a value of a dimension.
function nameOf(of, value) {
  if (of === PRINCIPAL || of === CALLER) return shortCaller(NAMES[of][value]);
  if (of === ROUTE) return cut(timeline.routes[value]);
  if (of === STATUS) return value === null ? "no status" : `status ${value}`;
  const group = report.denied[value];
  return `denied: ${shortCaller(group.caller)} ${shortCall(group.resource)}`;
}
