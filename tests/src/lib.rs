//! The real Pikir programs together: what starts them, watches them, breaks them and shows them.
//!
//! Nothing here reaches into the programs. They are started as a user starts them, on fresh
//! directories and free loopback ports, and end with the value that stands for them, whatever
//! happens to the test. The tests in `tests/` are the claims; [`demo`] is the demonstration.
//!
//! The exception is [`simulation`]: the terminal's journal and uploader themselves, as a library,
//! on a disk ([`disk`]), a network and in a time that are simulated.

pub mod axe;
pub mod bench;
pub mod bins;
pub mod browser;
pub mod demo;
pub mod dice;
pub mod disk;
pub mod door;
pub mod framebuffer;
pub mod html;
pub mod http;
pub mod kiosk;
pub mod line;
pub mod peer;
pub mod portal;
pub mod power;
pub mod preload;
pub mod process;
pub mod provision;
pub mod proxy;
pub mod qr;
pub mod records;
pub mod scene;
pub mod simulation;
pub mod skip;
pub mod speech;
pub mod visitor;
pub mod wait;
pub mod xvfb;
