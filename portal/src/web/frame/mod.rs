//! What every page stands in: languages, look, assets, limits.

pub(super) mod address;
pub mod assets;
pub(super) mod fonts;
pub mod look;
pub(super) mod page;
pub mod throttle;
