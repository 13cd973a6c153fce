//! Assumptions as people type them: `--assume KEY=VALUE`.

use tollgate_analyzer::{Assumption, referenced_keys};
use tollgate_policy::Key;
use tollgate_store::{Account, suggestion};

use crate::diagnose::Problem;
use crate::world::World;

/// Reads `KEY=VALUE`.
pub(crate) fn parse(text: &str) -> Result<Assumption, String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a condition key and its value, `aws:PrincipalTag/team=blue`".to_owned()),
    }
}

/// Refuses two values for one key, and says which keys no policy of these accounts refers to.
pub(crate) fn check<'a>(
    assumed: &[Assumption],
    accounts: impl IntoIterator<Item = &'a Account>,
    world: &World,
) -> miette::Result<()> {
    if let Some(key) = twice(assumed) {
        return Err(Problem::new(format!("`{key}` is assumed twice")).into());
    }
    let known: Vec<&str> = accounts.into_iter().flat_map(referenced_keys).collect();
    for (key, _) in assumed {
        if !known.iter().any(|known| Key::new(known) == Key::new(key)) {
            let meant = suggestion(key, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
            world.complain(&format!("--assume {key}: no policy refers to this key{meant}"));
        }
    }
    Ok(())
}

/// The first key that there was before, in whatever case.
fn twice(assumed: &[Assumption]) -> Option<&str> {
    let again = assumed.iter().enumerate().find(|(place, (key, _))| {
        let mut before = assumed.iter().take(*place);
        before.any(|(before, _)| Key::new(before) == Key::new(key))
    });
    again.map(|(_, (key, _))| key.as_str())
}
