//! Token buckets call by call, and fair shares by trying them all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{requests, role, text, time};

const MINUTE: u64 = 60_000;

pub(super) fn check(limit: &Value, answers: &[&Value]) {
    let told = limit["limit"].as_u64().unwrap();
    let lowest = limit["lowestRemaining"].as_u64().unwrap();
    let advice = &limit["advice"];
    if lowest * 10 >= told {
        assert!(advice.is_null(), "{advice}");
        return;
    }
    assert_eq!(advice["intervalSeconds"], 60);
    let window = limit["windowSeconds"].as_f64().unwrap();
    check_bucket(&advice["bucket"], told as f64 / cost(limit), window, answers);
    check_slow(advice["slow"].as_array().unwrap(), told as f64 / cost(limit), window, answers);
}

fn cost(limit: &Value) -> f64 {
    limit["costPerRequest"].as_f64().unwrap()
}

fn check_bucket(bucket: &Value, limit: f64, window: f64, answers: &[&Value]) {
    let calls = by_minute(answers.iter().copied());
    assert_eq!(bucket["calls"], answers.len());
    let (rate, burst) = check_keeps(bucket, limit, window);
    let refused = bucket["refused"].as_u64().unwrap();
    let (exact, minutes) = refused_by(rate, burst, &calls);
    assert!(refused.abs_diff(exact) <= minutes, "{refused} for {exact}");
    // None of the other buckets that keep the limit refuses fewer.
    for part in 1..20 {
        let burst = (limit * f64::from(part) / 20.0).floor().max(2.0);
        let (other, minutes) = refused_by((limit - burst) / window, burst, &calls);
        assert!(refused <= other + minutes, "{refused} with {burst} instead of {other}");
    }
    let by: u64 = bucket["by"].as_array().unwrap().iter().map(requests).sum();
    assert_eq!(by, refused);
}

/// The rate and the burst of a bucket, which let through no more than the limit in any window.
fn check_keeps(bucket: &Value, limit: f64, window: f64) -> (f64, f64) {
    let [rate, burst] = ["ratePerSecond", "burst"].map(|name| bucket[name].as_f64().unwrap());
    let most = burst + rate * window;
    assert!(most <= limit * 1.001 && most > limit * 0.99 - 1.0, "{most} of {limit}");
    (rate, burst)
}

fn by_minute<'a>(answers: impl Iterator<Item = &'a Value>) -> BTreeMap<u64, u64> {
    let mut calls = BTreeMap::new();
    for answer in answers {
        *calls.entry(time(answer) / MINUTE).or_default() += 1;
    }
    calls
}

/// How many calls a bucket refuses, of calls that come evenly within each minute, and in how many
/// minutes it refuses any.
fn refused_by(rate: f64, burst: f64, calls: &BTreeMap<u64, u64>) -> (u64, u64) {
    let (mut tokens, mut last, mut refused, mut minutes) = (burst, 0.0, 0, 0);
    for (minute, count) in calls {
        let before = refused;
        for call in 1..=*count {
            let at = *minute as f64 * 60.0 + 60.0 * call as f64 / *count as f64;
            tokens = f64::min(tokens + rate * (at - last), burst);
            last = at;
            if tokens >= 1.0 - 1e-9 {
                tokens -= 1.0;
            } else {
                refused += 1;
            }
        }
        minutes += u64::from(refused > before);
    }
    (refused, minutes)
}

fn check_slow(slow: &[Value], limit: f64, window: f64, answers: &[&Value]) {
    let seconds = window as u64;
    let mut windows: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::new();
    for answer in answers {
        let window = windows.entry(time(answer) / 1000 / seconds).or_default();
        *window.entry(role(answer)).or_default() += 1;
    }
    let heaviest = windows.values().map(|uses| uses.values().sum::<u64>()).max().unwrap();
    let uses = windows.values().find(|uses| uses.values().sum::<u64>() == heaviest).unwrap();
    let target = (limit * 0.9) as u64;
    let kept = |share: u64| uses.values().map(|used| *used.min(&share)).sum::<u64>() <= target;
    let share = (0..=target).rev().find(|share| kept(*share)).unwrap();
    let expected: BTreeMap<&str, u64> = uses
        .iter()
        .filter(|(_, used)| **used > share)
        .map(|(role, used)| (role.as_str(), *used))
        .collect();
    assert_eq!(slow.len(), expected.len());
    for each in slow {
        let principal = each["principal"].as_str().unwrap();
        assert_eq!(each["requests"], expected[principal]);
        assert_eq!(each["share"], share);
        let own = answers.iter().copied().filter(|answer| role(answer) == principal);
        let (rate, burst) = check_keeps(each, share as f64, window);
        let (exact, minutes) = refused_by(rate, burst, &by_minute(own));
        let refused = each["refused"].as_u64().unwrap();
        assert!(refused.abs_diff(exact) <= minutes, "{refused} for {exact}");
    }
    assert!(answers.iter().all(|answer| text(answer, "rlLimit") != "-"));
}
