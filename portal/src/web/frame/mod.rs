//! What every page stands in: languages, look, assets, limits.

pub mod assets;
pub mod i18n;
pub mod look;
pub(super) mod page;
pub mod po;
pub mod throttle;
