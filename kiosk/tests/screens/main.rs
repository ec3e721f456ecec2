//! What a visitor and a technician see: every screen drawn off-screen with real pixels, in five languages and the
//! sizes of real panels. The pictures are written to `target/screens/`; contact sheets hold them side by side.
#![cfg(feature = "screen")]

mod contrast;
mod geometry;
mod input;
mod look;
mod pixels;
mod qr;
mod samples;
mod stage;
mod translations;
