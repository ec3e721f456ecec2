//! Networks told apart for a day, without keeping who they are.
//!
//! What is kept with a review is a digest of network and place under a key that lives in memory
//! alone and is thrown away each day: afterwards nobody can find out of which network it was, nor
//! follow one from day to day or from place to place.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use pikir_contract::PlaceCode;
use sha2::Sha256;

use crate::app::AppState;
use crate::domain::rules::phone::{NETWORK_DAY_MS, network_of};
use crate::storage::NetworkDigest;

/// Makes digests of networks.
#[derive(Debug, Default)]
pub struct Networks {
    today: Mutex<Option<(i64, [u8; 32])>>,
}

impl Networks {
    /// The digest of a network, for reviews about this place today (by UTC: it is night then where
    /// offices close).
    pub fn digest(&self, app: &AppState, place: &PlaceCode, address: IpAddr) -> NetworkDigest {
        // HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key(app)).expect("any key length");
        mac.update(place.as_str().as_bytes());
        mac.update(b"|");
        mac.update(network_of(address).to_string().as_bytes());
        let whole = mac.finalize().into_bytes();
        std::array::from_fn(|index| whole[index])
    }

    fn key(&self, app: &AppState) -> [u8; 32] {
        let day = app.clock.unix_ms().div_euclid(NETWORK_DAY_MS);
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        match *today {
            Some((of, key)) if of == day => key,
            _ => {
                let key = app.entropy.bytes();
                *today = Some((day, key));
                key
            }
        }
    }
}
