//! Repeated reads, counted with sets of everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{path, role, route, text, time};

pub(super) fn check(cache: &Value, requests: &[Value]) {
    let answered = |request: &&Value| text(request, "status").starts_with('2');
    let reads: Vec<&Value> = requests
        .iter()
        .filter(answered)
        .filter(|request| text(request, "httpMethod") == "GET")
        .collect();
    assert_eq!(cache["reads"], reads.len());
    let mut routes: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for &read in &reads {
        routes.entry(route(read)).or_default().push(read);
    }
    check_saved(&cache["saved"], &reads);
    routes.retain(|_, reads| saved(reads, 3600, false) > 0);
    let found = cache["routes"].as_array().unwrap();
    assert_eq!(found.len(), routes.len());
    for reported in found {
        let reads = &routes[reported["route"].as_str().unwrap()];
        assert_eq!(reported["reads"], reads.len(), "{reported}");
        check_saved(&reported["saved"], reads);
        let enough = saved(reads, 3600, false) as f64 * 0.8;
        let advised =
            [10, 60, 300, 3600].into_iter().find(|ttl| saved(reads, *ttl, false) as f64 >= enough);
        assert_eq!(reported["advisedTtlSeconds"].as_u64(), advised, "{reported}");
    }
}

fn check_saved(reported: &Value, reads: &[&Value]) {
    let reported = reported.as_array().unwrap();
    assert_eq!(reported.len(), 4);
    for (each, ttl) in reported.iter().zip([10, 60, 300, 3600]) {
        assert_eq!(each["ttlSeconds"], ttl);
        assert_eq!(each["shared"], saved(reads, ttl, false), "{ttl}");
        assert_eq!(each["own"], saved(reads, ttl, true), "{ttl}");
        assert_eq!((&each["sharedError"], &each["ownError"]), (&0.into(), &0.into()));
    }
}

/// All reads but the first of each window.
fn saved(reads: &[&Value], ttl: u64, own: bool) -> usize {
    let kinds: BTreeSet<_> = reads
        .iter()
        .map(|read| {
            let by = if own { role(read) } else { String::new() };
            let place = (text(read, "apiId"), text(read, "stage"));
            (place, path(read), text(read, "credential"), by, time(read) / (ttl * 1000))
        })
        .collect();
    reads.len() - kinds.len()
}
