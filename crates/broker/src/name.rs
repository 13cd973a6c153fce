//! The names of the roles that a broker makes.
//!
//! `tollgate_PROFILE_CALLER_RANDOM`: whoever lists the server's roles sees which broker made one and
//! for whom, the broker knows its own, and nobody can guess one.

use std::fmt;

use crate::Profile;

/// The name of a role made by a broker: at most 63 bytes, lower-case letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

/// Letters and digits that are not mistaken for one another, thirty-two of them.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Eighty bits, five a letter.
const RANDOM_LETTERS: usize = 16;
/// What is left of 63 bytes for the caller when the profile's name is the longest.
const CALLER_BYTES_MAX: usize =
    63 - "tollgate_".len() - Profile::NAME_BYTES_MAX - 2 - RANDOM_LETTERS;

impl RoleName {
    /// The random bytes that a name takes.
    pub(crate) const RANDOM_BYTES: usize = RANDOM_LETTERS;

    /// A new name for a login of `caller`, whose ARN's last part is shown in it.
    pub(crate) fn new(profile: &Profile, caller: &str, random: &[u8; RANDOM_LETTERS]) -> Self {
        let mut name = Self::prefix(profile);
        name.extend(
            caller
                .rsplit(['/', ':'])
                .next()
                .unwrap_or_default()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(CALLER_BYTES_MAX)
                .map(|letter| letter.to_ascii_lowercase()),
        );
        name.push('_');
        // Thirty-two letters divide 256 evenly, so each is as likely as any other.
        let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        name.extend(letters.map(|letter| char::from(*letter)));
        Self(name)
    }

    /// What the names of all roles of a profile begin with. No other profile's names do.
    pub(crate) fn prefix(profile: &Profile) -> String {
        format!("tollgate_{}_", profile.name())
    }

    /// Reads a name as [`RoleName::new`] makes them; `None` for all others, so that no other role is
    /// ever touched.
    pub(crate) fn parse(name: &str, profile: &Profile) -> Option<Self> {
        let (caller, random) = name.strip_prefix(&Self::prefix(profile))?.split_once('_')?;
        let is_ours = caller.len() <= CALLER_BYTES_MAX
            && caller.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && random.len() == RANDOM_LETTERS
            && random.bytes().all(|byte| ALPHABET.contains(&byte));
        is_ours.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PublicAddress, SslMode};
    use proptest::prelude::*;

    fn profile(name: &str) -> Profile {
        let address =
            PublicAddress { host: "localhost".into(), port: 5432, ssl_mode: SslMode::Disable };
        Profile::new(name, "readers", "app", address).unwrap()
    }

    #[test]
    fn a_name_shows_the_broker_and_the_caller() {
        let caller = "arn:aws:sts::123456789012:assumed-role/Web/Web-1@eu";
        let name = RoleName::new(&profile("reports"), caller, &[0; 16]);
        assert_eq!(name.as_str(), "tollgate_reports_web1eu_aaaaaaaaaaaaaaaa");
    }

    #[test]
    fn other_roles_are_not_ours() {
        let reports = profile("reports");
        for other in [
            "postgres",
            "tollgate_reports_",
            "tollgate_reports_ana_short",
            "tollgate_reports_ana_AAAAAAAAAAAAAAAA",
            "tollgate_reports2_ana_aaaaaaaaaaaaaaaa",
            "tollgate_reports_a\"na_aaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(RoleName::parse(other, &reports), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_name_fits_and_is_known_again(
            broker in "[a-z][a-z0-9]{0,19}",
            caller in "\\PC{0,90}",
            random: [u8; 16],
        ) {
            let profile = profile(&broker);
            let name = RoleName::new(&profile, &caller, &random);
            prop_assert!(name.as_str().len() <= 63);
            prop_assert_eq!(RoleName::parse(name.as_str(), &profile), Some(name));
        }
    }
}
