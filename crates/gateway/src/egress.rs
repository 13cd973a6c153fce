//! The egress guard: which addresses an upstream's host name may stand for.
//!
//! A name is resolved once, its addresses are judged, and the connection goes to one that was
//! judged: there is no second resolution in which the name could stand for something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tollgate_policy::Cidr;

/// The part of the internet that an upstream lives in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    kind: Kind,
    allow: Vec<Cidr>,
}

/// Kinds of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What everybody can reach.
    Public,
    /// Networks of one's own: RFC 1918, RFC 6598, unique local addresses.
    Private,
    /// This machine.
    Loopback,
}

/// Where clouds tell machines their credentials, beside the link-local addresses. Never an upstream.
const METADATA: [IpAddr; 5] = [
    // Alibaba's, and Azure's.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Amazon's of instances and of pods, and Google's.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

impl Network {
    /// All addresses of a kind; only those in `allow` unless that is empty.
    pub fn new(kind: Kind, allow: Vec<Cidr>) -> Network {
        Network { kind, allow }
    }

    /// Whether an address may be connected to.
    pub fn admits(&self, address: IpAddr) -> bool {
        // `::ffff:127.0.0.1` is 127.0.0.1.
        let address = address.to_canonical();
        Kind::of(address) == Some(self.kind)
            && (self.allow.is_empty() || self.allow.iter().any(|range| range.contains(address)))
    }

    /// The addresses among `resolved` that may be connected to, in their order.
    pub(crate) fn admitted(&self, resolved: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        resolved.filter(|address| self.admits(address.ip())).collect()
    }
}

impl Kind {
    /// Reads `public`, `private` or `loopback`.
    pub fn parse(text: &str) -> Option<Kind> {
        match text {
            "public" => Some(Kind::Public),
            "private" => Some(Kind::Private),
            "loopback" => Some(Kind::Loopback),
            _ => None,
        }
    }

    /// The kind of an address; `None` for those that nobody is an upstream at.
    pub fn of(address: IpAddr) -> Option<Kind> {
        if METADATA.contains(&address) {
            return None;
        }
        match address {
            _ if address.is_loopback() => Some(Kind::Loopback),
            IpAddr::V4(address) => Kind::of_v4(address),
            IpAddr::V6(address) => Kind::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Kind> {
        let [first, second, third, _] = address.octets();
        let is_shared = first == 100 && (64..128).contains(&second);
        let is_special = address.is_link_local()
            || address.is_multicast()
            || address.is_documentation()
            || first == 0
            || first >= 240
            || (first == 192 && second == 0 && third == 0)
            || (first == 192 && second == 88 && third == 99)
            || (first == 198 && matches!(second, 18 | 19));
        match address.is_private() || is_shared {
            true => Some(Kind::Private),
            false if is_special => None,
            false => Some(Kind::Public),
        }
    }

    fn of_v6(address: Ipv6Addr) -> Option<Kind> {
        let [first, second, ..] = address.segments();
        match address.is_unique_local() {
            true => Some(Kind::Private),
            // Of the addresses given out so far, 2000::/3, without those that hold an IPv4 address
            // (6to4, Teredo), those for documentation, and those for special purposes.
            false if first & 0xe000 != 0x2000 => None,
            false if first == 0x2002 || first == 0x3fff => None,
            false if first == 0x2001 && (second < 0x200 || second == 0xdb8) => None,
            false => Some(Kind::Public),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Public => "public",
            Kind::Private => "private",
            Kind::Loopback => "loopback",
        })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.allow.is_empty() { Ok(()) } else { f.write_str(" and in the networks it allows") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<Kind>) {
        let address: IpAddr = address.parse().unwrap();
        let kinds = [Kind::Public, Kind::Private, Kind::Loopback];
        let admits = |kind: &Kind| Network::new(*kind, Vec::new()).admits(address);
        assert_eq!(kinds.into_iter().find(admits), expected, "{address}");
    }

    #[test]
    fn addresses_have_kinds() {
        check("140.82.121.6", Some(Kind::Public));
        check("2606:50c0:8000::153", Some(Kind::Public));
        check("10.1.2.3", Some(Kind::Private));
        check("172.31.255.255", Some(Kind::Private));
        check("172.32.0.1", Some(Kind::Public));
        check("100.64.0.1", Some(Kind::Private));
        check("fd12::1", Some(Kind::Private));
        check("127.0.0.1", Some(Kind::Loopback));
        check("127.255.0.9", Some(Kind::Loopback));
        check("::1", Some(Kind::Loopback));
    }

    #[test]
    fn one_address_in_another_notation_is_the_same() {
        check("::ffff:127.0.0.1", Some(Kind::Loopback));
        check("::ffff:10.0.0.1", Some(Kind::Private));
        check("::ffff:169.254.169.254", None);
    }

    #[test]
    fn nobody_is_an_upstream_there() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "192.0.2.1",
            "203.0.113.1",
            "::",
            "fe80::1",
            "ff02::1",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            check(address, None);
        }
    }

    #[test]
    fn allowed_networks_narrow_a_kind_and_do_not_widen_it() {
        let network = Network::new(Kind::Private, vec![Cidr::parse("10.1.0.0/16").unwrap()]);
        assert!(network.admits("10.1.2.3".parse().unwrap()));
        assert!(!network.admits("10.2.2.3".parse().unwrap()));
        let network = Network::new(Kind::Private, vec![Cidr::parse("127.0.0.0/8").unwrap()]);
        assert!(!network.admits("127.0.0.1".parse().unwrap()));
    }
}
