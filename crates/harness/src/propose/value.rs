//! Values of a condition key at which a condition may change its mind: what the policy names, and
//! what lies just beside it.

use std::net::IpAddr;

use jiff::SignedDuration;
use tollgate_policy::{Condition, Family, parse_instant};

use super::wildcard::{inside, outside};
use crate::call::Given;

/// What may be given for a condition's key.
pub(super) fn candidates(condition: &Condition) -> Vec<Given> {
    let test = condition.operator.value.test;
    let mut texts: Vec<String> = Vec::new();
    for value in &condition.values {
        texts.extend(around(test.family(), &value.value));
    }
    texts.push("other".to_owned());
    let mut given: Vec<Given> = texts.iter().map(|text| Given::One(text.as_str().into())).collect();
    given.push(Given::Absent);
    if condition.operator.value.quantifier.is_some() {
        given.extend(sets(condition, &texts));
    }
    given
}

/// Sets of one, of two that differ, of all that the policy names, and none.
fn sets(condition: &Condition, texts: &[String]) -> Vec<Given> {
    let named: Vec<String> = condition.values.iter().map(|value| value.value.clone()).collect();
    let set =
        |values: &[String]| Given::Set(values.iter().map(|text| text.clone().into()).collect());
    let mut sets = vec![set(&[]), set(&named)];
    for text in texts {
        sets.push(set(&[text.clone(), "other".to_owned()]));
        sets.extend(named.first().map(|first| set(&[first.clone(), text.clone()])));
    }
    sets
}

fn around(family: Family, value: &str) -> Vec<String> {
    match family {
        Family::String | Family::Arn => {
            let mut texts = inside(value);
            texts.push(value.to_ascii_uppercase());
            texts.push(value.to_ascii_lowercase());
            texts.extend(outside(value));
            texts
        }
        Family::Numeric => numbers(value),
        Family::Date => instants(value),
        Family::Bool => vec!["true".to_owned(), "false".to_owned()],
        Family::Binary => vec![value.to_owned(), "AAAA".to_owned()],
        Family::IpAddress => addresses(value),
        Family::Null => vec!["present".to_owned()],
    }
}

/// The number and its neighbours: one more and less, and for fractions the last digit's.
fn numbers(value: &str) -> Vec<String> {
    let mut texts = vec![value.to_owned()];
    match value.parse::<i128>() {
        Ok(number) => texts.extend([number - 1, number + 1].map(|number| number.to_string())),
        Err(_) => {
            let whole = value.split_once('.').and_then(|(whole, _)| whole.parse::<i128>().ok());
            let beside = |whole: i128| [whole - 1, whole + 2].map(|number| number.to_string());
            texts.extend(whole.into_iter().flat_map(beside));
        }
    }
    texts
}

/// The instant, a second before and a second after.
fn instants(value: &str) -> Vec<String> {
    let Some(instant) = parse_instant(value) else { return Vec::new() };
    let seconds = [0, -1, 1].map(SignedDuration::from_secs);
    let moved = seconds.into_iter().filter_map(|by| instant.checked_add(by).ok());
    moved.map(|instant| instant.to_string()).collect()
}

/// The first and last address of a range, those just outside, and one of the other family.
fn addresses(value: &str) -> Vec<String> {
    let (address, prefix) = value.split_once('/').unwrap_or((value, "128"));
    let Ok(address) = address.parse::<IpAddr>() else { return Vec::new() };
    let prefix: u32 = prefix.parse().unwrap_or(128);
    match address {
        IpAddr::V4(v4) => {
            let rest = u32::MAX.checked_shr(prefix.min(32)).unwrap_or(0);
            let first = v4.to_bits() & !rest;
            let halves =
                [first, first | rest, first.wrapping_sub(1), (first | rest).wrapping_add(1)];
            let mut texts: Vec<String> =
                halves.map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string()).to_vec();
            let middle = first | (rest >> 1).wrapping_add(1);
            texts.push(std::net::Ipv4Addr::from_bits(middle).to_string());
            texts.push("2001:db8::1".to_owned());
            texts
        }
        IpAddr::V6(v6) => {
            let rest = u128::MAX.checked_shr(prefix.min(128)).unwrap_or(0);
            let first = v6.to_bits() & !rest;
            let halves =
                [first, first | rest, first.wrapping_sub(1), (first | rest).wrapping_add(1)];
            let mut texts: Vec<String> =
                halves.map(|bits| std::net::Ipv6Addr::from_bits(bits).to_string()).to_vec();
            let middle = first | (rest >> 1).wrapping_add(1);
            texts.push(std::net::Ipv6Addr::from_bits(middle).to_string());
            texts.push("192.0.2.1".to_owned());
            texts
        }
    }
}
