//! Callers, known by small numbers. Sessions come and go, and a long log may have any number of them:
//! where they are too many, those that come later share the number of their role.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::bounded::{self, Counted};
use crate::detail::any_session;
use crate::intern::{Interner, OTHER, OTHER_NUMBER, TEXT_BYTES_MAX};

/// The most callers that are told apart.
pub(crate) const CALLERS_MAX: usize = 50_000;

/// The most roles by which those beyond are counted.
const ROLES_MAX: usize = 4_000;

/// Gives callers numbers: to each its own, up to [`CALLERS_MAX`]; to those that come later that of
/// `arn:…:assumed-role/deploy/*`, if they are sessions of a role. The rest is `(other)`.
#[derive(Clone)]
pub(crate) struct CallerNumbers {
    own: Interner,
    roles: Interner,
}

impl CallerNumbers {
    pub(crate) fn new() -> CallerNumbers {
        CallerNumbers { own: Interner::new(CALLERS_MAX), roles: Interner::new(ROLES_MAX) }
    }

    /// The number of a caller, as [`Interner::likely`].
    #[inline]
    pub(crate) fn likely(&self, mark: u32) -> u32 {
        self.own.likely(mark)
    }

    /// The number of a caller, as [`Interner::number_likely`].
    #[inline]
    pub(crate) fn number_likely(&mut self, caller: &str, mark: u32, likely: u32) -> u32 {
        match self.own.number_likely(caller, mark, likely) {
            OTHER_NUMBER => self.share(caller),
            number => number,
        }
    }

    /// The number of a caller.
    #[cfg(test)]
    pub(crate) fn number(&mut self, caller: &str) -> u32 {
        self.number_likely(caller, crate::short::swift_mark(caller), OTHER_NUMBER)
    }

    #[cold]
    fn share(&mut self, caller: &str) -> u32 {
        let role = shared_by(caller).filter(|role| role != OTHER && role.len() <= TEXT_BYTES_MAX);
        match role.map_or(OTHER_NUMBER, |role| self.roles.number(&role)) {
            OTHER_NUMBER => OTHER_NUMBER,
            number => CALLERS_MAX as u32 + number,
        }
    }

    /// What callers with a number are called.
    pub(crate) fn text(&self, number: u32) -> &str {
        match number.checked_sub(CALLERS_MAX as u32) {
            Some(role @ 1..) => self.roles.text(role),
            _ => self.own.text(number),
        }
    }
}

/// Whether a number is that of one caller: what is decided for one of its calls holds for the next.
#[inline]
pub(crate) fn is_one(number: u32) -> bool {
    number != OTHER_NUMBER && number <= CALLERS_MAX as u32
}

/// What a caller is counted as that is not told apart; nothing of what is that already.
fn shared_by(caller: &str) -> Option<Cow<'static, str>> {
    match any_session(caller) {
        _ if caller == OTHER => None,
        Cow::Owned(role) => (role != caller).then_some(Cow::Owned(role)),
        Cow::Borrowed(_) => Some(Cow::Borrowed(OTHER)),
    }
}

/// Whether a name is that of callers that are not told apart.
pub(crate) fn is_shared(name: &str) -> bool {
    name == OTHER || name.ends_with("/*") && shared_by(name).is_none()
}

/// Adds what was counted of callers elsewhere. No more of them are kept than one worker tells apart: those
/// with the fewest requests are counted as it counts those that are too many.
pub(crate) fn merge<V: Counted>(
    held: &mut BTreeMap<String, V>,
    more: impl IntoIterator<Item = (String, V)>,
) {
    bounded::add(held, more);
    bounded::fold(held, CALLERS_MAX, |caller| shared_by(caller).map(Cow::into_owned));
    let of_role = |name: &String| name != OTHER && is_shared(name);
    bounded::fold(held, ROLES_MAX, |name| of_role(name).then(|| OTHER.to_owned()));
}
