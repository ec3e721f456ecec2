//! Terminals that the real portal knows, with their keys in hand.

use std::path::Path;

use anyhow::{Context, Result, bail};
use pikir_contract::{
    Bytes, ClockReading, EventsRequest, Id, SealKey, SigningKey, encode_public_key,
};
use pikir_kiosk::platform::entropy::{Entropy, SystemEntropy};
use pikir_kiosk::portal::{HttpPortal, Portal as _, PortalAddress, Request};
use serde_json::{Value, json};

use super::supply::{Chain, Visitors};
use super::wire::Ready;
use crate::portal::Portal;

/// Where terminals hand in events.
pub const EVENTS: &str = "/api/v1/events";

/// A terminal that was enrolled with a one-time token.
pub struct Enrolled {
    /// The id the portal gave it.
    pub terminal: Id,
    /// Signs its requests.
    pub key: SigningKey,
    /// K1.
    pub first_key: SealKey,
}

/// Imports the sample organisations and makes a place; returns its code.
pub fn place(portal: &Portal) -> Result<String> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/organizations.csv");
    portal.import_organizations(&sample)?;
    portal.add_place("KG-ALA-ARCHA", "bench", &[])
}

impl Enrolled {
    /// Enrols one terminal at `place`.
    pub async fn new(portal: &Portal, place: &str) -> Result<Self> {
        let token = portal.create_token(place)?;
        let (mut secret, mut first_key) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut secret);
        SystemEntropy.fill(&mut first_key);
        let key = SigningKey::from_bytes(&secret);
        let public = encode_public_key(&key.verifying_key());
        let address = PortalAddress::new(&portal.url(), None)?;
        let clock = Visitors::new(1).clock();
        let http = HttpPortal::new(address, key.clone(), public.clone(), clock);
        let request = json!({
            "public_key": public, "seal_key": Bytes(first_key.to_vec()), "software": "bench",
            "hardware": {"model": "bench", "serial": "0"}, "token": token,
        });
        let reply = http
            .send(Request::post("/api/v1/enrolments", &request))
            .await
            .map_err(anyhow::Error::msg)?;
        if reply.status != 200 {
            bail!("the enrolment was answered {}", reply.status);
        }
        let result: Value = serde_json::from_slice(&reply.body)?;
        let terminal = result["terminal"].as_str().context("no terminal id")?;
        Ok(Self {
            terminal: terminal.parse()?,
            key,
            first_key: SealKey::from_bytes(first_key),
        })
    }

    /// Deliveries of `size` ratings each, packed and signed.
    pub fn deliveries(&self, seed: u64, count: usize, size: usize) -> Result<Vec<Ready>> {
        let (mut chain, mut visitors) = (Chain::new(self.first_key.clone()), Visitors::new(seed));
        (0..count)
            .map(|_| {
                let events = (0..size)
                    .map(|_| chain.seal(visitors.rate()))
                    .collect::<Result<_>>()?;
                self.delivery(events, visitors.reading())
            })
            .collect()
    }

    fn delivery(&self, events: Vec<pikir_contract::Event>, clock: ClockReading) -> Result<Ready> {
        let request = EventsRequest {
            terminal: self.terminal,
            clock,
            boots: Vec::new(),
            events,
        };
        self.ready(EVENTS, &serde_json::to_vec(&request)?)
    }

    /// Any message, packed and signed.
    pub fn ready(&self, path: &str, json: &[u8]) -> Result<Ready> {
        Ready::post(&self.key, &self.terminal.to_string(), path, json)
    }
}
