//! Every format of a report is read back by a parser of that format.

use serde_json::Value;
use tap_parser::{DirectiveKind, TapParser, TapStatement};
use tollgate_harness::{Coverage, Format, Mutation, Report, Selection, Suite, run};

use crate::suite;

/// A test that passes, two that fail, and one that is skipped; names full of what formats escape.
const TEST: &str = r##"policies: { identity: pets.json }
principals: { dev: "arn:aws:iam::111122223333:role/dev" }
tests:
  - name: pets are readable
    principal: dev
    request: { method: GET, path: /pets/1 }
    context: { aws:SourceIp: 10.0.0.1 }
    expect: allow
  - name: "<&> \" 100 % # a, b: c \\ ]]> ü"
    principal: dev
    request: { method: PUT, path: /pets/1 }
    context: { aws:SourceIp: 10.0.0.1 }
    expect: allow
  - name: by another
    principal: dev
    request: { method: GET, path: /pets/1 }
    context: { aws:SourceIp: 192.0.2.1 }
    expect: deny
    by: SomethingElse
  - name: later
    principal: dev
    request: { method: GET, path: /pets/2 }
    expect: allow
    skip: "waits for the new network, #7"
"##;

fn report(suite: &Suite) -> Report<'_> {
    Report::of(run(suite, &Selection::default())).unwrap()
}

fn rendered(format: Format) -> String {
    report(&suite(TEST, &[])).render(format)
}

#[test]
fn pretty_shows_expected_and_actual_explanation_excerpt_and_near_misses() {
    insta::assert_snapshot!(rendered(Format::Pretty));
}

#[test]
fn junit_is_read_by_a_junit_parser() {
    let text = rendered(Format::Junit);
    let suites = junit_parser::from_reader(text.as_bytes()).unwrap();
    assert_eq!((suites.tests, suites.failures, suites.skipped), (4, 2, 1));
    let cases = &suites.suites[0].cases;
    assert_eq!(cases[1].original_name, "<&> \" 100 % # a, b: c \\ ]]> ü");
    assert_eq!((cases[1].file.as_deref(), cases[1].line), (Some("t.test.yaml"), Some(9)));
    assert!(cases[1].status.failure_as_ref().text.contains("near miss"));
    assert_eq!(cases[3].status.skipped_as_ref().message, "waits for the new network, #7");
    insta::assert_snapshot!(text);
}

#[test]
fn tap_is_read_by_a_tap_parser() {
    let text = rendered(Format::Tap);
    let mut parser = TapParser::new();
    let statements = parser.parse(&text).unwrap();
    let points: Vec<_> = statements
        .iter()
        .filter_map(|statement| match statement {
            TapStatement::TestPoint(point) => Some(point),
            _ => None,
        })
        .collect();
    let results: Vec<bool> = points.iter().map(|point| point.result).collect();
    assert_eq!(results, [true, false, false, true]);
    assert!(points[1].yaml.iter().any(|line| line.contains("near miss")));
    assert!(matches!(points[3].directive.as_ref().unwrap().kind, DirectiveKind::Skip));
    insta::assert_snapshot!(text);
}

#[test]
fn the_yaml_within_tap_is_yaml() {
    let text = rendered(Format::Tap);
    let blocks = text.split("  ---\n").skip(1).map(|rest| rest.split("  ...\n").next().unwrap());
    for block in blocks {
        let events = saphyr_parser::Parser::new_from_str(block);
        assert!(events.into_iter().all(|event| event.is_ok()), "{block}");
    }
}

/// Reads a workflow command as GitHub's runner does: `::NAME KEY=VALUE,KEY=VALUE::DATA`.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let rest = line.strip_prefix("::").unwrap();
    let (head, data) = rest.split_once("::").unwrap();
    let (name, properties) = head.split_once(' ').unwrap();
    let unescape = |text: &str| {
        let text = text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n");
        text.replace("%0D", "\r").replace("%25", "%")
    };
    let property = |text: &str| {
        let (key, value) = text.split_once('=').unwrap();
        (key.to_owned(), unescape(value))
    };
    (name.to_owned(), properties.split(',').map(property).collect(), unescape(data))
}

#[test]
fn github_commands_are_one_line_each_and_read_back() {
    let text = rendered(Format::Github);
    let commands: Vec<_> = text.lines().map(command).collect();
    let names: Vec<&str> = commands.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["error", "error", "notice"]);
    let (_, properties, data) = &commands[0];
    let expected = [
        ("file", "t.test.yaml"),
        ("line", "9"),
        ("col", "5"),
        ("title", "t.test.yaml::<&> \" 100 % # a, b: c \\ ]]> ü"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(properties.as_slice(), expected);
    assert!(data.contains("near miss"), "{data}");
    insta::assert_snapshot!(text);
}

#[test]
fn sarif_is_read_by_a_sarif_parser() {
    let text = rendered(Format::Sarif);
    let sarif: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    let results = sarif.runs[0].results.as_ref().unwrap();
    assert_eq!(results.len(), 2);
    let location = &results[0].locations.as_ref().unwrap()[0];
    let region = location.physical_location.as_ref().unwrap().region.as_ref().unwrap();
    assert_eq!((region.start_line, region.start_column), (Some(9), Some(5)));
    insta::assert_snapshot!(text);
}

#[test]
fn json_fits_its_schema() {
    let suite = suite(TEST, &[]);
    let mut report = report(&suite);
    report.coverage = Some(Coverage::measure(&report.run));
    report.mutation = Some(Mutation::test(&report.run, None));
    let document: Value = serde_json::from_str(&report.render(Format::Json)).unwrap();
    crate::schemas::check("test-report.schema.json", &document);
    assert_eq!(document["counts"]["failed"], 2);
}

#[test]
fn lcov_is_read_by_an_lcov_parser() {
    let suite = suite(TEST, &[]);
    let text = Coverage::measure(&report(&suite).run).lcov();
    let report = lcov::Report::from_reader(lcov::Reader::new(text.as_bytes())).unwrap();
    let (key, section) = report.sections.iter().next().unwrap();
    assert_eq!(key.source_file.to_str(), Some("pets.json"));
    assert_eq!(section.functions.len(), 2);
    insta::assert_snapshot!(text);
}

#[test]
fn html_is_read_by_an_html_parser() {
    let suite = suite(TEST, &[]);
    let html = Coverage::measure(&report(&suite).run).html();
    let dom = tl::parse(&html, tl::ParserOptions::default()).unwrap();
    let parser = dom.parser();
    let count = |selector: &str| dom.query_selector(selector).unwrap().count();
    let text = |selector: &str| {
        let node = dom.query_selector(selector).unwrap().next().unwrap();
        node.get(parser).unwrap().inner_text(parser).into_owned()
    };
    assert_eq!(text("title"), "policy coverage");
    assert!(text("h1").starts_with("Policy coverage "), "{}", text("h1"));
    // A header, two statements, and every line of the policy.
    assert_eq!(count("tr"), 1 + 2 + crate::PETS.lines().count());
}

#[test]
fn the_same_run_reports_the_same() {
    for (_, format) in Format::NAMES {
        assert_eq!(rendered(format), rendered(format));
    }
}
