//! What calls are forwarded to: third parties and credentials.

use hashbrown::{Equivalent, HashMap};

use crate::call::Forwarded;
use crate::intern::{OTHER_NUMBER, TEXT_BYTES_MAX};

/// The most services that are told apart.
const SERVICES_MAX: usize = 500;

/// A third party and the alias of a credential, as far as they are told.
type Service = (Option<Box<str>>, Option<Box<str>>);

/// Gives each service a number, from 1; those beyond [`SERVICES_MAX`] share [`OTHER_NUMBER`].
#[derive(Clone, Default)]
pub(crate) struct Services(HashMap<Service, u32>);

impl Services {
    /// The number of what a call was forwarded to.
    pub(crate) fn number(&mut self, forwarded: Forwarded<'_>) -> u32 {
        let is_long = |text: &str| text.len() > TEXT_BYTES_MAX;
        let Forwarded { upstream, credential } = forwarded;
        match self.0.get(&forwarded) {
            Some(&known) => known,
            None if self.0.len() >= SERVICES_MAX => OTHER_NUMBER,
            None if upstream.is_some_and(is_long) || credential.is_some_and(is_long) => {
                OTHER_NUMBER
            }
            None => {
                let number = u32::try_from(self.0.len() + 1).unwrap_or(OTHER_NUMBER);
                self.0.insert((upstream.map(Box::from), credential.map(Box::from)), number);
                number
            }
        }
    }
}

impl Equivalent<Service> for Forwarded<'_> {
    fn equivalent(&self, (upstream, credential): &Service) -> bool {
        self.upstream == upstream.as_deref() && self.credential == credential.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded<'r>(upstream: &'r str, credential: Option<&'r str>) -> Forwarded<'r> {
        Forwarded { upstream: Some(upstream), credential }
    }

    #[test]
    fn the_same_service_has_the_same_number() {
        let mut services = Services::default();
        let called = [
            forwarded("github", None),
            forwarded("github", Some("token")),
            forwarded("github", None),
            Forwarded { upstream: None, credential: Some("github") },
            Forwarded { upstream: None, credential: None },
            forwarded("github", Some("token")),
        ];
        assert_eq!(called.map(|forwarded| services.number(forwarded)), [1, 2, 1, 3, 4, 2]);
    }

    #[test]
    fn services_beyond_the_most_share_a_number() {
        let mut services = Services::default();
        for at in 0..SERVICES_MAX as u32 {
            assert_eq!(services.number(forwarded(&at.to_string(), None)), at + 1);
        }
        assert_eq!(services.number(forwarded("x", None)), OTHER_NUMBER);
        assert_eq!(services.number(forwarded("7", None)), 8);
    }

    #[test]
    fn a_text_that_is_too_long_is_not_told_apart() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(Services::default().number(forwarded(&long, None)), OTHER_NUMBER);
    }
}
