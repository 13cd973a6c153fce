//! What calls are forwarded to: third parties and credentials, which are the same from call to call
//! of a route.

use hashbrown::HashMap;

use crate::intern::{OTHER_NUMBER, TEXT_BYTES_MAX, slot};

/// The most services that are told apart.
const SERVICES_MAX: usize = 500;

/// A third party and the alias of a credential, as far as they are told.
type Service = (Option<Box<str>>, Option<Box<str>>);

/// Gives each service a number, from 1; those beyond [`SERVICES_MAX`] share [`OTHER_NUMBER`].
pub(crate) struct Services {
    list: Vec<Service>,
    known: HashMap<Service, u32>,
    /// By the number of a route: the service that was called last.
    latest: Vec<u32>,
}

impl Default for Services {
    fn default() -> Services {
        Services { list: vec![Service::default()], known: HashMap::new(), latest: Vec::new() }
    }
}

impl Services {
    /// The number of the service that a call of a route was forwarded to.
    #[inline]
    pub(crate) fn number(&mut self, route: u32, service: (Option<&str>, Option<&str>)) -> u32 {
        let latest = *slot(&mut self.latest, route);
        match self.list.get(latest as usize) {
            Some((upstream, credential))
                if latest != OTHER_NUMBER
                    && (upstream.as_deref(), credential.as_deref()) == service =>
            {
                latest
            }
            _ => self.look_up(route, service),
        }
    }

    fn look_up(&mut self, route: u32, (upstream, credential): (Option<&str>, Option<&str>)) -> u32 {
        let is_long = |text: &str| text.len() > TEXT_BYTES_MAX;
        if upstream.is_some_and(is_long) || credential.is_some_and(is_long) {
            return OTHER_NUMBER;
        }
        let service: Service = (upstream.map(Box::from), credential.map(Box::from));
        let number = match self.known.get(&service) {
            Some(&known) => known,
            None if self.list.len() > SERVICES_MAX => return OTHER_NUMBER,
            None => {
                let number = u32::try_from(self.list.len()).unwrap_or(OTHER_NUMBER);
                self.list.push(service.clone());
                self.known.insert(service, number);
                number
            }
        };
        *slot(&mut self.latest, route) = number;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_service_has_the_same_number_whatever_the_route() {
        let mut services = Services::default();
        let called = [
            (1, (Some("github"), None)),
            (1, (Some("github"), Some("token"))),
            (2, (Some("github"), None)),
            (1, (None, Some("github"))),
            (1, (Some("github"), None)),
            (1, (None, None)),
        ];
        let numbers = called.map(|(route, service)| services.number(route, service));
        assert_eq!(numbers, [1, 2, 1, 3, 1, 4]);
    }

    #[test]
    fn services_beyond_the_most_share_a_number() {
        let mut services = Services::default();
        for at in 0..SERVICES_MAX as u32 {
            assert_eq!(services.number(1, (Some(&at.to_string()), None)), at + 1);
        }
        assert_eq!(services.number(1, (Some("x"), None)), OTHER_NUMBER);
        assert_eq!(services.number(1, (Some("7"), None)), 8);
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(services.number(1, (Some(&long), None)), OTHER_NUMBER);
    }
}
