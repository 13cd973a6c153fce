//! The forecast of two days: each hour is expected to be as the mean of both.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{millis, text, time};

const HOUR: u64 = 3_600_000;

/// One in ten of a normal distribution lie beyond.
const TENTH: f64 = 1.281_551_565_545;

pub(super) fn check(limit: &Value, answers: &[&Value], all: &[Value]) {
    let forecast = &limit["forecast"];
    let last = all.iter().map(time).max().unwrap();
    let first = all.iter().map(time).min().unwrap();
    assert_eq!(millis(&forecast["from"]), last);
    assert_eq!(millis(&forecast["until"]), (2 * last - first) / 60_000 * 60_000);
    assert_eq!(forecast["profile"], "hourOfDay");
    assert!(forecast["trendPerDay"].is_null());
    let cost = cost(answers);
    let reported = limit["costPerRequest"].as_f64().unwrap();
    assert!((reported - cost).abs() < 0.001, "{reported} for {cost}");
    let hours = if limit["bucket"] == "search" { heaviest(answers) } else { used(answers, cost) };
    let days: Vec<[f64; 24]> = hours.chunks(24).map(|day| day.try_into().unwrap()).collect();
    let expected: Vec<f64> = (0..24).map(|hour| (days[0][hour] + days[1][hour]) / 2.0).collect();
    let above = spread(&hours, &expected);
    let high: Vec<f64> = expected
        .iter()
        .map(|most| most + if *most > 0.0 { above * (most + 1.0).sqrt() } else { 0.0 })
        .collect();
    let told = limit["limit"].as_f64().unwrap();
    check_most(&forecast["mostUsed"], &expected, told);
    check_most(&forecast["mostUsedAtMost"], &high, told);
    check_reached(&forecast["reached"], &expected, told, last);
    check_reached(&forecast["earliest"], &high, told, last);
    assert!(forecast["latest"].is_null());
}

/// The most of an hour, unless that is the limit.
fn check_most(reported: &Value, hours: &[f64], limit: f64) {
    let most = hours.iter().copied().fold(0.0, f64::max).min(limit);
    assert!((reported.as_f64().unwrap() - most).abs() <= 1.0, "{reported} for {most}");
}

/// The first hour of the third day that has the limit; none of the fourth, which is as the third.
fn check_reached(reported: &Value, hours: &[f64], limit: f64, last: u64) {
    let hour = (0..).zip(hours).find(|(_, most)| **most >= limit).map(|(hour, _)| hour);
    let third_day = last / (24 * HOUR) * 24 * HOUR + 24 * HOUR;
    let expected = hour.map(|hour: u64| third_day + hour * HOUR);
    assert_eq!((!reported.is_null()).then(|| millis(reported)), expected);
}

fn hour(answer: &Value, ms: u64) -> usize {
    let first_day = time(answer) / (24 * HOUR) == 20_522;
    usize::try_from(ms / HOUR % 24).unwrap() + if first_day { 0 } else { 24 }
}

/// What the hours used: answers, times what one takes.
fn used(answers: &[&Value], cost: f64) -> Vec<f64> {
    let mut hours = vec![0.0; 48];
    for answer in answers {
        hours[hour(answer, time(answer))] += cost;
    }
    hours
}

/// What the heaviest minute of each hour used.
fn heaviest(answers: &[&Value]) -> Vec<f64> {
    let mut hours = vec![0.0_f64; 48];
    for answer in answers {
        let left: f64 = text(answer, "rlRemaining").parse().unwrap();
        let at = hour(answer, time(answer));
        hours[at] = hours[at].max(30.0 - left);
    }
    hours
}

/// What one answer takes: the median of the windows that are whole and served ten calls or more.
fn cost(answers: &[&Value]) -> f64 {
    let mut windows: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let is_served =
        |answer: &&&Value| text(answer, "status") != "429" || text(answer, "rlRemaining") != "0";
    for answer in answers.iter().filter(is_served) {
        let [limit, left, reset] = ["rlLimit", "rlRemaining", "rlReset"]
            .map(|name| text(answer, name).parse::<u64>().unwrap());
        let window = windows.entry(reset).or_default();
        *window = (window.0 + 1, window.1.max(limit - left));
    }
    let whole = windows.values().take(windows.len() - 1).skip(1);
    let whole = whole.filter(|(served, _)| *served >= 10);
    let mut each: Vec<f64> = whole.map(|(served, used)| *used as f64 / *served as f64).collect();
    each.sort_by(f64::total_cmp);
    match each.len() {
        0 => 1.0,
        count => (each[(count - 1) / 2] + each[count / 2]) / 2.0,
    }
}

/// How far above what is expected nine hours in ten stay, for a phase seen twice.
fn spread(hours: &[f64], expected: &[f64]) -> f64 {
    let with_expected = hours.iter().zip(expected.iter().cycle());
    let mut differences: Vec<f64> = with_expected
        .filter(|(_, expected)| **expected > 0.0)
        .map(|(value, expected)| (value - expected) / (expected + 1.0).sqrt())
        .collect();
    differences.sort_by(f64::total_cmp);
    let rank = (differences.len() * 9).div_ceil(10);
    (differences[rank - 1] * 3.0_f64.sqrt()).max(TENTH)
}
