//! Networks, and with what their proxies are believed.
//!
//! Looked up for the peer of every connection, and for every hop of an `X-Forwarded-For`: sorted ranges and a binary
//! search, so that the forty prefixes of two networks of others cost what one does.

mod named;

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

pub use named::{NAMES, Named};

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    /// First and last address of each range; sorted, none touches the next.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Networks {
    /// Whether the address is in one of them. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(a) => within(&self.v4, u32::from(a)),
            IpAddr::V6(a) => within(&self.v6, u128::from(a)),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match canonical(network) {
                IpNet::V4(n) => v4.push((u32::from(n.network()), u32::from(n.broadcast()))),
                IpNet::V6(n) => v6.push((u128::from(n.network()), u128::from(n.broadcast()))),
            }
        }
        Self { v4: joined(v4, 1), v6: joined(v6, 1) }
    }
}

/// `::ffff:10.0.0.0/104` is 10.0.0.0/8: addresses are looked up in that form.
pub fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).is_some_and(|i| address <= ranges[i].1)
}

/// Sorted, with what overlaps or touches made one.
fn joined<T: Ord + Copy + std::ops::Sub<Output = T>>(mut ranges: Vec<(T, T)>, one: T) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut out: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if first <= *end || first - one == *end => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out
}

/// With what a peer is believed. Each includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Nothing: whatever it says of where a request came from is what a browser may have written.
    #[default]
    Nothing,
    /// The client's address: `X-Forwarded-For`. And `traceparent`, which decides nothing.
    Address,
    /// The scheme: `X-Forwarded-Proto`.
    Scheme,
    /// The host: `X-Forwarded-Host`.
    Host,
}

/// Proxies, and with what each is believed.
///
/// Networks that one names by their addresses are one's own proxies, which one has told what to write. A network of
/// others passes on what it does not write itself: through Cloudflare a browser's own `X-Forwarded-Host` arrives as it
/// is, through Fastly its `X-Forwarded-Proto` too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    own: Networks,
    cloudflare: Networks,
    fastly: Networks,
}

impl Proxies {
    /// With what a peer of this address is believed.
    pub fn trust(&self, peer: IpAddr) -> Trust {
        if self.own.contains(peer) {
            Trust::Host
        } else if self.cloudflare.contains(peer) {
            Trust::Scheme
        } else if self.fastly.contains(peer) {
            Trust::Address
        } else {
            Trust::Nothing
        }
    }

    /// Whether it is one of them.
    pub fn contains(&self, peer: IpAddr) -> bool {
        self.trust(peer) > Trust::Nothing
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.cloudflare.is_empty() && self.fastly.is_empty()
    }
}

impl FromIterator<Named> for Proxies {
    fn from_iter<I: IntoIterator<Item = Named>>(all: I) -> Self {
        let all: Vec<Named> = all.into_iter().collect();
        let of = |wanted: fn(&Named) -> bool| all.iter().filter(|n| wanted(n)).flat_map(Named::networks).collect();
        Self {
            own: of(|n| matches!(n, Named::Private | Named::Network(_))),
            cloudflare: of(|n| *n == Named::Cloudflare),
            fastly: of(|n| *n == Named::Fastly),
        }
    }
}

impl FromIterator<IpNet> for Proxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        networks.into_iter().map(Named::Network).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|t| t.parse::<IpNet>().unwrap()).collect()
    }

    #[test]
    fn edges_belong_to_a_network_and_neighbours_do_not() {
        let set = networks(&["10.1.0.0/16", "10.2.0.0/16", "2001:db8::/48", "255.255.255.255/32", "0.0.0.0/32"]);
        let has = |text: &str| set.contains(text.parse().unwrap());
        for inside in ["10.1.0.0", "10.1.255.255", "10.2.255.255", "0.0.0.0", "255.255.255.255", "::ffff:10.1.2.3"] {
            assert!(has(inside), "{inside}");
        }
        for inside in ["2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"] {
            assert!(has(inside), "{inside}");
        }
        for outside in ["10.0.255.255", "10.3.0.0", "0.0.0.1", "255.255.255.254", "2001:db8:1::", "2001:db7:ffff::"] {
            assert!(!has(outside), "{outside}");
        }
        assert_eq!(set.v4.len(), 3, "what touches is one range");
        assert!(networks(&["::ffff:10.0.0.0/104"]).contains("10.9.9.9".parse().unwrap()));
        assert!(networks(&[]).is_empty() && !networks(&[]).contains("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn a_network_of_others_is_believed_only_with_what_it_writes_itself() {
        let all = [Named::Cloudflare, Named::Fastly, Named::Private, Named::Network("203.0.113.0/24".parse().unwrap())];
        let proxies: Proxies = all.into_iter().collect();
        for (peer, trust) in [
            ("104.16.0.1", Trust::Scheme),
            ("2606:4700::1", Trust::Scheme),
            ("151.101.1.1", Trust::Address),
            ("2a04:4e42::1", Trust::Address),
            ("203.0.113.9", Trust::Host),
            ("10.0.0.1", Trust::Host),
            ("127.0.0.1", Trust::Host),
            ("::1", Trust::Host),
            ("fd00::1", Trust::Host),
            ("8.8.8.8", Trust::Nothing),
            ("169.254.169.254", Trust::Nothing),
            ("100.64.0.1", Trust::Nothing),
            ("fe80::1", Trust::Nothing),
        ] {
            assert_eq!(proxies.trust(peer.parse().unwrap()), trust, "{peer}");
        }
        let both: Proxies = [Named::Cloudflare, Named::Network("104.16.0.0/13".parse().unwrap())].into_iter().collect();
        assert_eq!(both.trust("104.16.0.1".parse().unwrap()), Trust::Host, "who is named by address is one's own");
    }

    fn network() -> impl Strategy<Value = IpNet> {
        // Few distinct bits, so that they overlap, touch and nest.
        let v4 = (0u32..8, 27u8..=32).prop_map(|(a, l)| IpNet::new(IpAddr::V4(a.into()), l).unwrap());
        let v6 = (any::<u8>(), 120u8..=128).prop_map(|(a, l)| IpNet::new(IpAddr::V6(u128::from(a).into()), l).unwrap());
        prop_oneof![v4, v6]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_search_finds_what_asking_each_network_finds(
            all in prop::collection::vec(network(), 0..8),
            last in any::<u8>(),
            six in any::<bool>(),
        ) {
            let address =
                if six { IpAddr::V6(u128::from(last).into()) } else { IpAddr::V4((u32::from(last) % 48).into()) };
            let found = all.iter().copied().collect::<Networks>().contains(address);
            prop_assert_eq!(found, all.iter().any(|n| n.contains(&address)));
        }
    }
}
