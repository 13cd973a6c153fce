//! Address ranges, the values of `IpAddress` and `NotIpAddress`.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators`, "IP address condition
//! operators".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses in CIDR notation.
///
/// Host bits are ignored: `10.1.2.3/8` is `10.0.0.0/8`. Without a prefix it is one address. A range
/// of one family never contains an address of the other, so the IPv4-mapped address
/// `::ffff:10.0.0.1` lies in `::/0` and not in `10.0.0.0/8` **(our choice)**.
///
/// ```
/// use tollgate_policy::Cidr;
///
/// let office = Cidr::parse("203.0.113.0/24").unwrap();
/// assert!(office.contains("203.0.113.7".parse().unwrap()));
/// assert!(!office.contains("2001:db8::7".parse().unwrap()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    /// How many leading bits count.
    prefix: u32,
}

impl Cidr {
    /// Reads `ADDRESS` or `ADDRESS/PREFIX`. `None` for anything else, a prefix longer than the
    /// address included.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(read_prefix(prefix)?)),
        };
        let network: IpAddr = address.parse().ok()?;
        let bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Cidr { network, prefix })
    }

    /// The first and the last address of the range.
    ///
    /// ```
    /// use tollgate_policy::Cidr;
    ///
    /// let office = Cidr::parse("203.0.113.77/24").unwrap();
    /// assert_eq!(office.bounds(), ("203.0.113.0".parse().unwrap(), "203.0.113.255".parse().unwrap()));
    /// ```
    pub fn bounds(&self) -> (IpAddr, IpAddr) {
        match self.network {
            IpAddr::V4(network) => {
                let host = u32::MAX.checked_shr(self.prefix).unwrap_or(0);
                let network = network.to_bits();
                (Ipv4Addr::from(network & !host).into(), Ipv4Addr::from(network | host).into())
            }
            IpAddr::V6(network) => {
                let host = u128::MAX.checked_shr(self.prefix).unwrap_or(0);
                let network = network.to_bits();
                (Ipv6Addr::from(network & !host).into(), Ipv6Addr::from(network | host).into())
            }
        }
    }

    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

fn read_prefix(text: &str) -> Option<u32> {
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, address: &str, expected: bool) {
        let contains = Cidr::parse(range).unwrap().contains(address.parse().unwrap());
        assert_eq!(contains, expected, "{address} in {range}");
    }

    #[test]
    fn the_prefix_says_how_many_bits_count() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.1.2.3/8", "10.9.9.9", true);
        check("203.0.113.64/26", "203.0.113.127", true);
        check("203.0.113.64/26", "203.0.113.128", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
    }

    #[test]
    fn no_prefix_means_one_address_and_zero_means_all() {
        check("203.0.113.0", "203.0.113.0", true);
        check("203.0.113.0", "203.0.113.9", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("::/0", "::1", true);
        check("2001:DB8::1", "2001:db8:0:0::1", true);
    }

    #[test]
    fn bounds_are_the_outermost_addresses_that_lie_in_the_range() {
        for (range, first, last) in [
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let bounds = Cidr::parse(range).unwrap().bounds();
            assert_eq!(bounds, (first.parse().unwrap(), last.parse().unwrap()), "{range}");
        }
    }

    #[test]
    fn families_do_not_mix() {
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "10.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", false);
        check("::ffff:0:0/96", "::ffff:10.0.0.1", true);
    }

    #[test]
    fn other_text_is_no_range() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.*",
            "010.0.0.1",
            "10.0.0.1 ",
            "fe80::1%eth0",
            "10.0.0.0/8/8",
            "localhost",
            "*",
            "1.1.1.1/1000",
        ] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
    }
}
