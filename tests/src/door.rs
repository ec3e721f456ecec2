//! Loopback ports that a program can come back to after a restart.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};

/// Below the range from which Linux takes the ports of outgoing connections (from 32,768), so that
/// nobody is given the port while its program is stopped.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port on 127.0.0.1 that nothing listens on now, chosen at random among those that stay free.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).context("the system gives no random numbers")?;
        let port = FIRST + u16::from_le_bytes(random) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST} and {}", FIRST + COUNT)
}
