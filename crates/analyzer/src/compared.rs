//! What policies compare a key with, as far as it tells values apart.

use std::net::IpAddr;

use jiff::Timestamp;
use tollgate_policy::{Cidr, Condition, Test, parse_instant};

/// What the policies compare a key's value with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    /// Whether it is compared with anything else, too: then each value may be decided differently.
    closely: bool,
    /// Moments, in order.
    moments: Vec<Timestamp>,
    /// The first addresses of ranges, and those after their last, in order.
    v4: Vec<u32>,
    v6: Vec<u128>,
}

/// What values of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Moment,
    Address,
    Text,
}

/// Set in the numbers of ranges, so that they are no numbers of texts.
const RANGE: u32 = 1 << 31;
const RANGE_V6: u32 = RANGE | 1 << 30;

impl Compared {
    /// Takes note of a condition on the key.
    pub(crate) fn note(&mut self, condition: &Condition, kind: Kind) {
        let values = condition.values.iter().map(|value| &*value.value);
        match (condition.operator.value.test, kind) {
            // Whether the log tells it is seen without comparing.
            (Test::Null, _) => {}
            (
                Test::DateEquals
                | Test::DateLessThan
                | Test::DateLessThanEquals
                | Test::DateGreaterThan
                | Test::DateGreaterThanEquals,
                Kind::Moment,
            ) => {
                self.moments.extend(values.filter_map(parse_instant));
                self.moments.sort_unstable();
                self.moments.dedup();
            }
            (Test::IpAddress, Kind::Address) => values.filter_map(Cidr::parse).for_each(|range| {
                self.add_range(range);
            }),
            _ => self.closely = true,
        }
    }

    /// Takes note that the key is compared with who knows what.
    pub(crate) fn note_any(&mut self) {
        self.closely = true;
    }

    fn add_range(&mut self, range: Cidr) {
        match range.bounds() {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.push(first.to_bits());
                self.v4.extend(last.to_bits().checked_add(1));
                self.v4.sort_unstable();
                self.v4.dedup();
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.push(first.to_bits());
                self.v6.extend(last.to_bits().checked_add(1));
                self.v6.sort_unstable();
                self.v6.dedup();
            }
            _ => self.closely = true,
        }
    }

    /// The number of a moment: of those with the same number, none can be told from another. `None`
    /// where each may be told apart.
    pub(crate) fn moment(&self, time: Timestamp) -> Option<u32> {
        if self.closely {
            return None;
        }
        let before = self.moments.partition_point(|moment| *moment < time);
        let at = self.moments.get(before) == Some(&time);
        u32::try_from(before * 2 + usize::from(at)).ok()
    }

    /// The number of an address, likewise; `None` for a text that is no address, too.
    #[inline]
    pub(crate) fn address(&self, text: &str) -> Option<u32> {
        if self.closely {
            return None;
        }
        let (kind, before) = match text.parse().ok()? {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                (RANGE, self.v4.partition_point(|start| *start <= bits))
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                (RANGE_V6, self.v6.partition_point(|start| *start <= bits))
            }
        };
        u32::try_from(before).ok().filter(|number| *number < 1 << 30).map(|number| kind | number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compared(ranges: &[Cidr]) -> Compared {
        let mut compared = Compared::default();
        ranges.iter().for_each(|range| compared.add_range(*range));
        compared
    }

    fn range() -> impl Strategy<Value = Cidr> {
        let v4 = (any::<[u8; 4]>(), 0..=32_u8).prop_map(|([a, ..], prefix)| {
            // Few networks, so that ranges overlap.
            format!("{}.{}.0.0/{prefix}", a % 3, a % 5)
        });
        let v6 = (0..5_u8, 0..=128_u8).prop_map(|(a, prefix)| format!("{a}:{a}::{a}/{prefix}"));
        prop_oneof![v4, v6].prop_map(|text| Cidr::parse(&text).unwrap())
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        let v4 = [0..4_u8, 0..5, 0..2, 0..2].prop_map(IpAddr::from);
        let v6 = (0..6_u16, 0..6_u16, 0..6_u16)
            .prop_map(|(a, b, c)| IpAddr::from([a, b, 0, 0, 0, 0, 0, c]));
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn addresses_of_the_same_number_lie_in_the_same_ranges(
            ranges in prop::collection::vec(range(), 0..6),
            (one, other) in (address(), address()),
        ) {
            let compared = compared(&ranges);
            let number = |address: IpAddr| compared.address(&address.to_string()).unwrap();
            if number(one) == number(other) {
                for range in &ranges {
                    prop_assert_eq!(range.contains(one), range.contains(other));
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_no_address_has_no_number() {
        assert_eq!(compared(&[]).address("cloudformation.amazonaws.com"), None);
        assert_eq!(compared(&[]).address("10.0.0.1"), compared(&[]).address("192.0.2.1"));
        assert_ne!(compared(&[]).address("10.0.0.1"), compared(&[]).address("::1"));
    }
}
