//! Where nothing may be sent.
//!
//! Whoever adds a receiver chooses an address that this server connects to, with this server's place in the network. Metadata
//! services of clouds trust that place, and the server itself would be asked to tell itself what it tells.
//!
//! An address is judged as the network will see it: `::ffff:a.b.c.d` and NAT64's `64:ff9b::a.b.c.d` as `a.b.c.d`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use skein_types::ErrorClass;

const NETWORKS_MAX: usize = 256;

/// Link-local, where the metadata services of most clouds are, and those that are elsewhere: AWS over IPv6, Azure, Alibaba,
/// Oracle.
const BUILT_IN: [Network; 6] = [
    Network::v4([169, 254, 0, 0], 16),
    Network { base: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), bits: 10 },
    Network { base: IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), bits: 128 },
    Network::v4([168, 63, 129, 16], 32),
    Network::v4([100, 100, 100, 200], 32),
    Network::v4([192, 0, 0, 192], 32),
];

/// Networks of one's own, and the machine itself: what is in them trusts whoever is, and strangers would reach it through this server.
const PRIVATE: [Network; 7] = [
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 168, 0, 0], 16),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network { base: IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), bits: 7 },
    Network { base: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 },
];
const EVERYTHING: [Network; 2] =
    [Network::v4([0, 0, 0, 0], 0), Network { base: IpAddr::V6(Ipv6Addr::UNSPECIFIED), bits: 0 }];

/// Addresses that begin with the same bits: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// Networks that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No network.
    #[error("{text:?} is not a network such as 10.0.0.0/8 or fd00::/8")]
    Form {
        /// What was written, bounded.
        text: String,
    },
    /// More than the network is said.
    #[error("{network} names addresses beyond its first {} bits; is {meant} meant?", .network.bits)]
    Beyond {
        /// What was written.
        network: Network,
        /// The network that it is in.
        meant: Network,
    },
    /// Both allowed and denied.
    #[error("{network} is both allowed and denied")]
    Both {
        /// Which.
        network: Network,
    },
    /// Too many.
    #[error("more than {NETWORKS_MAX} networks")]
    TooMany,
}

impl NetworkError {
    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::BadInput
    }
}

impl Network {
    const fn v4(octets: [u8; 4], bits: u8) -> Self {
        Self { base: IpAddr::V4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3])), bits }
    }

    /// Takes addresses as [`seen`] gives them.
    fn holds(&self, address: IpAddr) -> bool {
        masked(address, self.bits).is_some_and(|masked| masked == self.base)
            && address.is_ipv4() == self.base.is_ipv4()
    }
}

/// The first bits of an address; nothing if it has fewer.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let rest = 32_u32.checked_sub(bits.into())?;
            Some(IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0))))
        }
        IpAddr::V6(v6) => {
            let rest = 128_u32.checked_sub(bits.into())?;
            Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0))))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let refused = || NetworkError::Form { text: text.chars().take(64).collect() };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| refused())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &str| bits.bytes().all(|b| b.is_ascii_digit()).then(|| bits.parse().ok())?;
        let bits = bits.map_or(Some(most), digits).ok_or_else(refused)?;
        let network = Self { base, bits };
        match masked(base, bits) {
            Some(masked) if masked == base => Ok(network),
            Some(masked) => Err(NetworkError::Beyond { network, meant: Self { base: masked, bits } }),
            None => Err(refused()),
        }
    }
}

/// What may be sent to. The narrowest network that holds an address decides. Where none does, it may be sent to, unless some
/// networks are allowed: then only to those.
///
/// Link-local addresses and the metadata services of clouds are denied. To allow one of them it has to be named as exactly as it
/// is denied, or more so.
#[derive(Clone, Debug)]
pub struct Networks {
    allowed: Vec<Network>,
    denied: Vec<Network>,
}

impl Networks {
    /// Everything but what is always denied.
    pub fn standard() -> Self {
        Self { allowed: Vec::new(), denied: Vec::new() }
    }

    /// As somebody wants it. What stands in both lists is refused.
    pub fn new(allowed: Vec<Network>, denied: Vec<Network>) -> Result<Self, NetworkError> {
        if allowed.len() > NETWORKS_MAX || denied.len() > NETWORKS_MAX {
            return Err(NetworkError::TooMany);
        }
        match allowed.iter().find(|network| denied.contains(network)) {
            Some(network) => Err(NetworkError::Both { network: *network }),
            None => Ok(Self { allowed, denied }),
        }
    }

    /// Everything but private networks and the machine itself, which are only sent to as far as they are allowed; and, as ever, what
    /// is denied.
    pub fn public(allowed: &[Network], denied: &[Network]) -> Result<Self, NetworkError> {
        let Self { mut allowed, mut denied } = Self::new(allowed.to_vec(), denied.to_vec())?;
        let unsaid = |network: &&Network| !allowed.contains(network) && !denied.contains(network);
        let private: Vec<_> = PRIVATE.iter().filter(unsaid).copied().collect();
        let everything: Vec<_> = EVERYTHING.iter().filter(unsaid).copied().collect();
        denied.extend(private);
        allowed.extend(everything);
        Ok(Self { allowed, denied })
    }

    fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        let narrowest = |networks: &[Network]| {
            networks
                .iter()
                .filter(|network| network.holds(address))
                .max_by_key(|network| network.bits)
                .copied()
        };
        let allowed = narrowest(&self.allowed);
        let denied = [narrowest(&self.denied), narrowest(&BUILT_IN)].into_iter().flatten();
        let denied = denied.max_by_key(|network| network.bits);
        if let Some(network) = denied.filter(|denied| allowed.is_none_or(|it| it.bits < denied.bits)) {
            return Err(Forbidden::Network(network));
        }
        if allowed.is_none() && !self.allowed.is_empty() { Err(Forbidden::NotAllowed) } else { Ok(()) }
    }
}

/// Why an address is not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is the server that would send.
    #[error("this server itself")]
    Own,
    /// It is in a network that is denied.
    #[error("an address in {0}, which is denied")]
    Network(Network),
    /// Some networks are allowed, and it is in none of them.
    #[error("an address in no network that is allowed")]
    NotAllowed,
}

/// What may be sent to by this server.
#[derive(Clone, Debug)]
pub struct Guard {
    own: Vec<SocketAddr>,
    networks: Networks,
}

impl Guard {
    /// `own` is where this server listens.
    pub fn new(own: Vec<SocketAddr>, networks: Networks) -> Self {
        Self { own, networks }
    }

    /// Whether a connection to there may be made.
    pub fn judge(&self, target: SocketAddr) -> Result<(), Forbidden> {
        let address = seen(target.ip());
        if self.own.iter().any(|own| own.port() == target.port() && reaches(address, own.ip())) {
            return Err(Forbidden::Own);
        }
        self.networks.judge(address)
    }
}

/// The address that a packet will bear.
fn seen(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else {
        return unspecified_is_loopback(address.to_canonical());
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => unspecified_is_loopback(IpAddr::V6(v6)),
    }
}

/// Linux connects to this machine if asked to connect to no address.
fn unspecified_is_loopback(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

/// Whether whoever listens at `own` is who is met at `address`.
fn reaches(address: IpAddr, own: IpAddr) -> bool {
    if own.is_unspecified() { is_this_machine(address) } else { address == seen(own) }
}

/// Connecting a datagram socket sends nothing: it has the system choose the way. The source of a way to an address of this
/// machine is that address.
fn is_this_machine(address: IpAddr) -> bool {
    let any =
        if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((address, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    address.is_loopback() || source() == Some(address)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::{Forbidden, Guard, Network, NetworkError, Networks};

    fn networks(allowed: &[&str], denied: &[&str]) -> Networks {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Networks::new(parsed(allowed), parsed(denied)).unwrap()
    }

    fn judged(networks: &Networks, address: &str) -> Result<(), Forbidden> {
        networks.judge(super::seen(address.parse().unwrap()))
    }

    fn denied(network: &str) -> Result<(), Forbidden> {
        Err(Forbidden::Network(network.parse().unwrap()))
    }

    #[test]
    fn metadata_services_are_denied_however_their_address_is_written() {
        let standard = Networks::standard();
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "169.254.0.0"] {
            assert_eq!(judged(&standard, address), denied("169.254.0.0/16"), "{address}");
        }
        assert_eq!(judged(&standard, "fe80::1"), denied("fe80::/10"));
        assert_eq!(judged(&standard, "febf:ffff::1"), denied("fe80::/10"));
        assert_eq!(judged(&standard, "fd00:ec2::254"), denied("fd00:ec2::254"));
        for address in ["127.0.0.1", "10.0.0.1", "169.253.255.255", "169.255.0.0", "fec0::1", "fd00:ec2::253"]
        {
            assert_eq!(judged(&standard, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn the_narrowest_network_decides() {
        let split = networks(&["10.1.0.0/16", "0.0.0.0/0"], &["10.0.0.0/8", "10.1.2.0/24"]);
        assert_eq!(judged(&split, "10.2.0.1"), denied("10.0.0.0/8"));
        assert_eq!(judged(&split, "10.1.0.1"), Ok(()));
        assert_eq!(judged(&split, "10.1.2.1"), denied("10.1.2.0/24"));
        assert_eq!(judged(&split, "192.0.2.1"), Ok(()));
        assert_eq!(judged(&split, "169.254.169.254"), denied("169.254.0.0/16"));
        assert_eq!(judged(&split, "2001:db8::1"), Err(Forbidden::NotAllowed));
        let own_lists_add_up = networks(&[], &["10.0.0.0/8"]);
        assert_eq!(judged(&own_lists_add_up, "169.254.169.254"), denied("169.254.0.0/16"));
    }

    #[test]
    fn what_is_always_denied_is_allowed_by_naming_it() {
        let named = networks(&["169.254.0.0/16", "0.0.0.0/0"], &[]);
        assert_eq!(judged(&named, "169.254.169.254"), Ok(()));
        let one = networks(&["169.254.7.7", "0.0.0.0/0"], &[]);
        assert_eq!(judged(&one, "169.254.7.7"), Ok(()));
        assert_eq!(judged(&one, "169.254.7.8"), denied("169.254.0.0/16"));
    }

    #[test]
    fn private_networks_are_only_sent_to_as_far_as_they_are_allowed() {
        let public = |allowed: &[&str], denied: &[&str]| {
            let parsed =
                |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Network>>();
            Networks::public(&parsed(allowed), &parsed(denied)).unwrap()
        };
        let none = public(&[], &[]);
        for address in
            ["10.1.2.3", "127.0.0.1", "172.31.0.1", "192.168.1.1", "fd12::1", "::1", "::ffff:10.0.0.1"]
        {
            assert!(judged(&none, address).is_err(), "{address}");
        }
        for address in ["192.0.2.1", "172.32.0.1", "2001:db8::1"] {
            assert_eq!(judged(&none, address), Ok(()), "{address}");
        }
        assert_eq!(judged(&none, "169.254.169.254"), denied("169.254.0.0/16"));
        let some = public(&["10.0.0.0/8", "127.0.0.1"], &["10.9.0.0/16", "192.0.2.0/24"]);
        assert_eq!(judged(&some, "10.1.2.3"), Ok(()));
        assert_eq!(judged(&some, "127.0.0.1"), Ok(()));
        assert_eq!(judged(&some, "127.0.0.2"), denied("127.0.0.0/8"));
        assert_eq!(judged(&some, "10.9.2.3"), denied("10.9.0.0/16"));
        assert_eq!(judged(&some, "192.0.2.1"), denied("192.0.2.0/24"));
        let inside = public(&["10.0.0.0/8"], &["0.0.0.0/0", "::/0"]);
        assert_eq!(
            (judged(&inside, "10.1.2.3"), judged(&inside, "192.0.2.1")),
            (Ok(()), denied("0.0.0.0/0"))
        );
    }

    #[test]
    fn networks_that_cannot_be_are_refused() {
        for bad in [
            "",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "localhost",
            "10.0.0.0/8/8",
        ] {
            assert!(matches!(bad.parse::<Network>(), Err(NetworkError::Form { .. })), "{bad}");
        }
        let beyond = "10.1.2.3/8".parse::<Network>().unwrap_err().to_string();
        assert_eq!(beyond, "10.1.2.3/8 names addresses beyond its first 8 bits; is 10.0.0.0/8 meant?");
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert_eq!(Networks::new(vec![ten], vec![ten]).unwrap_err(), NetworkError::Both { network: ten });
        assert_eq!(Networks::new(vec![ten; 257], Vec::new()).unwrap_err(), NetworkError::TooMany);
    }

    fn judged_by_server_at(own: &str, target: &str) -> Result<(), Forbidden> {
        let own = vec![own.parse::<SocketAddr>().unwrap()];
        Guard::new(own, Networks::standard()).judge(target.parse().unwrap())
    }

    #[test]
    fn a_server_does_not_send_to_itself() {
        let own = Err(Forbidden::Own);
        for target in ["127.0.0.1:7447", "0.0.0.0:7447", "[::ffff:127.0.0.1]:7447", "[::ffff:0.0.0.0]:7447"] {
            assert_eq!(judged_by_server_at("127.0.0.1:7447", target), own, "{target}");
        }
        assert_eq!(judged_by_server_at("127.0.0.1:7447", "127.0.0.1:7448"), Ok(()));
        assert_eq!(judged_by_server_at("127.0.0.1:7447", "127.0.0.2:7447"), Ok(()));
        for target in ["127.0.0.1:7447", "127.0.0.2:7447", "[::1]:7447", "0.0.0.0:7447"] {
            assert_eq!(judged_by_server_at("0.0.0.0:7447", target), own, "{target}");
            assert_eq!(judged_by_server_at("[::]:7447", target), own, "{target}");
        }
        assert_eq!(judged_by_server_at("0.0.0.0:7447", "192.0.2.1:7447"), Ok(()));
    }

    proptest! {
        #[test]
        fn a_network_holds_its_addresses_and_no_others(base: u32, bits in 0_u8..=32, address: u32) {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let written = format!("{}/{bits}", std::net::Ipv4Addr::from_bits(base & mask));
            let network: Network = written.parse().unwrap();
            prop_assert_eq!(network.to_string(), written);
            let of = |bits: u32| std::net::IpAddr::V4(std::net::Ipv4Addr::from_bits(bits));
            prop_assert!(network.holds(of((base & mask) | (address & !mask))));
            prop_assert_eq!(network.holds(of(address)), address & mask == base & mask);
        }
    }
}
