// Rate limits: when they will be reached, how near they came, and what would keep them. And caches.

/// Which limit, without a credential that is not told.
const limitName = ({ upstream, credential, bucket }) => (credential === "-" ? [upstream, bucket] : [upstream, credential, bucket]).join(" · ");
const limitInWords = ({ upstream, credential, bucket }) => `${bucket} of ${upstream}${credential === "-" ? "" : ` with ${credential}`}`;

/// When a limit will be reached, with its interval, or that it will not.
function outlook(limit) {
  const { forecast } = limit;
  if (!forecast) return null;
  const uses = `a window uses about ${number(forecast.mostUsed)}, at most ${number(forecast.mostUsedAtMost)}`;
  if (forecast.reached) {
    const { earliest, reached, latest } = forecast;
    const not = earliest === reached ? " (or not at all)" : ` (${written(earliest)} at the earliest, or not at all)`;
    const interval = latest === null ? not : earliest === latest ? "" : ` (${written(earliest)} – ${written(latest)})`;
    const all = limit.principals.reduce((sum, each) => sum + each.requests, 0);
    const first = limit.principals[0];
    const heaviest = first ? `; ${shortCaller(first.caller)} takes ${share(first.requests, all)}` : "";
    return `Will be reached at ${written(forecast.reached)}${interval}${heaviest}.`;
  }
  if (forecast.earliest) return `May be reached from ${written(forecast.earliest)} on: ${uses}.`;
  return `Will not be reached before ${written(forecast.until)}: ${uses}.`;
}

/// A token bucket in words: its rate is a whole number of calls in one of these.
function rate({ ratePerSecond, burst }) {
  const units = [[1, "a second"], [60, "a minute"], [3600, "an hour"], [86400, "a day"]];
  const [seconds, unit] = units.find(([each]) => ratePerSecond * each >= 10 - 1e-6) ?? units.at(-1);
  return `${number(Math.round(ratePerSecond * seconds))} ${unit}, burst ${number(Math.floor(burst))}`;
}

/// What advice supposes, and what it does not see.
function supposed({ windowKnown, windowSeconds, advice: { intervalSeconds } }) {
  const window = windowKnown ? "" : ` That is if a window is ${duration(windowSeconds)}, which is not certain.`;
  const unseen = intervalSeconds > 60 || windowSeconds < 600 ? ` Simulated by ${duration(intervalSeconds)}: bursts within are not seen.` : "";
  return window + unseen;
}

/// What would keep a limit, one line each.
function advice(limit) {
  if (!limit.advice) return null;
  const { bucket, slow } = limit.advice;
  const by = bucket.by.slice(0, 3).map((each) => `${shortCaller(each.caller)}: ${number(each.requests)}`).join(", ");
  const lines = [`A token bucket of ${rate(bucket)} keeps it; it would have refused ${number(bucket.refused)} of ${plural(bucket.calls, "call")}${by ? ` (${by})` : ""}.${supposed(limit)}`];
  for (const each of slow.slice(0, 3)) {
    lines.push(`Slow ${shortCaller(each.principal)} to ${number(each.share)} in ${duration(limit.windowSeconds)}, from ${number(each.requests)} at ${written(each.window)}: ` +
      `${rate(each)}, ${number(each.refused)} refused.`);
  }
  if (slow.length > 3) lines.push(`And ${plural(slow.length - 3, "other")} likewise.`);
  return el("ul", { class: "advice" }, lines.map((line) => el("li", {}, line)));
}

/// How many calls were refused, and by which limit, as far as that is told.
function refusals({ throttled, primary, secondary, untold }) {
  const rest = untold > 0 ? `, ${number(untold)} by one that is not told` : "";
  return `${number(throttled)} refused: ${number(primary)} by the limit itself, ${number(secondary)} by a secondary one${rest}`;
}

/// What windows had left, if it is not that of a single one, which is told as the lowest, or groups of those that are not seen apart.
function headroom({ headroom: had, windowsApart, windowIntervalSeconds, lowestRemaining }) {
  if (!had) return null;
  if (windowsApart && had.windows === 1) return had.median === lowestRemaining ? null : `the one window had ${number(had.median)} left`;
  const windows = windowsApart ? plural(had.windows, "window") : `${plural(had.windows, "group")} of windows that end within ${duration(windowIntervalSeconds)}`;
  return `half of ${windows} had ${number(had.median)} or more left, ${number(had.little)} had less than a tenth`;
}

/// The limit, how long its window is, and whether it changed.
function limitOf({ limit, limitLeast, limitMost, windowLeastSeconds, windowKnown }) {
  if (limit === null) return "limit not told";
  const window = windowLeastSeconds >= 1 ? ` in ${duration(windowLeastSeconds)}${windowKnown ? "" : " or more"}` : "";
  const changed = limitLeast < limitMost ? ` (it changed: ${number(limitLeast)} to ${number(limitMost)})` : "";
  return `limit ${number(limit)}${window}${changed}`;
}

/// The least that was left, and how often it was all there again.
function levels({ limit, lowestRemaining, lowestOf, lowestAt, requests, resets, windowsApart }) {
  const then = lowestOf === limit ? "" : ` of ${number(lowestOf)}`;
  const lowest = lowestRemaining === null || lowestAt === null ? ", what is left is not told" : `, lowest ${number(lowestRemaining)}${then} left at ${written(lowestAt)}`;
  const over = resets === null ? "" : ` over ${windowsApart ? "" : "at least "}${plural(resets, "reset")}`;
  return `${lowest}; ${plural(requests, "request")}${over}`;
}

/// What a request takes, where that is not one.
function cost({ costPerRequest }) {
  if (costPerRequest >= 0.95 && costPerRequest < 1.05) return null;
  const why = costPerRequest > 1 ? "calls cost more than one, or others use the credential" : "some calls cost nothing, or what was used is forgotten within windows";
  return `a request goes with ${costPerRequest.toFixed(1)} used: ${why}`;
}

/// Whether there is anything to draw: what was left at some time, and of how many.
const isDrawn = (limit) => START !== null && limit.limit !== null && limit.series.some((point) => point.lowestRemaining !== null);

function drawLimits() {
  $("limits-section").hidden = report.rateLimits.length === 0;
  $("limits-note").textContent = chosen.from === null ? "Whole period." : "Numbers are of the whole period, charts of the chosen range.";
  $("limits").replaceChildren(...report.rateLimits.map((limit) => {
    // Roles with all of their sessions, or else the sessions of the only one.
    const users = limit.principals.length > 1 ? limit.principals : limit.callers;
    const used = users.slice(0, 5).map((each) => `${shortCaller(each.caller)}: ${share(each.requests, limit.requests)}`).join(", ");
    const line = (text, name = null) => (text ? el("span", { class: name }, text) : null);
    return el("figure", { class: "chart" },
      el("figcaption", {},
        el("h3", {}, limitName(limit)),
        line(outlook(limit), limit.forecast?.reached ? "outlook bad" : "outlook"),
        line(limitOf(limit) + levels(limit)),
        limit.throttled > 0 ? line(refusals(limit), "bad") : null,
        line(headroom(limit)),
        line(cost(limit)),
        line(`used by ${used}${users.length > 5 ? ` and ${plural(users.length - 5, "other")}` : ""}`),
        advice(limit)),
      isDrawn(limit) ? [drawLevel(limit), el("p", { class: "unit" }, `Requests left, the lowest of each ${duration(limit.intervalSeconds).replace(/^one /, "")}; dashed is the limit.`)] : null);
  }));
}

/// A number of calls; with its standard error where it was not counted exactly.
const estimate = (calls, error) => (error > 0 ? `${number(calls)} ± ${number(error)}` : number(calls));

/// Repeated reads, and what a cache would have saved of them.
function drawCache() {
  const { reads, saved, routes } = report.cache;
  const most = saved.at(-1);
  $("cache-section").hidden = most.shared <= reads / 100;
  const usual = saved.find((each) => each.ttlSeconds === 300) ?? most;
  const about = (error, exactly) => (error > 0 ? "about " : exactly);
  const isEstimated = [{ saved }, ...routes].some((each) => each.saved.some((one) => one.sharedError > 0 || one.ownError > 0));
  $("cache-note").textContent = `A cache of ${duration(usual.ttlSeconds)} would have answered ${about(usual.sharedError, "at least ")}` +
    `${estimate(usual.shared, usual.sharedError)} of ${plural(reads, "GET")} (${share(usual.shared, reads)}); one for each role ` +
    `${about(usual.ownError, "")}${estimate(usual.own, usual.ownError)}${isEstimated ? "; ± is the standard error of what is estimated" : ""}. Whole period.`;
  const saving = (name, of, error) => ({ ...count(name, of), cell: (row) => el("span", { class: of(row) === 0 ? "zero" : null }, estimate(of(row), error(row))) });
  const columns = saved.map((each, at) => saving(duration(each.ttlSeconds), (row) => row.saved[at].shared, (row) => row.saved[at].sharedError));
  drawTable("cache", {
    caption: "Reads that one cache for all who use the credential would have answered, by how long it answers",
    columns: [
      { name: "Route", cell: (row) => el("span", { title: row.route }, cut(row.route)) },
      count("Reads", (row) => row.reads),
      ...columns,
      { ...saving("One for each role", (row) => row.saved.at(-1).own, (row) => row.saved.at(-1).ownError), hint: "the longest" },
      { name: "Advised", cell: (row) => duration(row.advisedTtlSeconds) },
    ],
    rows: routes,
  });
}
