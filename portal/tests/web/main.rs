//! The pages for people, asked through the router as a browser would.

mod moderation;
mod phone;
mod public;
mod set_up;
mod sign_in;
mod support;
mod translations;
