// Denied calls: what, how the log and the policies have it, and why.

const DECISIONS = { allowed: "allowed", explicitDeny: "explicit deny", implicitDeny: "implicit deny", indeterminate: "undecided" };
const LOGGED = { passed: "passed", refused: "refused", otherwise: "refused for another reason than permissions", untold: "not told" };

const LAYERS = { identity: "identity policy", resource: "resource policy", permissionsBoundary: "permissions boundary", session: "session policy", serviceControl: "service control policies", vpcEndpoint: "policy of the VPC endpoint" };

const statementName = (cited) => cited.sid ?? `statement ${cited.statement}`;
const place = (cited) => `${cited.policy}:${cited.line}:${cited.column}`;

/// What an implicit deny lacks.
const missing = (group) => `an Allow of the ${group.missing.map((layer) => LAYERS[layer] ?? layer).join(" and of the ")}`;

/// Why, in a few words.
function why(group) {
  const first = group.determinedBy?.[0];
  if (group.decision === "explicitDeny" && first) return `${statementName(first)} denies it`;
  if (group.decision === "allowed" && first) return `refused then; ${statementName(first)} allows it now`;
  if (group.decision === "indeterminate") return `depends on ${(group.dependsOn ?? []).join(", ")}`;
  if (group.decision === null) return "cannot be decided: not enough is known of it";
  if (group.nearest) return `nothing allows it; nearest is ${statementName(group.nearest)}, whose ${group.nearest.condition ?? group.nearest.element} differs`;
  if (group.missing) return `nothing allows it; missing is ${missing(group)}`;
  return "nothing allows it";
}

/// Where the statements are that decided, or the nearest is; on a screen the explanation says so.
const where = ({ determinedBy, nearest }) =>
  [...(determinedBy ?? []), nearest].filter(Boolean).map((cited) => el("div", {}, el("code", {}, place(cited))));

const contradicts = (group) =>
  (group.logged === "passed" && /Deny$/.test(group.decision ?? "")) || (group.logged === "refused" && group.decision === "allowed");

/// Two texts, with what differs between their common beginning and end marked.
function compared(text, other) {
  let from = 0;
  while (from < text.length && text[from] === other[from]) from += 1;
  let end = 0;
  while (end < Math.min(text.length, other.length) - from && text.at(-1 - end) === other.at(-1 - end)) end += 1;
  const until = text.length - end;
  if (from + end === 0) return el("code", {}, text);
  return el("code", {}, text.slice(0, from), from < until ? el("mark", {}, text.slice(from, until)) : null, text.slice(until));
}

function explanation(group) {
  const facts = el("dl");
  const fact = (name, ...value) => facts.append(el("dt", {}, name), el("dd", {}, ...value));
  fact("Caller", el("code", {}, group.caller));
  fact("Action", el("code", {}, group.action));
  fact("Resource", el("code", {}, group.resource));
  fact("When", `${span(group.first, group.last)}, ${plural(group.requests, "request")}`);
  fact("Logged", `${LOGGED[group.logged] ?? group.logged}${group.loggedStatus === null ? "" : `, status ${group.loggedStatus}`}`);
  fact("Decision", `${DECISIONS[group.decision] ?? "none"}: ${why(group)}`);
  for (const cited of group.determinedBy ?? []) {
    fact("Determined by", `${statementName(cited)} (${cited.policyType}), `, el("code", {}, place(cited)));
  }
  if (group.missing) fact("Missing", missing(group));
  if (group.nearest) {
    const { nearest } = group;
    fact("Nearest", `${statementName(nearest)} (${nearest.policyType}), ${nearest.condition ?? nearest.element}, `, el("code", {}, place(nearest)));
    fact("asks for", compared(nearest.pattern, nearest.value ?? ""));
    fact("the call had", nearest.value === null ? "no such key" : compared(nearest.value, nearest.pattern));
  }
  return facts;
}

function drawDenied() {
  $("denied-section").hidden = !report.denied;
  if (!report.denied) return;
  const rows = rowsOf(DENIED)
    .filter((row) => report.denied[row.value])
    .map((row) => ({ ...row, group: report.denied[row.value] }));
  const { agreeing, disagreeing, undetermined, reasons } = report.agreement;
  $("agreement").textContent = `Log and policies agree on ${plural(agreeing, "request")}, disagree on ${number(disagreeing)}; ` +
    `${number(undetermined)} cannot be compared${reasons.length > 0 ? ` (${reasons.map((each) => `${number(each.requests)}: ${each.reason}`).join("; ")})` : ""}. Whole period.`;
  drawTable("denied", {
    caption: `${plural(rows.length, "group")} of denied calls; choose one to see why`,
    columns: [
      { name: "Call", cell: (row) => pick(DENIED, row.value, shortCall(row.group.resource), row.group.resource, true) },
      { name: "Caller", cell: (row) => el("span", { title: row.group.caller }, shortCaller(row.group.caller)) },
      requests,
      count("Status", (row) => row.group.loggedStatus),
      { name: "Decision", cell: (row) => el("span", { class: contradicts(row.group) ? "badge warn" : "badge", title: contradicts(row.group) ? "the log has it otherwise" : null }, DECISIONS[row.group.decision] ?? "none") },
      { name: "Why", cell: (row) => (onPaper ? [why(row.group), ...where(row.group)] : why(row.group)) },
    ],
    rows,
    chosenRow: isChosen(DENIED),
    detail: (row) => explanation(row.group),
  });
}

/// What was allowed, and by no current policy: of the denied groups, those that passed.
function drawUnexplained() {
  const isUnexplained = (row) => row.group?.logged === "passed" && /Deny$/.test(row.group.decision ?? "");
  const rows = rowsOf(DENIED).map((row) => ({ ...row, group: report.denied?.[row.value] })).filter(isUnexplained);
  $("unexplained-section").hidden = rows.length === 0;
  const when = (name, of) => ({ name, cell: (row) => written(row.group[of]) });
  drawTable("unexplained", {
    caption: plural(rows.length, "group"),
    columns: [
      { name: "Call", cell: (row) => pick(DENIED, row.value, shortCall(row.group.resource), row.group.resource, true) },
      { name: "Caller", cell: (row) => el("span", { title: row.group.caller }, shortCaller(row.group.caller)) },
      requests,
      count("Status", (row) => row.group.loggedStatus),
      when("First", "first"),
      when("Last", "last"),
      { name: "Decision now", cell: (row) => DECISIONS[row.group.decision] ?? "none" },
    ],
    rows,
    chosenRow: isChosen(DENIED),
  });
}

/// What would allow denied calls: the statements to add, and what else they would allow.
function drawRemedies() {
  const remedies = report.remedies ?? [];
  $("remedies-section").hidden = remedies.length === 0;
  const target = (change) => `${LAYERS[change.policyType] ?? change.policyType}${change.attachedTo ? ` of ${shortCaller(change.attachedTo)}` : `, level ${change.level ?? 0}`}${change.policy ? `, ${change.policy}` : ""}` +
    (change.sharedWith ? `, which is that of ${plural(change.sharedWith, "other principal")} too` : "") +
    (change.version ? `, in a document of Version ${change.version}` : "");
  const then = (remedy) => {
    if (remedy.dependsOn) return `depends on ${remedy.dependsOn.join(", ")}`;
    if (remedy.mayAllow > 0) return `${number(remedy.allows)} to ${number(remedy.allows + remedy.mayAllow)} of them allowed, as policies may tell them apart`;
    return remedy.allows === remedy.requests ? "allowed" : `${number(remedy.allows)} of them allowed`;
  };
  const cell = (remedy) => el("div", {},
    ...remedy.changes.map((change, at) => el("div", {}, `add to the ${target(change)}: `, el("code", {}, remedy.statements[at]))),
    remedy.changes.length > 0 ? el("div", {}, `then ${then(remedy)}`) : null,
    ...(remedy.blockedBy ?? []).map((cited) => el("div", {}, `denied by ${statementName(cited)} at ${place(cited)}: no Allow helps`)),
    remedy.passesOver ? el("div", {}, `passes over ${remedy.passesOverConditions.join(" and ")} of ${statementName(remedy.passesOver)}`) : null);
  const also = (remedy) => remedy.alsoAllows.map((each) => el("div", {}, `${each.all ? "" : "at most "}${plural(each.requests, "request")}: ${shortCaller(each.caller)} ${shortCall(each.resource)}`));
  drawTable("remedies", {
    caption: plural(remedies.length, "change"),
    columns: [
      { name: "Denied call", cell: (row) => el("span", { title: row.resource }, shortCall(row.resource)) },
      { name: "Principal", cell: (row) => el("span", { title: row.principal }, shortCaller(row.principal)) },
      count("Requests", (row) => row.requests),
      { name: "Change", cell },
      { name: "Also allows", cell: (row) => (row.alsoAllows.length > 0 ? also(row) : "nothing else") },
    ],
    rows: remedies.map((remedy, at) => ({ ...remedy, statements: STATEMENTS[at] })),
  });
}

const CHANGES = { newlyDenied: "newly denied", newlyAllowed: "newly allowed", otherwise: "otherwise", undecided: "cannot be decided" };

/// What another version of the policies would decide otherwise. Of the whole period.
function drawChanges() {
  $("changes-section").hidden = !report.changes;
  if (!report.changes) return;
  const { newlyDenied, newlyAllowed, otherwise, unchanged, undecided, reasons, perhapsDenied, perhapsAllowed, groups } = report.changes;
  const why = reasons.map((each) => `${number(each.requests)}: ${each.reason}`).join("; ");
  const open = [[perhapsDenied, "denied"], [perhapsAllowed, "allowed"]].filter(([requests]) => requests > 0)
    .map(([requests, what]) => ` ${plural(requests, "request")} may be newly ${what}.`).join("");
  $("changes-note").textContent = `${plural(newlyDenied, "request")} newly denied, ${number(newlyAllowed)} newly allowed, ` +
    `${number(otherwise)} changed otherwise; ${number(unchanged)} stay as they were${undecided > 0 ? `; ${number(undecided)} cannot be decided (${why})` : ""}.${open} Whole period.`;
  const side = (decided) => {
    if (decided.decision === null) return `none: ${decided.undecided}`;
    const names = (decided.determinedBy ?? []).map((cited) => `${statementName(cited)} at ${place(cited)}`);
    const by = names.length > 0 ? ` by ${names.join(", ")}` : "";
    const depends = decided.dependsOn ? `, depends on ${decided.dependsOn.join(", ")}` : "";
    return `${DECISIONS[decided.decision] ?? "none"}${by}${depends}`;
  };
  drawTable("changes", {
    caption: plural(groups.length, "group"),
    columns: [
      { name: "Call", cell: (row) => el("span", { title: row.resource }, shortCall(row.resource)) },
      { name: "Caller", cell: (row) => el("span", { title: row.caller }, shortCaller(row.caller)) },
      count("Requests", (row) => row.requests),
      { name: "Change", cell: (row) => el("span", { class: row.change === "newlyDenied" ? "badge warn" : "badge" }, CHANGES[row.change] ?? row.change) },
      { name: "Before", cell: (row) => side(row.before) },
      { name: "After", cell: (row) => side(row.after) },
    ],
    rows: groups,
  });
}
