// Requests by hour and weekday, as a table whose cells are shaded; and in comparison with another period.

const SHADES = 8;

/// A number in as few characters as a narrow cell holds: from 10,000 on `12K`.
const few = (value) => (value < 9999.5 ? number(Math.round(value)) : value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 0 }));

function drawHeat() {
  const { heat } = report.usage;
  const each = (hour) => (hour.hours > 0 ? hour.requests / hour.hours : null);
  const shown = (value) => (value > 0 && value < 0.5 ? "less than one" : number(Math.round(value)));
  const most = Math.max(...heat.map(each)) || 1;
  const hours = heat.reduce((sum, hour) => sum + hour.hours, 0);
  $("heat-section").hidden = hours < 48;
  if (hours < 48) return;
  const busiest = heat.reduce((one, other) => (each(other) > each(one) ? other : one));
  const days = new Set(heat.filter((hour) => hour.hours > 0).map((hour) => hour.weekday));
  const cell = (hour) => {
    const value = each(hour);
    const shade = value === null ? "none" : `shade-${Math.ceil((SHADES * value) / most)}`;
    const title = `${hour.weekday} ${String(hour.hour).padStart(2, "0")}:00: ${plural(hour.requests, "request")} in ${plural(hour.hours, "hour")}`;
    return el("td", { class: `number ${shade}`, title }, value === null ? "" : few(value));
  };
  const numbers = Array.from({ length: 24 }, (_, hour) => el("th", { scope: "col", class: "number" }, String(hour)));
  $("heat").replaceChildren(el("table", { class: "heat" },
    el("caption", {}, `Requests in an hour, UTC; the busiest is ${busiest.weekday} ${String(busiest.hour).padStart(2, "0")}:00 with ${shown(each(busiest))}. Whole period.`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Day"), numbers)),
    el("tbody", {}, [...days].map((day) => el("tr", {}, el("th", { scope: "row" }, day.slice(0, 3)), heat.filter((hour) => hour.weekday === day).map(cell))))));
}

function changeOf({ before, now, change }) {
  if (change === null) return now > 0 ? "new" : "–";
  return `${change < 0 ? "−" : "+"}${Math.abs(100 * change).toFixed(1)} %`;
}

/// That the logs cover less of a period than there is, if so.
function uncovered(which, { hours, coveredHours }) {
  if (coveredHours >= hours * 0.99) return "";
  return `; the logs' requests, from first to last, cover ${coveredHours.toFixed(1)} of the ${hours.toFixed(1)} hours ${which}; the rest counts as without any`;
}

function drawComparison() {
  $("comparison-section").hidden = !report.comparison;
  if (!report.comparison) return;
  const { before, now, requests: all, callers, routes, rateLimits } = report.comparison;
  const length = ({ from, until }) => Date.parse(until) - Date.parse(from);
  const rate = length(before) === length(now) ? "" : " an hour";
  $("comparison-note").textContent = `${plural(all.now, "request")} from ${written(now.from)} to ${written(now.until)}, ` +
    `after ${number(all.before)} from ${written(before.from)} to ${written(before.until)}: ${changeOf(all)}${rate}` +
    `${uncovered("before", before)}${uncovered("now", now)}.`;
  const columns = (name, of) => [
    { name, cell: (row) => el("span", { title: row.name }, of(row.name)) },
    count("Before", (row) => row.before),
    count("Now", (row) => row.now),
    { name: `Change${rate}`, cell: changeOf, of: (row) => row.change ?? Infinity },
  ];
  const answers = ["refused", "throttled", "failed"].map((name) => ({ name, ...report.comparison[name] }));
  const answered = answers.filter((row) => row.before + row.now > 0);
  $("compared-answers").hidden = answered.length === 0;
  drawTable("compared-answers", { caption: "Refused, throttled and failed", columns: columns("Answers", (name) => name), rows: answered });
  drawTable("compared-callers", { caption: plural(callers.length, "caller"), columns: columns("Caller", shortCaller), rows: callers });
  drawTable("compared-routes", {
    caption: plural(routes.length, "route"),
    columns: [
      ...columns("Route", cut),
      count("p95 before", (row) => row.p95MsBefore),
      count("p95 now", (row) => row.p95MsNow),
    ],
    rows: routes,
  });
  $("compared-limits").hidden = rateLimits.length === 0;
  drawTable("compared-limits", {
    caption: plural(rateLimits.length, "rate limit"),
    columns: [
      ...columns("Rate limit", (name) => name),
      count("Lowest left before", (row) => row.lowestBefore),
      count("now", (row) => row.lowestNow),
      count("Refused before", (row) => row.throttledBefore),
      count("now", (row) => row.throttledNow),
    ],
    rows: rateLimits.map((row) => ({ ...row, name: limitName(row) })),
  });
}
