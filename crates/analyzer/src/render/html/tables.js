// Tables: a caption, columns that sort, rows that can be chosen.

const ROWS = 12;
const opened = new Set();
let onPaper = false;
const sorted = new Map();

/// Draws a table into the element `id`.
///
/// A column is `{ name, cell(row), of(row)?, hint? }`: what is shown, and the value that is sorted
/// by, for numbers. The first column names the row. `detail(row)`, where given, is shown below the
/// chosen row.
function drawTable(id, { caption, columns, rows, limit = ROWS, chosenRow = () => false, detail = null }) {
  if (rows.length === 0) return keepFocus($(id), [el("p", { class: "note" }, "None.")]);
  const order = sorted.get(id);
  const shown = order ? sortRows(rows, columns[order.column], order.up) : rows;
  const body = el("tbody");
  shown.forEach((row, at) => {
    const selected = chosenRow(row);
    const hidden = at >= limit && !onPaper && !opened.has(id) && !selected;
    const cells = columns.map((column, index) => cellOf(column, row, index));
    body.append(el("tr", { class: selected ? "chosen" : null, hidden: hidden ? "" : null, "data-row": at }, cells));
    if (selected && detail) {
      body.append(el("tr", { class: "detail", id: `${id}-detail` }, el("td", { colspan: columns.length }, detail(row))));
    }
  });
  const table = el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, columns.map((column, index) => heading(id, column, index, order)))), body);
  const beyond = rows.length - limit;
  const more = beyond > 0
    ? el("button", { type: "button", class: "quiet more", "data-key": "more", "aria-expanded": String(opened.has(id)), click: () => toggleRows(id) },
      opened.has(id) ? "Show fewer" : `Show all ${number(rows.length)}`)
    : null;
  keepFocus($(id), [table, more]);
}

/// Replaces what an element holds; the focus stays where it was.
function keepFocus(node, children) {
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren(...children.filter(Boolean));
  if (held === undefined) return;
  const buttons = Array.from(node.querySelectorAll("button"));
  buttons.find((button) => button.dataset.key === held)?.focus({ preventScroll: true });
}

function toggleRows(id) {
  if (!opened.delete(id)) opened.add(id);
  draw();
}

function sortRows(rows, column, up) {
  const value = (row) => column.of(row) ?? -1;
  return [...rows].sort((one, other) => (up ? value(one) - value(other) : value(other) - value(one)));
}

function heading(id, column, index, order) {
  const sorts = order?.column === index;
  const attributes = {
    scope: "col",
    class: column.of ? "number" : null,
    title: column.hint,
    "aria-sort": sorts ? (order.up ? "ascending" : "descending") : null,
  };
  if (!column.of || onPaper) return el("th", attributes, column.name);
  const sort = () => {
    sorted.set(id, { column: index, up: sorts && !order.up });
    draw();
  };
  return el("th", attributes, el("button", { type: "button", "data-key": `sort ${index}`, click: sort }, `${column.name}${sorts ? (order.up ? " ↑" : " ↓") : ""}`));
}

function cellOf(column, row, index) {
  const content = column.cell(row);
  if (index === 0) return el("th", { scope: "row" }, content);
  return el("td", { class: column.of ? "number" : null }, content);
}

/// The button by which a row is chosen.
function pick(of, value, text, full, expands) {
  return el("button", {
    type: "button",
    class: "pick",
    "data-key": `row ${value}`,
    title: full,
    "aria-pressed": expands ? null : String(chosen[of] === value),
    "aria-expanded": expands ? String(chosen[of] === value) : null,
    click: () => toggle(of, value),
  }, text);
}

const count = (name, of, bad) => ({
  name,
  of,
  cell: (row) => {
    const value = of(row);
    if (value === null || value === undefined) return el("span", { class: "zero" }, "–");
    return el("span", { class: value === 0 ? "zero" : bad ? "bad" : null }, number(value));
  },
});

function rowsOf(of) {
  const sums = sumsBy(of);
  if (isNarrowedBy(of) && !sums.has(chosen[of])) sums.set(chosen[of], new Sum());
  return Array.from(sums, ([value, sum]) => ({ value, sum })).sort((one, other) => other.sum.requests - one.sum.requests);
}

/// What the report lists: it may have been cut to so many.
const LISTED = { [PRINCIPAL]: report.usage.principals, [CALLER]: report.usage.callers, [ROUTE]: report.usage.routes };

/// As many rows, and how they are called with what is not among them.
function listedRows(of, noun) {
  const all = rowsOf(of);
  const others = all.filter((row) => NAMES[of][row.value] === OTHERS).length;
  const rows = all.filter((row, at) => at < LISTED[of].length || isChosen(of)(row));
  const left = all.length - rows.length;
  const rest = all.reduce((sum, row) => sum + row.sum.requests, 0) - rows.reduce((sum, row) => sum + row.sum.requests, 0);
  const known = counted(all.length - others, noun, others > 0);
  const words = left === 0 ? known
    : `the busiest ${number(rows.length)} of ${known}, the others have ${plural(rest, "request")}`;
  return { rows, words };
}

/// That a row of callers may be all sessions of a role, if so.
const together = timeline.callers.some((caller) => caller.endsWith("/*")) ? ", the sessions of a role as one" : "";

const isChosen = (of) => (row) => chosen[of] === row.value;
const requests = count("Requests", (row) => row.sum.requests);
const overTime = { name: "Over time", cell: (row) => sparkline(row.sum.intervals) };

/// Who called, with how what they called was answered.
function drawWho(id, of, caption, rows, [name, ...more]) {
  const who = (row) => pick(of, row.value, shortCaller(NAMES[of][row.value]), NAMES[of][row.value]);
  drawTable(id, {
    caption: `${caption}; choose one to narrow the report down`,
    columns: [
      { name, cell: who },
      ...more,
      requests,
      count("Refused", (row) => row.sum.refused),
      count("Throttled", (row) => row.sum.throttled),
      count("Failed", (row) => row.sum.failed),
      overTime,
    ],
    rows,
    chosenRow: isChosen(of),
  });
}

/// Roles with all of their sessions, unless that is what callers tell anyway.
function drawPrincipals() {
  const whole = new Map(report.usage.principals.map((each) => [each.principal, each]));
  $("principals-section").hidden = !report.usage.principals.some((each) => each.moreSessions || each.sessions > 1);
  const { rows, words } = listedRows(PRINCIPAL, "principal");
  const of = (row) => whole.get(PRINCIPALS[row.value]);
  const told = count("Sessions", (row) => of(row)?.sessions);
  const cell = (row) => (of(row)?.moreSessions ? `> ${number(of(row).sessions)}` : told.cell(row));
  drawWho("principals", PRINCIPAL, words, rows, ["Principal", { ...told, cell, hint: "of the whole period" }]);
}

function drawCallers() {
  const { rows, words } = listedRows(CALLER, "caller");
  drawWho("callers", CALLER, `${words}${together}`, rows, ["Caller"]);
}

function drawStatuses() {
  const rows = rowsOf(STATUS).sort((one, other) => (one.value ?? 0) - (other.value ?? 0));
  const all = rows.reduce((sum, row) => sum + row.sum.requests, 0);
  drawTable("statuses", {
    caption: "As the client received them",
    columns: [
      { name: "Status", cell: (row) => pick(STATUS, row.value, row.value === null ? "none" : String(row.value)) },
      requests,
      { name: "Share", of: (row) => row.sum.requests, cell: (row) => [bar(row.sum.requests, all), share(row.sum.requests, all)] },
    ],
    rows,
    limit: 20,
    chosenRow: isChosen(STATUS),
  });
}

function drawRoutes() {
  const whole = new Map(report.usage.routes.map((route) => [`${route.method} ${route.route}`, route]));
  const { rows: shown, words } = listedRows(ROUTE, "route");
  const rows = shown.map((row) => ({ ...row, whole: whole.get(timeline.routes[row.value]) }));
  const hint = "of the whole period, for all callers";
  const percentile = (name, of) => ({ ...count(name, (row) => row.whole?.[of]), hint });
  drawTable("routes", {
    caption: narrowed()
      ? `${words}; the mean is of what is chosen, percentiles are of the whole period`
      : `${words}; latencies in milliseconds`,
    columns: [
      { name: "Route", cell: (row) => pick(ROUTE, row.value, cut(timeline.routes[row.value]), timeline.routes[row.value]) },
      requests,
      count("4xx", (row) => row.sum.refused + row.sum.throttled + row.sum.client),
      count("5xx", (row) => row.sum.failed),
      count("Mean ms", (row) => row.sum.mean),
      percentile("p50", "p50Ms"),
      percentile("p95", "p95Ms"),
      percentile("p99", "p99Ms"),
      overTime,
    ],
    rows,
    chosenRow: isChosen(ROUTE),
  });
}

/// Usage by whatever was asked for, a table for each. Of the whole period.
function drawBreakdowns() {
  $("breakdowns-section").hidden = BREAKDOWNS.length === 0;
  BREAKDOWNS.forEach(({ by, groupCount, foldedCount, groups }, at) => {
    const value = (name, index) => ({
      name: `${name[0].toUpperCase()}${name.slice(1)}`,
      cell: (row) => el("span", { title: row.values[index] }, shortOf(name, row.values[index])),
    });
    const folded = foldedCount ?? 0;
    const listed = groups.length < groupCount + folded ? `the busiest ${number(groups.length)} of ` : "";
    const more = folded > 0 ? "more than " : "";
    drawTable(`breakdown-${at}`, {
      caption: `By ${by.join(" and ")}: ${listed}${more}${plural(groupCount, "group")}. Whole period.`,
      columns: [
        ...by.map(value),
        count("Requests", (row) => row.requests),
        count("Refused", (row) => row.refused),
        count("Throttled", (row) => row.throttled),
        count("Failed", (row) => row.failed),
        count("p50", (row) => row.p50Ms),
        count("p95", (row) => row.p95Ms),
        count("p99", (row) => row.p99Ms),
      ],
      rows: groups,
    });
  });
}

function drawUnknown() {
  const callers = report.unknownPrincipals ?? [];
  $("unknown-section").hidden = callers.length === 0;
  drawTable("unknown", {
    caption: plural(callers.length, "caller"),
    columns: [{ name: "Caller", cell: (row) => el("span", { title: row.caller }, cut(row.caller)) }, count("Requests", (row) => row.requests)],
    rows: callers,
  });
}

function drawLines() {
  const { files, total, parsed, recovered, quarantined, control, blank, samples } = report.lines;
  $("account").textContent = `${plural(total, "line")}${files ? ` in ${plural(files, "file")}` : ""}: ${number(parsed)} parsed, ${number(recovered)} recovered, ` +
    `${number(quarantined)} could not be read, ${number(control)} control, ${number(blank)} blank.` +
    (report.leftOut > 0 ? ` ${plural(report.leftOut, "request")} left out, as asked` : "") +
    (report.leftOutWithoutTime ? `, of which ${number(report.leftOutWithoutTime)} without a time.` : report.leftOut > 0 ? "." : "");
  $("samples").hidden = samples.length === 0;
  drawTable("samples", {
    caption: "Lines that could not be read",
    columns: [
      { name: "File", cell: (row) => el("span", { class: "code" }, row.file) },
      count("Byte", (row) => row.offset),
      { name: "Why", cell: (row) => row.reason },
      { name: "Line", cell: (row) => el("code", {}, row.sample) },
    ],
    rows: samples,
  });
}
