//! The map, `ARCHITECTURE.md`: which crates there are, and what each depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support;

/// Names of crates, without `tollgate-`.
type Names = BTreeSet<String>;

/// The crates as the table of the map has them, with what each depends on; `None` for all.
fn told() -> BTreeMap<String, Option<Names>> {
    let text = fs::read_to_string(support::top().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `crates/"));
    let row = |row: &str| {
        let (name, rest) = row.split_once('`').unwrap();
        let cell = rest.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names = cell.split(", ").filter(|name| *name != "–").map(str::to_owned);
        (name.to_owned(), (cell != "all").then(|| names.collect()))
    };
    rows.map(row).collect()
}

/// What a crate's `[dependencies]` are of ours.
fn dependencies(name: &str) -> Names {
    let path = support::top().join("crates").join(name).join("Cargo.toml");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let own = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let name = line.strip_prefix("tollgate-")?;
        Some(name.split(['.', ' ', '=']).next().unwrap().to_owned())
    });
    own.collect()
}

#[test]
fn the_map_has_every_crate_and_what_it_depends_on() {
    let told = told();
    let folders = fs::read_dir(support::top().join("crates")).unwrap();
    let folders: Names =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(told.keys().cloned().collect::<Names>(), folders);
    for (name, names) in told {
        if let Some(names) = names {
            assert_eq!(names, dependencies(&name), "`crates/{name}`");
        }
    }
}
