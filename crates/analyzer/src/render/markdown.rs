//! Markdown, for a comment on a pull request: what deserves attention, the rest folded away.
//!
//! GitHub's dialect. What clients wrote into the log appears in code spans only, in which it can
//! neither be markup nor mention anybody.

use crate::changes::Side;
use crate::outcomes::Cited;
use crate::overlay::PolicyChange;
use crate::remedy::Remedy;
use crate::report::{BreakdownReport, DeniedReport, INTERRUPTED, LimitReport, ReasonCount, Report};
use crate::text::summary::{duration, left_out, who_on_what};
use crate::text::{
    Names, ShortNames,
    breakdowns::Values,
    cache, changes as of_changes, comparison, count, cut, denied as of_denied, in_a_line,
    json_in_a_line, limits as of_limits, number, period, seen, share, short_call, target, then,
    unexplained as of_unexplained,
    usage::{has_sessions, sessions},
};

/// The most characters that GitHub takes as a comment.
const COMMENT_MAX: usize = 65_536;

/// The most characters of a name; what is to be copied is shown in full.
const NAME_MAX: usize = 256;

/// Lays a report out as a comment with at most `top` rows in each table, and fewer where it would be
/// longer than a comment may be; 0 for all of them, however long it is.
pub fn render(report: &Report, top: usize) -> String {
    let comment = with_rows(report, if top == 0 { usize::MAX } else { top });
    if top <= 1 || comment.chars().count() <= COMMENT_MAX {
        return comment;
    }
    render(report, top / 2)
}

fn with_rows(report: &Report, top: usize) -> String {
    let sections = [
        summary(report),
        compared(report, top),
        changes(report, top),
        denied(report, top),
        remedies(report.remedies.as_deref().unwrap_or_default(), top),
        unexplained(report, top),
        limits(&report.rate_limits, top),
        repeated(report, top),
        breakdowns(report, top),
        routes(report, top),
        principals(report, top),
        callers(report, top),
        agreement(report),
        lines(report),
    ];
    let shown: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    shown.join("\n")
}

fn summary(report: &Report) -> String {
    let usage = &report.usage;
    let denied = report.denied.iter().flatten().map(|group| group.requests).sum();
    let throttled: u64 = report.rate_limits.iter().map(|limit| limit.throttled).sum();
    let mut facts = vec![format!("**{}**", count(usage.requests, "request"))];
    if report.denied.is_some() {
        facts.push(format!("**{}** denied ({})", number(denied), share(denied, usage.requests)));
    }
    facts.push(format!("**{}** refused by upstreams", number(throttled)));
    let interrupted = match report.interrupted {
        true => format!("**{INTERRUPTED}**\n\n"),
        false => String::new(),
    };
    let unreadable = report.lines.unreadable().map_or(String::new(), |lines| {
        let first = lines.first.iter().map(|first| format!("; the first: {}", code(first)));
        let first: String = first.collect();
        format!("**{}** of {} could not be read{first}\n\n", number(lines.lines), lines.of)
    });
    let asked: Vec<String> = report.asked.iter().map(|option| code(option)).collect();
    let asked = match asked.is_empty() {
        true => String::new(),
        false => format!("\nAs asked: {}\n", asked.join(", ")),
    };
    let notes = report.merged.iter().chain(&report.remarks).chain(&report.folded);
    let notes: String = notes.map(|sentence| format!("\n{sentence}\n")).collect();
    let when = match (usage.first.as_deref(), usage.last.as_deref()) {
        (None, None) => String::new(),
        (first, last) => format!("{} UTC, ", period(first, last)),
    };
    format!(
        "### Requests, limits and denials\n\n{interrupted}{unreadable}{}  \n{when}{}\n{asked}{notes}",
        facts.join(" · "),
        who_on_what(usage),
    )
}

/// What another version of the policies decides otherwise.
fn changes(report: &Report, top: usize) -> String {
    let Some(changes) = &report.changes else { return String::new() };
    let mut text = format!(
        "**{}** newly denied, **{}** newly allowed, {} changed otherwise; {} stay as they were.\n",
        count(changes.newly_denied, "request"),
        number(changes.newly_allowed),
        number(changes.otherwise),
        number(changes.unchanged)
    );
    if changes.undecided > 0 {
        let why = |why: &ReasonCount| format!("{}: {}", number(why.requests), why.reason);
        let why: Vec<String> = changes.reasons.iter().map(why).collect();
        let undecided = count(changes.undecided, "request");
        text.push_str(&format!("**{undecided}** cannot be decided ({}).\n", why.join("; ")));
    }
    let open: Vec<String> = of_changes::left_open(changes).collect();
    if !open.is_empty() {
        text.push_str(&format!("{}.\n", open.join(", ")));
    }
    if changes.groups.is_empty() {
        return text;
    }
    let names = Names::of(changes.groups.iter().map(|group| &*group.caller));
    changes.kinds().map(of_changes::folded).fold(text, |text, groups| {
        let rows = groups.iter().take(top).map(|of| {
            let (call, who) = (code(&short_call(&of.group.resource)), names.who(&of.callers));
            let decisions = format!("{} → {}", side(&of.group.before), side(&of.group.after));
            [call, code(&who), number(of.requests), decisions]
        });
        let name = match groups.first().map(|of| of.group.change) {
            Some("newlyDenied") => "Newly denied call",
            Some("newlyAllowed") => "Newly allowed call",
            Some("undecided") => "Call that one of the policies cannot decide",
            _ => "Otherwise changed call",
        };
        let table = table([name, "Caller", "-Requests", "Decision"], rows);
        let rest = rest(groups.iter().skip(top).map(|group| group.requests), "group");
        text + "\n" + &table + &rest
    })
}

/// A decision, the first statement that determined it, and the keys that it depends on.
fn side(side: &Side) -> String {
    let decision = code(side.decision.as_deref().unwrap_or("none"));
    let by = side.determined_by.first().map(|by| format!(" by {}", cited(by)));
    let depends = Some(side.depends_on.join(", ")).filter(|keys| !keys.is_empty());
    let depends = depends.map(|keys| format!(", depends on {}", code(&keys)));
    [decision, by.unwrap_or_default(), depends.unwrap_or_default()].concat()
}

/// A statement by its name and place.
fn cited(cited: &Cited) -> String {
    let name = cited.sid.clone().unwrap_or_else(|| format!("statement {}", cited.statement));
    format!("{} at {}", code(&name), code(&format!("{}:{}", cited.policy, cited.line)))
}

fn denied(report: &Report, top: usize) -> String {
    let groups = report.denied.as_deref().unwrap_or_default();
    if groups.is_empty() {
        return String::new();
    }
    let callers = groups.iter().map(|group| group.caller);
    // Who was not denied is not to be taken for who was.
    let names =
        ShortNames::of(callers.chain(report.usage.callers.iter().map(|caller| caller.caller)));
    let rows = groups.iter().take(top).map(|group| {
        [
            code(&short_call(group.resource)),
            code(&names.name(group.caller)),
            number(group.requests),
            why(group),
        ]
    });
    let table = table(["Denied call", "Caller", "-Requests", "Why"], rows);
    table + &rest(groups.iter().skip(top).map(|group| group.requests), "group")
}

fn why(group: &DeniedReport<'_>) -> String {
    let decided = group.determined_by.first().map(cited);
    match (group.decision, decided, group.nearest) {
        (Some("explicitDeny"), Some(decided), _) => format!("denied by {decided}"),
        (Some("allowed"), Some(decided), _) => format!("refused then, allowed now by {decided}"),
        (Some("indeterminate"), ..) => format!("depends on {}", code(&group.depends_on.join(", "))),
        (Some("implicitDeny"), _, Some(nearest)) => format!(
            "nothing allows it; nearest: {} asks for {}",
            code(&format!("{}:{}", nearest.statement.policy, nearest.statement.line)),
            code(&nearest.pattern)
        ),
        (None, ..) => "cannot be decided: not enough is known of it".to_owned(),
        (Some("implicitDeny"), _, None) if !group.missing.is_empty() => {
            format!("nothing allows it; missing: {}", of_denied::missing(group.missing))
        }
        _ => "nothing allows it".to_owned(),
    }
}

/// What would allow denied calls, folded away.
fn remedies(remedies: &[Remedy], top: usize) -> String {
    let names = ShortNames::of(remedies.iter().map(|remedy| &*remedy.principal));
    let rows = remedies.iter().take(top).map(|remedy| {
        let call = code(&short_call(&remedy.resource));
        let change = |change: &PolicyChange| {
            format!(
                "{}: {}",
                code(&target(change)),
                code_in_full(&json_in_a_line(&change.statement))
            )
        };
        let blocked = |cited: &Cited| {
            format!("denied by {}", code(&format!("{}:{}", cited.policy, cited.line)))
        };
        let blocked = remedy.blocked_by.iter().map(blocked);
        let then = (!remedy.changes.is_empty()).then(|| format!("then {}", code(&then(remedy))));
        let changes = remedy.changes.iter().map(change);
        let what: Vec<String> = changes.chain(then).chain(blocked).collect();
        let also: u64 = remedy.also_allows.iter().map(|also| also.requests).sum();
        let who = code(&names.name(&remedy.principal));
        [call, who, number(remedy.requests), what.join("<br>"), number(also)]
    });
    let head = ["Denied call", "Principal", "-Requests", "To add", "-Also allowed, at most"];
    let rows: Vec<_> = rows.collect();
    match rows.is_empty() {
        true => String::new(),
        false => folded("What would allow them", &table(head, rows.into_iter())),
    }
}

/// What was allowed, and by no current policy.
fn unexplained(report: &Report, top: usize) -> String {
    let lines = of_unexplained::lines(report.unexplained.as_deref().unwrap_or_default());
    if lines.is_empty() {
        return String::new();
    }
    let rows = lines.iter().take(top).map(|line| {
        let (caller, call) = (code(&line.caller), code(&line.call));
        [call, caller, number(line.requests), seen(line.first, line.last), code(line.decision)]
    });
    let head = [of_unexplained::TITLE, "Caller", "-Requests", "Seen, UTC", "Decision now"];
    table(head, rows) + &rest(lines.iter().skip(top).map(|line| line.requests), "line")
}

fn limits(limits: &[LimitReport], top: usize) -> String {
    if limits.is_empty() {
        return String::new();
    }
    let told = |value: Option<u64>| value.map_or("?".to_owned(), number);
    let rows = limits.iter().take(top).map(|limit| {
        let name = of_limits::name(&limit.key);
        let refused = number(limit.throttled);
        [
            code(&name),
            told(limit.limit),
            told(limit.lowest_remaining) + &of_limits::of_then(limit),
            number(limit.requests),
            refused,
        ]
    });
    let table = table(["Rate limit", "-Limit", "-Lowest left", "-Requests", "-Refused"], rows);
    let rest = rest(limits.iter().skip(top).map(|limit| limit.requests), "limit");
    outlooks(limits, top) + &table + &rest
}

/// When limits will be reached, where that is expected.
fn outlooks(limits: &[LimitReport], top: usize) -> String {
    let reached = limits
        .iter()
        .filter(|limit| limit.forecast.as_ref().is_some_and(|forecast| forecast.reached.is_some()));
    let line = |limit: &LimitReport| {
        let name = of_limits::name(&limit.key);
        let (of, outlook) = (number(limit.limit?), of_limits::outlook(limit)?);
        // Whoever takes the most is named by the log, so it stands in a code span.
        let (outlook, heaviest) = outlook.split_once("; ").unwrap_or((&outlook, ""));
        let heaviest = heaviest.rsplit_once(" takes ");
        let heaviest = heaviest.map(|(who, part)| format!("; {} takes {part}", code(who)));
        let heaviest = heaviest.unwrap_or_default();
        Some(format!("- {}: its limit of {of} {outlook}{heaviest}\n", code(&name)))
    };
    let mut lines: String = reached.clone().take(top).filter_map(line).collect();
    if let more @ 1.. = reached.skip(top).count() {
        lines.push_str(&format!("- … and {}\n", count(more as u64, "other limit")));
    }
    if lines.is_empty() { lines } else { lines + "\n" }
}

/// What a cache would have saved.
fn repeated(report: &Report, top: usize) -> String {
    let Some(sentence) = cache::sentence(report) else { return String::new() };
    let routes = &report.cache.routes;
    let rows = routes.iter().take(top).map(|route| {
        let most = route.saved.last().map_or((0, 0), |saved| (saved.shared, saved.shared_error));
        let advised = duration(route.advised_ttl_seconds);
        [code(&route.route), number(route.reads), cache::estimate(most.0, most.1), advised]
    });
    let table = table(["Repeated read", "-Reads", "-Saved in an hour", "-Advised"], rows);
    let estimates = match table.contains('±') || sentence.contains('±') {
        true => format!("; {}", cache::ESTIMATES),
        false => String::new(),
    };
    format!("A{}{estimates}.\n\n{table}", sentence.trim_start_matches('a'))
}

/// What is otherwise than in another period.
fn compared(report: &Report, top: usize) -> String {
    let Some(with) = &report.comparison else { return String::new() };
    let rows = with.routes.iter().take(top).map(|route| {
        let counts = [route.requests.before, route.requests.now].map(number);
        let [before, now] = counts;
        [code(&route.name), before, now, comparison::change(route.requests)]
    });
    let change = if with.is_by_the_hour() { "-Change an hour" } else { "-Change" };
    let table = table(["Compared route", "-Before", "-Now", change], rows);
    let uncovered: String = with.uncovered().map(|sentence| format!("; {sentence}")).collect();
    format!("{}{uncovered}.\n\n{table}", comparison::sentence(with))
}

fn routes(report: &Report, top: usize) -> String {
    let routes = &report.usage.routes;
    let ms = |value: Option<u64>| value.map_or("–".to_owned(), number);
    let rows = routes.iter().take(top).map(|route| {
        let errors = [number(route.client_errors), number(route.failed)];
        let [client, failed] = errors;
        let name = code(&format!("{} {}", route.method, route.route));
        [
            name,
            number(route.requests),
            client,
            failed,
            ms(route.p50_ms),
            ms(route.p95_ms),
            ms(route.p99_ms),
        ]
    });
    let head = ["Route", "-Requests", "-4xx", "-5xx", "-p50 ms", "-p95 ms", "-p99 ms"];
    let rest = rest(routes.iter().skip(top).map(|route| route.requests), "route");
    folded("Routes", &(table(head, rows) + &rest))
}

fn principals(report: &Report, top: usize) -> String {
    let principals = &report.usage.principals;
    if !has_sessions(&report.usage) {
        return String::new();
    }
    let names = ShortNames::of(principals.iter().map(|it| &*it.principal));
    let rows = principals.iter().take(top).map(|it| {
        let [requests, refused, throttled, failed] = it.used.counts().map(number);
        [code(&names.name(&it.principal)), sessions(it), requests, refused, throttled, failed]
    });
    let head = ["Principal", "-Sessions", "-Requests", "-Refused", "-Throttled", "-Failed"];
    let rest = rest(principals.iter().skip(top).map(|it| it.used.requests), "principal");
    folded("Principals", &(table(head, rows) + &rest))
}

fn callers(report: &Report, top: usize) -> String {
    let callers = &report.usage.callers;
    let names = ShortNames::of(callers.iter().map(|caller| caller.caller));
    let rows = callers.iter().take(top).map(|caller| {
        let [requests, refused, throttled, failed] = caller.used.counts().map(number);
        [code(&names.name(caller.caller)), requests, refused, throttled, failed]
    });
    let table = table(["Caller", "-Requests", "-Refused", "-Throttled", "-Failed"], rows);
    let rest = rest(callers.iter().skip(top).map(|caller| caller.used.requests), "caller");
    folded("Callers", &(table + &rest))
}

/// Usage by whatever was asked for.
fn breakdowns(report: &Report, top: usize) -> String {
    let tables = report.breakdowns.iter();
    tables.map(|it| breakdown(it, top)).collect::<Vec<String>>().join("\n")
}

fn breakdown(breakdown: &BreakdownReport, top: usize) -> String {
    let ms = |value: Option<u64>| value.map_or("–".to_owned(), number);
    let names = Values::of(breakdown);
    let rows = breakdown.groups.iter().take(top).map(|group| {
        let values = names.of_group(group);
        let mut cells: Vec<String> = values.iter().map(|value| code(value)).collect();
        cells.extend(group.used.counts().map(number));
        cells.extend([group.p50_ms, group.p95_ms, group.p99_ms].map(ms));
        cells
    });
    let by: Vec<String> = breakdown.by.iter().map(|by| capitalised(by)).collect();
    let mut head: Vec<&str> = by.iter().map(String::as_str).collect();
    head.extend(["-Requests", "-Refused", "-Throttled", "-Failed"]);
    head.extend(["-p50 ms", "-p95 ms", "-p99 ms"]);
    let rest = rest(breakdown.groups.iter().skip(top).map(|group| group.used.requests), "group");
    format!("By {}\n\n{}{rest}", breakdown.by.join(" and "), table(head, rows))
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn agreement(report: &Report) -> String {
    let Some(agreement) = &report.agreement else { return String::new() };
    format!(
        "Log and policies agree on {}, disagree on {}; {} cannot be compared.\n",
        count(agreement.agreeing, "request"),
        number(agreement.disagreeing),
        number(agreement.undetermined)
    )
}

fn lines(report: &Report) -> String {
    let files = match report.lines.files {
        0 => String::new(),
        files => format!(" in {}", count(files, "file")),
    };
    let read = format!("{}{files} read.\n", count(report.lines.total, "line"));
    match report.left_out {
        0 => read,
        _ => format!(
            "{read}{}.\n",
            left_out("request", report.left_out, report.left_out_without_time)
        ),
    }
}

/// A table. A name that begins with `-` is that of a column of numbers.
fn table<'h, R: AsRef<[String]>>(
    head: impl AsRef<[&'h str]>,
    rows: impl Iterator<Item = R>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let of_head = |of: fn(&str) -> &str| {
        let cells = head.as_ref().iter().map(|name| of(name).to_owned());
        line(&cells.collect::<Vec<String>>())
    };
    let names = of_head(|name| name.trim_start_matches('-'));
    let rules = of_head(|name| if name.starts_with('-') { "---:" } else { "---" });
    names + &rules + &rows.map(|cells| line(cells.as_ref())).collect::<String>()
}

/// What a table leaves out.
fn rest(requests: impl Iterator<Item = u64>, noun: &str) -> String {
    let (left_out, requests) = requests.fold((0, 0), |(n, sum), more| (n + 1, sum + more));
    match left_out {
        0 => String::new(),
        _ => format!(
            "\n… and {} with {}\n",
            count(left_out, &format!("other {noun}")),
            count(requests, "request")
        ),
    }
}

fn folded(name: &str, content: &str) -> String {
    format!("<details><summary>{name}</summary>\n\n{content}\n</details>\n")
}

/// A code span with any text in it, fit for a cell of a table. What cannot be seen is shown, as it is in
/// text.
///
/// Its fence is longer than any run of back-ticks inside. A `|` would end the cell even in a code
/// span, and how it is escaped depends on what stands before it; so a text with one is written in
/// character references, which are never markup.
fn code(text: &str) -> String {
    code_in_full(&cut(text, NAME_MAX))
}

fn code_in_full(text: &str) -> String {
    let line = in_a_line(text);
    if line.contains('|') {
        return format!("<code>{}</code>", references(&line));
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let edge = line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) || line.is_empty();
    let space = if edge { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

fn references(text: &str) -> String {
    let reference = |character: char| match character {
        c if c.is_alphanumeric() || c == ' ' => c.to_string(),
        c => format!("&#{};", u32::from(c)),
    };
    text.chars().map(reference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(code(text), expected, "{text:?}");
    }

    #[test]
    fn code_holds_any_text() {
        check("GET /pets", "`GET /pets`");
        check("@everyone <img src=x>", "`@everyone <img src=x>`");
        check("a `b` ``c", "```a `b` ``c```");
        check("`", "`` ` ``");
        check("two\nlines", "`two\\nlines`");
        check("evil\u{202e}gnp", "`evil\\u{202e}gnp`");
    }

    #[test]
    fn a_pipe_ends_no_cell() {
        check("a\\|<b>", "<code>a&#92;&#124;&#60;b&#62;</code>");
    }
}
