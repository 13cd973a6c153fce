// The page: choosing, and drawing everything again.

function toggle(of, value) {
  if (chosen[of] === value) delete chosen[of];
  else chosen[of] = value;
  draw();
}

function chooseRange(from, to) {
  const all = from === null || to <= from || (from <= 0 && to >= INTERVALS);
  chosen.from = all ? null : Math.max(from, 0);
  chosen.to = all ? null : Math.min(to, INTERVALS);
  draw();
}

function drawTiles() {
  const sum = total();
  const denied = timeline.cells.filter((cell) => cell[DENIED] !== null && passes(cell)).reduce((all, cell) => all + cell[REQUESTS], 0);
  const tiles = [
    ["Requests", number(sum.requests), narrowed() ? `of ${number(report.usage.requests)}` : `by ${counted(report.usage.callerCount, "caller", report.usage.moreCallers)}`],
    report.denied ? ["Denied", number(denied), share(denied, sum.requests)] : ["Refused", number(sum.refused), share(sum.refused, sum.requests)],
    ["Throttled", number(sum.throttled), share(sum.throttled, sum.requests)],
    ["Failed", number(sum.failed), share(sum.failed, sum.requests)],
    ["Mean latency", sum.mean === null ? "–" : `${number(sum.mean)} ms`, "of those that tell it"],
  ];
  $("tiles").replaceChildren(...tiles.map(([name, value, more]) => el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, more)))));
}

/// What deserves attention first.
function drawNotes() {
  const near = report.rateLimits.filter((limit) => limit.lowestOf > 0 && limit.lowestRemaining !== null && limit.lowestRemaining < limit.lowestOf / 10);
  const notes = near.map((limit) => `${limitInWords(limit)} came down to ${number(limit.lowestRemaining)} of ${number(limit.lowestOf)}, ${number(limit.throttled)} refused.`);
  for (const limit of report.rateLimits.filter((each) => each.forecast?.reached)) {
    const text = outlook(limit);
    notes.push(`${limitInWords(limit)}: its limit of ${number(limit.limit)} ${text[0].toLowerCase()}${text.slice(1)}`);
  }
  if (report.changes) {
    const { newlyDenied, newlyAllowed } = report.changes;
    notes.unshift(`In comparison with the other account: ${number(newlyDenied)} newly denied, ${number(newlyAllowed)} newly allowed.`);
  }
  const { quarantined, total, samples } = report.lines;
  if (quarantined > 0) notes.unshift(`${number(quarantined)} of ${plural(total, "line")} could not be read${samples.length > 0 ? `; the first: ${samples[0].file}, byte ${number(samples[0].offset)}: ${samples[0].reason}` : ""}.`);
  if (report.interrupted) notes.unshift("Interrupted: reading was ended early, and this is the report of a part of the logs.");
  if (report.agreement?.disagreeing > 0) notes.push(`Log and policies disagree on ${plural(report.agreement.disagreeing, "request")}.`);
  if (report.asked) notes.push(`As asked: ${report.asked.join(", ")}.`);
  notes.push(...(report.merged ?? []), ...(report.remarks ?? []), ...(report.folded ?? []));
  $("notes").hidden = notes.length === 0;
  $("notes").replaceChildren(...notes.map((note) => el("li", {}, note)));
}

function drawFilters() {
  const chip = (text, clear) => el("button", { type: "button", class: "chip", "aria-label": `remove: ${text}`, click: clear }, el("span", {}, text), el("span", { "aria-hidden": "true" }, "×"));
  const chips = [];
  if (chosen.from !== null) chips.push(chip(`${moment(start(chosen.from))} – ${moment(start(chosen.to))}`, () => chooseRange(null, null)));
  for (const of of DIMENSIONS) {
    if (isNarrowedBy(of)) chips.push(chip(nameOf(of, chosen[of]), () => toggle(of, chosen[of])));
  }
  const clear = el("button", { type: "button", class: "quiet", id: "clear", click: clearAll }, "Show all");
  const found = el("span", {}, `${number(total().requests)} of ${plural(report.usage.requests, "request")}`);
  const hasFocus = $("filters").contains(document.activeElement);
  $("filters").replaceChildren(...(chips.length > 0 ? ["Only", ...chips, found, clear] : [el("span", { class: "unfiltered" }, "Everything is shown. Choose a principal, a caller, a route, a status or a denial to narrow the report down.")]));
  if (hasFocus) ($("filters").querySelector("button") ?? $("filters")).focus({ preventScroll: true });
}

function clearAll() {
  for (const of of DIMENSIONS) delete chosen[of];
  chooseRange(null, null);
}

const field = (ms) => new Date(ms).toISOString().slice(0, 16);

/// Shows the range, but not where it is being typed: a field that is set begins anew.
function drawRange() {
  const [from, to] = chosen.from === null ? [0, INTERVALS] : [chosen.from, chosen.to];
  for (const [id, at] of [["from", from], ["to", to]]) {
    if ($(id) !== document.activeElement) $(id).value = field(start(at));
  }
  tellRange(null);
}

/// Why the fields of the range are not followed, if they are not.
function tellRange(problem) {
  $("range-problem").textContent = problem ?? "";
  for (const id of ["from", "to"]) $(id).setAttribute("aria-invalid", String(problem !== null));
}

/// Follows the fields: an empty one is as if nothing were chosen on its side.
function readRange() {
  const interval = (id, round, empty) => ($(id).value === "" ? empty : round((Date.parse(`${$(id).value}Z`) - START) / WIDTH));
  const [from, to] = [interval("from", Math.floor, 0), interval("to", Math.ceil, INTERVALS)];
  const isHalfTyped = ["from", "to"].some((id) => $(id).validity.badInput);
  if (isHalfTyped || Number.isNaN(from) || Number.isNaN(to)) tellRange("A moment is not complete; nothing is narrowed down by it.");
  else if (from >= INTERVALS) tellRange(`There is nothing from then on; the last requests are before ${moment(start(INTERVALS))}.`);
  else if (to <= 0) tellRange(`There is nothing until then; the first requests are at ${moment(start(0))} or later.`);
  else if (to <= from) tellRange("The range ends before it begins; nothing is narrowed down by it.");
  else chooseRange(from, to);
}

function draw() {
  drawTiles();
  drawFilters();
  if (START !== null) drawRange();
  drawCharts();
  drawPrincipals();
  drawCallers();
  drawStatuses();
  drawRoutes();
  drawDenied();
  drawUnexplained();
  drawRemedies();
  drawChanges();
  drawBreakdowns();
  drawComparison();
  drawHeat();
  drawCache();
  drawUnknown();
  drawLines();
  makeReachable();
}

/// What is as wide as the page.
function drawCharts() {
  if (START !== null) drawRequests(chooseRange);
  drawLimits();
}

/// Tables that are wider than the page can be scrolled by keyboard.
function makeReachable() {
  for (const table of document.querySelectorAll(".table")) {
    const isWider = table.scrollWidth > table.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", table.querySelector("caption")?.textContent]]) {
      if (isWider) table.setAttribute(name, value);
      else table.removeAttribute(name);
    }
  }
}

/// Draws what is as wide as the page again when that changes.
function followWidth() {
  let drawn = chartWidth();
  new ResizeObserver(() => {
    if (chartWidth() === drawn) return;
    drawn = chartWidth();
    drawCharts();
    makeReachable();
  }).observe($("main"));
}

function drawOnce() {
  noteCallers();
  const { first, last, requests, callerCount, moreCallers, routeCount, moreRoutes } = report.usage;
  const when = requests === 0 ? "" : `${span(first, last)} · `;
  $("period").textContent = `${when}${plural(requests, "request")} by ${counted(callerCount, "caller", moreCallers)} on ${counted(routeCount, "route", moreRoutes)}`;
  document.title = `Requests ${span(first, last)}`;
  for (const id of ["time-heading", "chart", "legend", "chart-unit"]) $(id).hidden = START === null;
  $("filters").hidden = requests === 0;
  $("range-hint").textContent = `UTC, in steps of ${duration(timeline.intervalSeconds)}; or drag across the chart`;
  $("breakdowns").replaceChildren(...BREAKDOWNS.map((_, at) => el("div", { id: `breakdown-${at}`, class: "table breakdown" })));
  drawLegend();
  drawNotes();
  if (START !== null) {
    for (const id of ["from", "to"]) [$(id).min, $(id).max] = [field(start(0)), field(start(INTERVALS))];
  }
}

/// Paper has no buttons: all rows are printed.
function print(starts) {
  onPaper = starts;
  draw();
}

function switchTheme() {
  const root = document.documentElement;
  const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = dark ? "light" : "dark";
  nameTheme(!dark);
}

function nameTheme(dark) {
  const other = dark ? "Light" : "Dark";
  $("theme").textContent = other;
  $("theme").setAttribute("aria-label", `${other} colours`);
}

$("theme").addEventListener("click", switchTheme);
for (const id of ["from", "to"]) {
  $(id).addEventListener("change", readRange);
  $(id).addEventListener("focusout", () => $("range-problem").textContent === "" && setTimeout(drawRange));
}
$("range").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("beforeprint", () => print(true));
window.addEventListener("afterprint", () => print(false));
document.addEventListener("keydown", (event) => event.key === "Escape" && narrowed() && clearAll());
nameTheme(matchMedia("(prefers-color-scheme: dark)").matches);
drawOnce();
draw();
followWidth();
document.documentElement.dataset.drawn = "yes";
