//! What the runs of a report were asked: what all of them have in common, and in what they differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tollgate_store::Account;

use crate::asked::Asked;
use crate::gather::Window;
use crate::text::{count, quoted};

/// One run, or several that were merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// How many there are.
    count: u64,
    /// What they were asked, once of those that were asked the same; nothing where it is not known.
    asked: BTreeSet<Option<Asked>>,
    /// What those are called that were asked the same.
    #[serde(skip)]
    names: BTreeMap<Option<Asked>, BTreeSet<String>>,
    /// What copies are called, and of what they are.
    #[serde(skip)]
    copies: BTreeSet<[String; 2]>,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs::of(None)
    }
}

impl From<Asked> for Runs {
    fn from(asked: Asked) -> Runs {
        Runs::of(Some(asked))
    }
}

/// The most runs, and copies of them, that are named together.
const NAMED: usize = 3;

/// The most questions that are told where runs were asked differently.
const QUESTIONS: usize = 10;

/// What is said of runs that left out duplicates.
const DUPLICATES: &str = "Duplicates are left out within each of the merged runs. Between them none are found, unless \
     the runs had a `--state` in common: a request that two of them read counts twice.";

impl Runs {
    fn of(asked: Option<Asked>) -> Runs {
        let (names, copies) = (BTreeMap::new(), BTreeSet::new());
        Runs { count: 1, asked: BTreeSet::from([asked]), names, copies }
    }

    /// Gives all of them a name to be told by.
    pub fn name(&mut self, name: &str) {
        let names = self.asked.iter().map(|it| (it.clone(), BTreeSet::from([name.to_owned()])));
        self.names = names.collect();
    }

    /// Notes that a copy of something was left out.
    pub fn note_copy(&mut self, copy: &str, of: &str) {
        self.copies.insert([copy.to_owned(), of.to_owned()]);
    }

    /// Adds other runs.
    pub(crate) fn merge(&mut self, other: Runs) {
        self.count += other.count;
        self.asked.extend(other.asked);
        for (asked, names) in other.names {
            self.names.entry(asked).or_default().extend(names);
        }
        self.copies.extend(other.copies);
    }

    /// Whether calls were replayed against another account than this one.
    pub fn had_another(&self, account: &Account) -> bool {
        self.known().any(|asked| asked.had_another(account))
    }

    /// Which requests count in all of the runs, and what was assumed of them: as options of the command
    /// line.
    pub fn options(&self) -> Vec<String> {
        let window = self.common_window();
        let mut each = self.asked.iter().map(|asked| match asked {
            Some(asked) => asked.options_within(window),
            None => Vec::new(),
        });
        let mut common = each.next().unwrap_or_default();
        each.for_each(|other| common.retain(|option| other.contains(option)));
        common
    }

    /// What runs that are compared with were asked otherwise, as far as that matters for usage, which is
    /// what is compared: a sentence for each.
    pub(crate) fn compared(&self, with: &Runs) -> Vec<String> {
        let [own, others] = [self, with]
            .map(|runs| runs.known().map(Asked::filter).collect::<BTreeSet<Option<&str>>>());
        if own.is_empty() || others.is_empty() {
            return Vec::new();
        }
        let in_words = |filters: &BTreeSet<Option<&str>>| {
            let each = filters.iter().map(|filter| filter.map_or("none".to_owned(), quoted));
            each.collect::<Vec<_>>().join(" or ")
        };
        let filter = (own != others).then(|| {
            format!(
                "What is compared with was gathered with another `--filter`: {}, here {}.",
                in_words(&others),
                in_words(&own)
            )
        });
        let [own, others] = [self, with]
            .map(|runs| runs.known().map(|it| it.accounts()[0]).collect::<BTreeSet<_>>());
        let account = (own != others).then(|| {
            "What is compared with was gathered with another `--account`: it may name callers and routes \
             otherwise."
                .to_owned()
        });
        filter.into_iter().chain(account).collect()
    }

    /// What is not of the same in all runs, or cannot be told of them together: a sentence for each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let options = self.differences();
        let differs = (!options.is_empty()).then(|| {
            format!(
                "What the merged runs were asked differs in `{}`: what depends on that is not of the same in all \
                 of them.",
                options.join("`, `")
            )
        });
        let is_dedup = self.count > 1 && self.known().any(Asked::is_dedup);
        let each = self.each_asked(&options);
        let duplicates = is_dedup.then(|| DUPLICATES.to_owned());
        differs.into_iter().chain(each).chain(duplicates).chain(self.left_out_copies()).collect()
    }

    /// What some runs were asked differently than others, as the options of the command line are called.
    fn differences(&self) -> Vec<&'static str> {
        let mut options = Asked::differences(self.known());
        if self.joined().is_none() {
            let bounds = [
                ("--since", self.same(|window| window.since)),
                ("--until", self.same(|window| window.until)),
            ];
            let differ = bounds.into_iter().filter(|(_, same)| same.is_none());
            options.extend(differ.map(|(name, _)| name));
        }
        options
    }

    /// Which runs were asked what, of some options.
    fn each_asked(&self, options: &[&str]) -> Vec<String> {
        let mut questions: BTreeMap<Option<Vec<String>>, BTreeSet<&str>> = BTreeMap::new();
        if options.is_empty() {
            return Vec::new();
        }
        for asked in &self.asked {
            let question = asked.as_ref().map(|asked| asked.options_of(options));
            let names = self.names.get(asked).into_iter().flatten().map(String::as_str);
            questions.entry(question).or_default().extend(names);
        }
        let others = questions.len().saturating_sub(QUESTIONS) as u64;
        let others = (others > 0).then(|| format!("{} more differ.", count(others, "question")));
        let each = questions.iter().take(QUESTIONS).map(|(question, names)| {
            let runs = listed(names.iter().copied()).unwrap_or_else(|| "Some runs".to_owned());
            match question {
                None => format!("{runs}: not known what was asked."),
                Some(options) if options.is_empty() => format!("{runs}: asked none of these."),
                Some(options) => {
                    let options: Vec<String> = options.iter().map(|it| quoted(it)).collect();
                    format!("{runs}: asked {}.", options.join(", "))
                }
            }
        });
        each.chain(others).collect()
    }

    /// That copies are not counted.
    fn left_out_copies(&self) -> Option<String> {
        let copy = |[copy, of]: &[String; 2]| format!("{} of {}", quoted(copy), quoted(of));
        let all: Vec<String> = self.copies.iter().map(copy).collect();
        match all.len() {
            0 => None,
            1 => Some(format!("A copy of another partial report counts once: {}.", all.join(""))),
            _ => Some(format!("Copies of partial reports count once: {}.", listed_as(&all))),
        }
    }

    /// From where the first begins to where the last ends.
    pub(crate) fn window(&self) -> Window {
        let whole = |of: fn(Window) -> Option<i64>, most: fn(i64, i64) -> i64| {
            let bounds = self.asked.iter().map(|asked| of(asked.as_ref()?.window()));
            bounds.reduce(|one, other| one.zip(other).map(|(one, other)| most(one, other)))?
        };
        Window {
            since: whole(|window| window.since, i64::min),
            until: whole(|window| window.until, i64::max),
        }
    }

    fn known(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().flatten()
    }

    /// The window of all runs, if it is one: where one ends, the next begins.
    fn joined(&self) -> Option<Window> {
        let windows = self.known().map(Asked::window);
        let windows: BTreeSet<_> = windows.map(|window| (window.since, window.until)).collect();
        let mut windows = windows.into_iter();
        let (since, until) = windows.next().unwrap_or_default();
        let until = windows.try_fold(until, |until, (since, next)| {
            (since.is_some() && since == until).then_some(next)
        })?;
        Some(Window { since, until })
    }

    /// The same, or else those of its bounds that all runs have.
    fn common_window(&self) -> Window {
        self.joined().unwrap_or_else(|| Window {
            since: self.same(|window| window.since).flatten(),
            until: self.same(|window| window.until).flatten(),
        })
    }

    /// A bound of all windows, if it is the same.
    fn same(&self, bound: fn(Window) -> Option<i64>) -> Option<Option<i64>> {
        let mut bounds = self.known().map(|asked| bound(asked.window()));
        let first = bounds.next().unwrap_or_default();
        bounds.all(|other| other == first).then_some(first)
    }
}

/// Names, as far as they are told; `None` if there are none.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<String> = names.map(quoted).collect();
    (!names.is_empty()).then(|| listed_as(&names))
}

/// What is listed, as far as it is told.
fn listed_as(all: &[String]) -> String {
    let (told, others) = all.split_at(all.len().min(NAMED));
    match others.len() as u64 {
        0 => told.join(", "),
        others => format!("{} and {}", told.join(", "), count(others, "other")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::gather::Analysis;

    /// Runs that were asked for these days.
    fn runs(windows: &[(Option<i64>, Option<i64>)], filter: Option<&Filter>) -> Runs {
        let asked = |(since, until): &(Option<i64>, Option<i64>)| {
            let ms = |day: &Option<i64>| day.map(|day| day * 86_400_000);
            let window = Window { since: ms(since), until: ms(until) };
            Asked::of(&Analysis { window, filter, ..Analysis::default() }, false)
        };
        let asked = windows.iter().map(asked).map(Some).collect();
        Runs { count: windows.len() as u64, asked, ..Runs::default() }
    }

    #[track_caller]
    fn check(runs: &Runs, options: &[&str], differ: &[&str]) {
        assert_eq!(runs.options(), options);
        let said = runs.sentences().into_iter().next().unwrap_or_default();
        let named = said.split('`').skip(1).step_by(2).collect::<Vec<_>>();
        assert_eq!(named, differ, "{said}");
    }

    #[test]
    fn runs_of_one_day_after_the_other_are_of_all_of_them() {
        let days = runs(&[(Some(2), Some(3)), (Some(0), Some(1)), (Some(1), Some(2))], None);
        check(&days, &["--since 1970-01-01T00:00:00Z", "--until 1970-01-04T00:00:00Z"], &[]);
        let halves = runs(&[(Some(1), None), (None, Some(1))], None);
        check(&halves, &[], &[]);
        assert_eq!((halves.window().since, halves.window().until), (None, None));
    }

    #[test]
    fn windows_with_a_gap_or_in_part_the_same_differ() {
        let gap = runs(&[(Some(0), Some(1)), (Some(2), Some(3))], None);
        check(&gap, &[], &["--since", "--until"]);
        assert_eq!((gap.window().since, gap.window().until), (Some(0), Some(3 * 86_400_000)));
        let shared = runs(&[(Some(0), Some(1)), (Some(0), None)], None);
        check(&shared, &["--since 1970-01-01T00:00:00Z"], &["--until"]);
        check(&runs(&[(None, None), (Some(1), None)], None), &[], &["--since"]);
        check(&runs(&[(None, Some(1)), (None, Some(2))], None), &[], &["--until"]);
    }

    #[test]
    fn duplicates_are_found_within_a_run() {
        let run = |dedup| Runs::from(Asked::of(&Analysis::default(), dedup));
        let merged = |one: bool, other: bool| {
            let mut both = run(one);
            both.merge(run(other));
            (both.options(), both.sentences())
        };
        let dedup = || vec!["--dedup".to_owned()];
        assert_eq!((run(true).options(), run(true).sentences()), (dedup(), Vec::new()));
        assert_eq!(merged(true, true), (dedup(), vec![DUPLICATES.to_owned()]));
        assert_eq!(merged(false, false), (Vec::new(), Vec::new()));
        let (options, said) = merged(false, true);
        assert!(options.is_empty() && said[0].contains("differs in `--dedup`:"), "{said:?}");
        let each = ["Some runs: asked none of these.", "Some runs: asked `--dedup`.", DUPLICATES];
        assert_eq!(said[1..], each);
    }

    #[test]
    fn where_runs_differ_each_is_told_by_its_name() {
        let filter = Filter::parse("status = 200").unwrap();
        let named = |name: &str, day, filter| {
            let mut run = runs(&[(Some(day), Some(day + 1))], filter);
            run.name(name);
            run
        };
        let mut all = named("a.json", 0, None);
        all.merge(named("b.json", 1, Some(&filter)));
        assert_eq!(
            all.sentences()[1..],
            ["`a.json`: asked none of these.", "`b.json`: asked `--filter status = 200`."]
        );
        (2..7).for_each(|day| all.merge(named(&format!("{day}.json"), day, Some(&filter))));
        let said = "`2.json`, `3.json`, `4.json` and 3 others: asked `--filter status = 200`.";
        assert_eq!(all.sentences()[2], said);
        // A day later than it should be.
        all.merge(named("c.json", 9, None));
        let said =
            "`c.json`: asked `--since 1970-01-10T00:00:00Z`, `--until 1970-01-11T00:00:00Z`.";
        assert!(all.sentences().iter().any(|it| it == said), "{:#?}", all.sentences());
        all.merge(Runs::default());
        assert!(all.sentences().iter().any(|it| it == "Some runs: not known what was asked."));
    }

    #[test]
    fn copies_are_told_by_their_names() {
        let mut run = Runs::default();
        run.note_copy("2.json", "0.json");
        let said = |run: &Runs| run.sentences().concat();
        assert_eq!(
            said(&run),
            "A copy of another partial report counts once: `2.json` of `0.json`."
        );
        (3..7).for_each(|copy| run.note_copy(&format!("{copy}.json"), "0.json"));
        let listed =
            "once: `2.json` of `0.json`, `3.json` of `0.json`, `4.json` of `0.json` and 2 others.";
        assert!(said(&run).ends_with(listed), "{}", said(&run));
    }

    #[test]
    fn what_only_some_were_asked_holds_for_none() {
        let filter = Filter::parse("status = 200").unwrap();
        let filtered = runs(&[(None, None)], Some(&filter));
        let mut both = runs(&[(None, None)], None);
        let compared = "What is compared with was gathered with another `--filter`: `status = 200`, here \
                        none.";
        assert_eq!(both.compared(&filtered), [compared]);
        assert!(both.compared(&both).is_empty() && both.compared(&Runs::default()).is_empty());
        both.merge(filtered.clone());
        check(&both, &[], &["--filter"]);
        check(&filtered, &["--filter status = 200"], &[]);
        // What is not known to be asked is not known to differ.
        let mut unknown = filtered;
        unknown.merge(Runs::default());
        check(&unknown, &[], &[]);
        assert!(unknown.window().since.is_none());
    }
}
