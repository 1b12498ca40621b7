//! Networks that a configuration may name.
//!
//! The lists are what the two networks publish: Cloudflare at <https://www.cloudflare.com/ips/>, Fastly at
//! <https://api.fastly.com/public-ip-list>. Entered on 2026-11-24, from two copies of each by different hands, made
//! between July and October 2026, that agree. Both change every few years, and a change is announced before it is
//! used: until the next version of sidgate a new range is given beside the name.

use ipnet::IpNet;

/// The names.
pub const NAMES: [&str; 3] = ["cloudflare", "fastly", "private"];

const CLOUDFLARE: [&str; 22] = [
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

const FASTLY: [&str; 21] = [
    "23.235.32.0/20",
    "43.249.72.0/22",
    "103.244.50.0/24",
    "103.245.222.0/23",
    "103.245.224.0/24",
    "104.156.80.0/20",
    "140.248.64.0/18",
    "140.248.128.0/17",
    "146.75.0.0/17",
    "151.101.0.0/16",
    "157.52.64.0/18",
    "167.82.0.0/17",
    "167.82.128.0/20",
    "167.82.160.0/20",
    "167.82.224.0/20",
    "172.111.64.0/18",
    "185.31.16.0/22",
    "199.27.72.0/21",
    "199.232.0.0/16",
    "2a04:4e40::/32",
    "2a04:4e42::/32",
];

/// RFC 1918, RFC 4193, and this machine. Not link-local (169.254.0.0/16, fe80::/10): whoever is on the same wire has
/// such an address; and not the carriers' 100.64.0.0/10, behind which strangers are.
const PRIVATE: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128"];

/// An item of a list of networks: one of the names, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `cloudflare`
    Cloudflare,
    /// `fastly`
    Fastly,
    /// `private`
    Private,
    /// A network by its addresses.
    Network(IpNet),
}

impl Named {
    /// One of [`NAMES`].
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "cloudflare" => Some(Self::Cloudflare),
            "fastly" => Some(Self::Fastly),
            "private" => Some(Self::Private),
            _ => None,
        }
    }

    /// Its networks.
    pub fn networks(&self) -> Vec<IpNet> {
        let texts: &[&str] = match self {
            Self::Cloudflare => &CLOUDFLARE,
            Self::Fastly => &FASTLY,
            Self::Private => &PRIVATE,
            Self::Network(network) => return vec![*network],
        };
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_networks_and_every_network_reads() {
        for name in NAMES {
            let networks = Named::by_name(name).unwrap().networks();
            assert!(networks.iter().all(|n| n.trunc() == *n && n.prefix_len() > 6), "{name}");
            assert!(networks.iter().any(|n| matches!(n, IpNet::V6(_))), "{name}");
        }
        let count = |named: Named| named.networks().len();
        assert_eq!([count(Named::Cloudflare), count(Named::Fastly), count(Named::Private)], [22, 21, 6]);
        assert_eq!(Named::by_name("Cloudflare"), None);
    }
}
