// Rate limits: when they will be reached, how near they came, and what would keep them. And caches.

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

/// A token bucket in words, by the minute or the hour where a second has few.
function rate({ ratePerSecond, burst }) {
  const units = [[1, "a second"], [60, "a minute"], [3600, "an hour"]];
  const [seconds, unit] = units.find(([each]) => ratePerSecond * each >= 10) ?? units[2];
  return `${number(Math.floor(ratePerSecond * seconds))} ${unit}, burst ${number(Math.floor(burst))}`;
}

/// What would keep a limit, one line each.
function advice(limit) {
  if (!limit.advice) return null;
  const { bucket, slow } = limit.advice;
  const by = bucket.by.slice(0, 3).map((each) => `${shortCaller(each.caller)} ${number(each.requests)}`).join(", ");
  const lines = [`A token bucket of ${rate(bucket)} keeps it; it would have refused ${number(bucket.refused)} of ${plural(bucket.calls, "call")}${by ? ` (${by})` : ""}.`];
  if (limit.advice.intervalSeconds > 60) lines.push(`Simulated by ${duration(limit.advice.intervalSeconds)}: bursts within are not seen.`);
  for (const each of slow.slice(0, 3)) {
    lines.push(`Slow ${shortCaller(each.principal)} to ${number(each.share)} in ${duration(limit.windowSeconds)}, from ${number(each.requests)} at ${written(each.window)}: ` +
      `${rate(each)}, ${number(each.refused)} refused.`);
  }
  if (slow.length > 3) lines.push(`And ${plural(slow.length - 3, "other")} likewise.`);
  return el("ul", { class: "advice" }, lines.map((line) => el("li", {}, line)));
}

function headroom({ headroom: had }) {
  if (!had) return null;
  if (had.windows === 1) return `the one window had ${number(had.median)} left`;
  return `half of ${number(had.windows)} windows had ${number(had.median)} or more left, ${number(had.little)} had less than a tenth`;
}

/// How many are allowed, how few were left, and how often the bucket was filled again.
function left(limit) {
  // What is concluded from when one window ends may be a part of it.
  const orMore = limit.windowTold || limit.resets > 0 ? "" : " or more";
  const window = limit.windowSeconds >= 1 ? ` in ${duration(Math.floor(limit.windowSeconds))}${orMore}` : "";
  const told = limit.limit === null ? "limit not told" : `limit ${number(limit.limit)}${window}`;
  const lowest = limit.lowestRemaining === null || limit.lowestAt === null ? "what is left is not told"
    : `lowest ${number(limit.lowestRemaining)} left at ${written(limit.lowestAt)}`;
  // Windows that end within a minute are one here.
  const atLeast = limit.windowSeconds !== null && limit.windowSeconds < 60 ? "at least " : "";
  return `${told}, ${lowest}, ${plural(limit.requests, "request")} over ${atLeast}${plural(limit.resets, "reset")}`;
}

function cost({ costPerRequest }) {
  return costPerRequest > 1.05 ? `a request goes with ${costPerRequest.toFixed(1)} used: calls cost more than one, or others use the credential` : null;
}

/// Whether there is anything to draw: what was left at some time, and of how many.
const isDrawn = (limit) => START !== null && limit.limit !== null && limit.series.some((point) => point.lowestRemaining !== null);

function drawLimits() {
  $("limits-section").hidden = report.rateLimits.length === 0;
  $("limits-note").textContent = chosen.from === null ? "Whole period." : "Numbers are of the whole period, charts of the chosen range.";
  $("limits").replaceChildren(...report.rateLimits.map((limit) => {
    const used = limit.callers.slice(0, 5).map((each) => `${shortCaller(each.caller)} ${share(each.requests, limit.requests)}`).join(", ");
    const line = (text, name = null) => (text ? el("span", { class: name }, text) : null);
    return el("figure", { class: "chart" },
      el("figcaption", {},
        el("h3", {}, [limit.upstream, limit.credential, limit.bucket].join(" · ")),
        line(outlook(limit), limit.forecast?.reached ? "outlook bad" : "outlook"),
        line(left(limit)),
        line(cost(limit)),
        limit.throttled > 0
          ? line(`${number(limit.throttled)} refused: ${number(limit.primary)} by the limit itself, ${number(limit.secondary)} by a secondary one`, "bad")
          : null,
        line(headroom(limit)),
        line(`used by ${used}${limit.callers.length > 5 ? ` and ${plural(limit.callers.length - 5, "other")}` : ""}`),
        advice(limit)),
      isDrawn(limit) ? drawLevel(limit) : null);
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
      { name: "Route", cell: (row) => row.route },
      count("Reads", (row) => row.reads),
      ...columns,
      { ...saving("One for each role", (row) => row.saved.at(-1).own, (row) => row.saved.at(-1).ownError), hint: "the longest" },
      { name: "Advised", cell: (row) => duration(row.advisedTtlSeconds) },
    ],
    rows: routes,
  });
}
