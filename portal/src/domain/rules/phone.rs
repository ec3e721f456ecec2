//! The numbers of the rules for reviews from phones. Each is set where people end and machines
//! begin; whoever is left out wrongly is counted again by staff.

use std::net::IpAddr;

use pikir_contract::{DEFAULT_STEP_S, PRESENCE_WINDOW_STEPS};

use crate::platform::proxies::masked;

/// The life of one presence token, milliseconds: it is accepted in its own step and in two on
/// either side.
pub const TOKEN_LIFE_MS: i64 =
    (2 * PRESENCE_WINDOW_STEPS as i64 + 1) * DEFAULT_STEP_S as i64 * 1000;
/// `rush`: how long one person has a screen's code to themselves, milliseconds: walking up, opening
/// the camera, scanning.
pub const SCAN_MS: i64 = 30_000;
/// `rush`: reviews on site at one place within [`TOKEN_LIFE_MS`]: one person after the other. With
/// more in that time none of them counts: which are people's nobody can tell.
pub const RUSH_COUNT: usize = (TOKEN_LIFE_MS / SCAN_MS) as usize;
/// `network`: reviews about one place from one network within [`NETWORK_WINDOW_MS`]. Five windows
/// serve ten visitors in ten minutes, each with a phone in the office's own network; and not all of
/// them write.
pub const NETWORK_COUNT: usize = 10;
/// `network`: the shorter time, milliseconds (10 minutes).
pub const NETWORK_WINDOW_MS: i64 = 600_000;
/// `network`: reviews about one place from one network within [`NETWORK_DAY_MS`]: five windows
/// serve 500 visitors in a day, of whom one in ten writes from the same network.
pub const NETWORK_DAY_COUNT: usize = 50;
/// `network`: the longer time, milliseconds (a day, as long as a network is known at all).
pub const NETWORK_DAY_MS: i64 = 86_400_000;
/// `replay`: networks from which one token may come. A screen shows it for five minutes, in which
/// ten people can scan it.
pub const REPLAY_NETWORKS: usize = (DEFAULT_STEP_S as i64 * 1000 / SCAN_MS) as usize;

/// `network` and `replay`: bits of an IPv4 address that one network shares. A provider's customer
/// has neighbours there, and an operator puts a town's phones behind as many addresses.
pub const NETWORK_BITS_V4: u8 = 24;
/// The same of an IPv6 address: as much as is given to anybody who asks.
pub const NETWORK_BITS_V6: u8 = 48;

/// The network of an address.
pub fn network_of(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    match address {
        IpAddr::V4(_) => masked(address, NETWORK_BITS_V4),
        IpAddr::V6(_) => masked(address, NETWORK_BITS_V6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network_and_others_do_not() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.77"), "203.0.113.0");
        assert_eq!(of("::ffff:203.0.113.1"), "203.0.113.0");
        assert_eq!(of("2001:db8:7:99::1"), "2001:db8:7::");
        assert_ne!(of("2001:db8:8::1"), of("2001:db8:7::1"));
    }

    #[test]
    fn a_token_s_life_and_what_passes_in_it_follow_from_its_step() {
        assert_eq!(
            (TOKEN_LIFE_MS, RUSH_COUNT, REPLAY_NETWORKS),
            (1_500_000, 50, 10)
        );
    }
}
