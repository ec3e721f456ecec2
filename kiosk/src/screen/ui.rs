//! The code Slint makes of `ui/app.slint`: the window and one global adapter per screen.
#![allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::restriction,
    reason = "generated"
)]

slint::include_modules!();
