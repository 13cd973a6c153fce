//! Three-valued logic: what holds, what does not, and what cannot be told.

/// A truth value of Kleene's strong logic. The order makes `and` the minimum and `or` the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kleene {
    False,
    Unknown,
    True,
}

impl Kleene {
    /// What holds for certain is true, what holds possibly is unknown.
    pub(crate) fn of(certain: bool, possible: bool) -> Kleene {
        match (certain, possible) {
            (true, _) => Kleene::True,
            (false, true) => Kleene::Unknown,
            (false, false) => Kleene::False,
        }
    }

    pub(crate) fn and(self, other: Kleene) -> Kleene {
        self.min(other)
    }

    pub(crate) fn or(self, other: Kleene) -> Kleene {
        self.max(other)
    }

    pub(crate) fn is_true(self) -> bool {
        self == Kleene::True
    }

    pub(crate) fn is_false(self) -> bool {
        self == Kleene::False
    }
}

impl From<bool> for Kleene {
    fn from(value: bool) -> Kleene {
        if value { Kleene::True } else { Kleene::False }
    }
}

impl std::ops::Not for Kleene {
    type Output = Kleene;

    fn not(self) -> Kleene {
        match self {
            Kleene::False => Kleene::True,
            Kleene::Unknown => Kleene::Unknown,
            Kleene::True => Kleene::False,
        }
    }
}
