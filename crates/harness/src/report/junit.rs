//! JUnit XML: a `testsuite` a file, a `testcase` a cell, with file and line.

use std::collections::BTreeMap;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};

use super::{Entry, EntryStatus, Report};

pub(super) fn render(report: &Report<'_>) -> String {
    let mut suites: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in report.entries() {
        suites.entry(entry.file.clone()).or_default().push(entry);
    }
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 2));
    xml.write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let all = || suites.values().flatten();
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", "tollgate test"));
    counts(&mut root, all());
    xml.within(root, |xml| {
        for (file, entries) in &suites {
            suite(xml, file, entries);
        }
    });
    xml.finish()
}

fn suite(xml: &mut Xml, file: &str, entries: &[Entry]) {
    let mut element = BytesStart::new("testsuite");
    element.push_attribute(("name", allowed(file).as_str()));
    counts(&mut element, entries.iter());
    xml.within(element, |xml| entries.iter().for_each(|entry| case(xml, entry)));
}

fn counts<'e>(element: &mut BytesStart<'_>, entries: impl Iterator<Item = &'e Entry>) {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for entry in entries {
        tests += 1;
        match entry.status {
            EntryStatus::Passed => {}
            EntryStatus::Failed { .. } => failures += 1,
            EntryStatus::Skipped(_) => skipped += 1,
        }
    }
    for (name, number) in
        [("tests", tests), ("failures", failures), ("errors", 0), ("skipped", skipped)]
    {
        element.push_attribute((name, number.to_string().as_str()));
    }
}

fn case(xml: &mut Xml, entry: &Entry) {
    let at = entry.place.position();
    let mut element = BytesStart::new("testcase");
    element.push_attribute(("classname", allowed(&entry.file).as_str()));
    element.push_attribute(("name", allowed(&entry.name).as_str()));
    element.push_attribute(("file", allowed(entry.place.file()).as_str()));
    element.push_attribute(("line", at.line.to_string().as_str()));
    match &entry.status {
        EntryStatus::Passed => xml.write(Event::Empty(element)),
        EntryStatus::Skipped(reason) => xml.within(element, |xml| {
            let mut skipped = BytesStart::new("skipped");
            skipped.push_attribute(("message", allowed(reason).as_str()));
            xml.write(Event::Empty(skipped));
        }),
        EntryStatus::Failed { kind, message, detail } => xml.within(element, |xml| {
            let mut failure = BytesStart::new("failure");
            failure.push_attribute(("type", *kind));
            failure.push_attribute(("message", allowed(message).as_str()));
            let detail = allowed(detail);
            xml.within(failure, |xml| xml.write(Event::Text(BytesText::new(&detail))));
        }),
    }
}

/// The text without what no XML document can hold, not even escaped.
fn allowed(text: &str) -> String {
    let legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(legal).collect()
}

/// An XML document in memory, where writing cannot fail.
struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn write(&mut self, event: Event<'_>) {
        let written = self.0.write_event(event);
        debug_assert!(written.is_ok(), "a vector takes every write");
    }

    fn within(&mut self, start: BytesStart<'_>, content: impl FnOnce(&mut Xml)) {
        let name = start.to_end().into_owned();
        self.write(Event::Start(start.borrow()));
        content(self);
        self.write(Event::End(name));
    }

    fn finish(self) -> String {
        let mut text = String::from_utf8_lossy(&self.0.into_inner()).into_owned();
        text.push('\n');
        text
    }
}
