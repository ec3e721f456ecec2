//! Who a request comes from when there are proxies in between.
//!
//! Nobody is believed who was not named with `serve --trusted-proxy`. A named proxy says in
//! `X-Forwarded-For` or `Forwarded` (RFC 7239) from whom it has a request; both are read from the
//! right end, where the nearest proxy writes, and no further than the first address that is no
//! named proxy.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use tokio::time::Instant;

/// How often the log says the same about forwarded addresses at most.
const WARNING_PAUSE: Duration = Duration::from_secs(60 * 60);

/// A block of addresses, `10.0.0.0/8` or `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// A text that is no block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No address, or no number behind the slash.
    #[error("is no address or block of addresses, such as 127.0.0.1 or 10.0.0.0/8")]
    Form,
    /// A prefix longer than the address.
    #[error("has a prefix longer than the address")]
    Prefix,
    /// Whoever trusts everybody lets everybody choose an address.
    #[error("names everybody: whoever is trusted chooses the address of others")]
    Everybody,
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => {
                (address, Some(prefix.parse().map_err(|_| CidrError::Form)?))
            }
            None => (text.trim(), None),
        };
        let written: IpAddr = address.parse().map_err(|_| CidrError::Form)?;
        let network = written.to_canonical();
        let prefix: u8 = prefix.unwrap_or(bits(written));
        if prefix > bits(written) {
            return Err(CidrError::Prefix);
        }
        // `::ffff:10.0.0.0/104` is 10.0.0.0/8.
        let prefix = prefix.checked_sub(bits(written) - bits(network));
        match prefix {
            None | Some(0) => Err(CidrError::Everybody),
            Some(prefix) => Ok(Self {
                network: masked(network, prefix),
                prefix,
            }),
        }
    }
}

impl Cidr {
    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.prefix) == self.network
    }
}

/// How long an address is.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first `prefix` bits of an address, the rest zero.
pub fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let host = u32::from(bits(address).saturating_sub(prefix));
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(host).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(host).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// The proxies that are believed. Cheap to clone; without an entry nobody is.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<Named>);

#[derive(Debug, Default)]
struct Named {
    blocks: Vec<Cidr>,
    warned: Mutex<Option<Instant>>,
}

impl TrustedProxies {
    /// Those in these blocks.
    pub fn new(blocks: Vec<Cidr>) -> Self {
        Self(Arc::new(Named {
            blocks,
            warned: Mutex::default(),
        }))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.blocks.iter().any(|block| block.contains(address))
    }

    /// The address a request came from, as far as those say who are believed. Where a named proxy
    /// says nothing that can be understood, or where its two headers contradict each other, it is
    /// the proxy's own: nobody else's limits are touched then, and nobody chooses an address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        let forwarded = values(headers, "forwarded");
        let x_forwarded_for = values(headers, "x-forwarded-for");
        if !self.trusts(peer) {
            if forwarded.is_some() || x_forwarded_for.is_some() {
                self.warn_of_unnamed(peer);
            }
            return peer;
        }
        let forwarded = forwarded.map(|text| self.walk(peer, &elements(&text)));
        let x_forwarded_for = x_forwarded_for.map(|text| self.walk(peer, &list(&text)));
        match (forwarded, x_forwarded_for) {
            (None, None) => peer,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) if one == other => one,
            // A client's own header went through a proxy that writes only the other one.
            _ => {
                self.warn(format_args!(
                    "a trusted proxy passes on Forwarded and X-Forwarded-For that contradict each other: have it remove the one it does not write"
                ));
                peer
            }
        }
    }

    /// Goes back from the peer, from one named proxy to the one before it.
    fn walk(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut at = peer;
        for hop in hops.iter().rev() {
            let Some(hop) = hop else {
                self.warn(format_args!(
                    "a trusted proxy does not say from whom it has its requests: the addresses it forwards cannot be read"
                ));
                return at;
            };
            at = *hop;
            if !self.trusts(at) {
                break;
            }
        }
        at
    }

    fn warn_of_unnamed(&self, peer: IpAddr) {
        // The address of a visitor is not for the log; a proxy of one's own mostly has none that
        // the world sees.
        if is_internal(peer) {
            self.warn(format_args!(
                "X-Forwarded-For from {peer} is ignored: if that is your proxy, start with --trusted-proxy {peer}"
            ));
        } else {
            self.warn(format_args!(
                "X-Forwarded-For is ignored: it comes from an address that no --trusted-proxy names"
            ));
        }
    }

    /// Says it once in a while: what arrives with every request must not fill the log.
    fn warn(&self, what: std::fmt::Arguments<'_>) {
        let mut warned = self.0.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|at| at.elapsed() < WARNING_PAUSE) {
            return;
        }
        *warned = Some(Instant::now());
        tracing::warn!("{what}");
    }
}

fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// All values of a header in one list, as RFC 9110 joins them.
fn values(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// The elements of `X-Forwarded-For`; `None` for what is no address.
fn list(text: &str) -> Vec<Option<IpAddr>> {
    let elements = text.split(',').map(str::trim);
    elements.filter(|hop| !hop.is_empty()).map(node).collect()
}

/// The `for=` of each element of `Forwarded`; `None` where there is no address.
fn elements(text: &str) -> Vec<Option<IpAddr>> {
    let hop = |element: &str| {
        let pairs = split_unquoted(element, ';');
        let mut pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
            .and_then(|(_, value)| node(value))
    };
    let elements = split_unquoted(text, ',');
    let elements = elements.iter().filter(|element| !element.trim().is_empty());
    elements.map(|element| hop(element)).collect()
}

/// Splits at `at` wherever it does not stand in a quoted string.
fn split_unquoted(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == at && !quoted
    })
    .collect()
}

/// The address of a node: bare or quoted, an IPv6 one in brackets where a port follows, the port a
/// number or hidden (`_gazonk`). None for `unknown`, a hidden identifier, and whatever else is no
/// address.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
        .replace('\\', "");
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            address.parse::<Ipv6Addr>().ok().filter(|_| is_port)?.into()
        }
        None => match text.split_once(':') {
            Some((address, port)) if is_port(port) => IpAddr::V4(address.parse().ok()?),
            _ => text.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    let hidden = text.strip_prefix('_').unwrap_or_default();
    text.parse::<u16>().is_ok()
        || (!hidden.is_empty()
            && hidden
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)))
}

/// The address a request came from; `None` where there is no connection. It is never stored or
/// logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let named = parts.extensions.get::<TrustedProxies>().cloned();
        let client = peer.map(|peer| {
            named
                .unwrap_or_default()
                .client(peer.0.ip(), &parts.headers)
        });
        Ok(Self(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(named: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> String {
        let blocks = named.iter().map(|block| block.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let found = TrustedProxies::new(blocks).client(peer.parse().unwrap(), &map);
        found.to_string()
    }

    const XFF: &str = "x-forwarded-for";
    const LOOPBACK: &[&str] = &["127.0.0.1", "::1"];

    #[test]
    fn nobody_is_believed_who_is_not_named() {
        for peer in ["127.0.0.1", "::1", "10.1.2.3", "198.51.100.7"] {
            assert_eq!(client(&[], peer, &[(XFF, "203.0.113.1")]), peer);
            assert_eq!(client(&[], peer, &[("forwarded", "for=203.0.113.1")]), peer);
        }
        let named = &["10.0.0.0/8"];
        assert_eq!(
            client(named, "11.0.0.1", &[(XFF, "203.0.113.1")]),
            "11.0.0.1"
        );
    }

    #[test]
    fn a_named_proxy_is_believed_in_every_way_in_which_addresses_are_written() {
        for (written, expected) in [
            ("203.0.113.1", "203.0.113.1"),
            ("203.0.113.1:5001", "203.0.113.1"),
            (" 203.0.113.1 ", "203.0.113.1"),
            ("2001:db8::17", "2001:db8::17"),
            ("[2001:db8::17]", "2001:db8::17"),
            ("[2001:db8::17]:4711", "2001:db8::17"),
            ("\"[2001:db8::17]:4711\"", "2001:db8::17"),
            ("::ffff:203.0.113.1", "203.0.113.1"),
        ] {
            assert_eq!(
                client(LOOPBACK, "127.0.0.1", &[(XFF, written)]),
                expected,
                "{written}"
            );
        }
        for (written, expected) in [
            ("for=203.0.113.1", "203.0.113.1"),
            ("For=\"203.0.113.1:_port.1\";proto=https", "203.0.113.1"),
            (
                "proto=http;by=\"a;for=9.9.9.9,\";for=\"[2001:db8:cafe::17]:4711\"",
                "2001:db8:cafe::17",
            ),
            (
                "for=9.9.9.9, for=192.0.2.43;host=\"x\\\",for=8.8.8.8\"",
                "192.0.2.43",
            ),
        ] {
            let found = client(LOOPBACK, "::1", &[("forwarded", written)]);
            assert_eq!(found, expected, "{written}");
        }
    }

    #[test]
    fn what_a_client_wrote_itself_stands_left_of_what_the_proxy_saw() {
        let found = client(LOOPBACK, "127.0.0.1", &[(XFF, "6.6.6.6, 203.0.113.1")]);
        assert_eq!(found, "203.0.113.1");
        let twice = [(XFF, "6.6.6.6"), (XFF, "203.0.113.1")];
        assert_eq!(client(LOOPBACK, "127.0.0.1", &twice), "203.0.113.1");
        let not_text = "\u{fffd}\u{444}, 203.0.113.1";
        assert_eq!(
            client(LOOPBACK, "127.0.0.1", &[(XFF, not_text)]),
            "203.0.113.1"
        );
    }

    #[test]
    fn named_proxies_before_one_another_are_stepped_over() {
        let named = &["127.0.0.1", "10.0.0.0/8", "2001:db8:aa::/48"];
        let found = |chain| client(named, "::ffff:127.0.0.1", &[(XFF, chain)]);
        assert_eq!(
            found("6.6.6.6, 203.0.113.1, 10.9.9.9, 2001:db8:aa::5"),
            "203.0.113.1"
        );
        assert_eq!(found("10.1.1.1, 10.9.9.9"), "10.1.1.1");
        assert_eq!(found("6.6.6.6, 11.0.0.1, 10.9.9.9"), "11.0.0.1");
    }

    #[test]
    fn a_proxy_that_does_not_say_whom_it_serves_stands_for_all_of_them() {
        for written in [
            "unknown",
            "_hidden",
            "203.0.113.1, unknown",
            "localhost",
            "1.2.3.4:x",
            "[::1",
            "",
        ] {
            assert_eq!(
                client(LOOPBACK, "127.0.0.1", &[(XFF, written)]),
                "127.0.0.1",
                "{written}"
            );
            let element = written.rsplit(", ").next().unwrap();
            let forwarded = format!("for=\"203.0.113.1\", for={element}");
            let forwarded = client(LOOPBACK, "127.0.0.1", &[("forwarded", &forwarded)]);
            assert_eq!(forwarded, "127.0.0.1", "{written}");
        }
        let silent = client(LOOPBACK, "127.0.0.1", &[("forwarded", "proto=https")]);
        assert_eq!(silent, "127.0.0.1");
        // Behind what is known nothing is guessed.
        let hidden = client(
            &["127.0.0.1", "10.0.0.0/8"],
            "127.0.0.1",
            &[(XFF, "203.0.113.1, unknown, 10.0.0.7")],
        );
        assert_eq!(hidden, "10.0.0.7");
    }

    #[test]
    fn a_header_that_the_proxy_did_not_write_chooses_no_address() {
        let both = |forwarded: &str| {
            client(
                LOOPBACK,
                "127.0.0.1",
                &[("forwarded", forwarded), (XFF, "203.0.113.1")],
            )
        };
        assert_eq!(both("for=203.0.113.1"), "203.0.113.1");
        assert_eq!(both("for=6.6.6.6"), "127.0.0.1");
    }

    #[test]
    fn blocks_are_read_as_people_write_them() {
        let contains =
            |block: &str, ip: &str| block.parse::<Cidr>().unwrap().contains(ip.parse().unwrap());
        assert!(contains("192.0.2.77/24", "192.0.2.1"));
        assert!(!contains("192.0.2.0/25", "192.0.2.128"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.6"));
        assert!(contains("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!contains("2001:db8::/33", "2001:db8:8000::1"));
        assert!(contains("::ffff:10.0.0.0/104", "10.200.0.1"));
        for (text, error) in [
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/", CidrError::Form),
            ("proxy.example", CidrError::Form),
            ("0.0.0.0/0", CidrError::Everybody),
            ("::/0", CidrError::Everybody),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }
}
