//! The road to the portal under bad conditions.

mod half_open;
mod wrong_clock;
