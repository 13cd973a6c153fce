//! The golden table over all answers, and the law.

use super::*;

const GOLDEN: &str = include_str!("../../../../fixtures/secrets/advice.tsv");

const SECRECIES: [(&str, Secrecy); 3] =
    [("config", Secrecy::Config), ("shared", Secrecy::Shared), ("user-owned", Secrecy::UserOwned)];

const UNIQUENESSES: [(&str, Uniqueness); 3] = [
    ("static", Uniqueness::Static),
    ("per-stage", Uniqueness::PerStage),
    ("per-actor", Uniqueness::PerActor),
];

fn named<T: Copy>(names: [(&str, T); 3], name: &str) -> T {
    names.iter().find(|(known, _)| *known == name).unwrap().1
}

/// A row of the table: the answers, the outcome, the numbers of the rules.
fn row(line: &str) -> (Profile, &str, &str) {
    let columns: Vec<&str> = line.split('\t').collect();
    let [secrecy, uniqueness, letters, outcome, rules] = columns[..] else { panic!("{line}") };
    let profile = Profile {
        secrecy: named(SECRECIES, secrecy),
        uniqueness: named(UNIQUENESSES, uniqueness),
        database_login: letters.contains('D'),
        third_party_api: letters.contains('A'),
        shared_across_contexts: letters.contains('C'),
        validated_at_use: letters.contains('V'),
        rotation_touches_several: letters.contains('S'),
        public_artefact: letters.contains('P'),
        read_back: letters.contains('R'),
        rebuild_acceptable: letters.contains('B'),
    };
    (profile, outcome, rules)
}

fn rows() -> impl Iterator<Item = (Profile, &'static str, &'static str)> {
    GOLDEN.lines().filter(|line| !line.starts_with('#')).map(row)
}

fn number(rule: Rule) -> String {
    (Rule::ALL.iter().position(|known| *known == rule).unwrap() + 1).to_string()
}

#[test]
fn every_combination_of_answers_is_decided_as_the_table_says() {
    let mut profiles = std::collections::HashSet::new();
    for (profile, outcome, rules) in rows() {
        let advice = advise(&profile);
        let reasons: Vec<String> = advice.reasons.into_iter().map(number).collect();
        assert_eq!(
            (advice.outcome.name(), reasons.join(" ").as_str()),
            (outcome, rules),
            "{profile:?}"
        );
        profiles.insert(profile);
    }
    assert_eq!(profiles.len(), 3 * 3 * 256);
}

#[test]
fn more_secret_or_more_various_is_never_less_protected() {
    for (profile, ..) in rows() {
        let protection = advise(&profile).outcome.protection();
        let more = SECRECIES.iter().map(|(_, secrecy)| Profile { secrecy: *secrecy, ..profile });
        let more = more.filter(|other| other.secrecy > profile.secrecy);
        let wider = UNIQUENESSES
            .iter()
            .map(|(_, uniqueness)| Profile { uniqueness: *uniqueness, ..profile });
        let wider = wider.filter(|other| other.uniqueness > profile.uniqueness);
        for other in more.chain(wider) {
            let raised = advise(&other).outcome.protection();
            assert!(raised >= protection, "{profile:?} {protection}, {other:?} {raised}");
        }
    }
}

#[test]
fn every_rule_and_every_outcome_is_reached() {
    let advices: Vec<Advice> = rows().map(|(profile, ..)| advise(&profile)).collect();
    for rule in Rule::ALL {
        assert!(advices.iter().any(|advice| advice.reasons.first() == Some(&rule)), "{rule:?}");
    }
    for outcome in Outcome::ALL {
        assert!(advices.iter().any(|advice| advice.outcome == outcome), "{outcome:?}");
    }
}
