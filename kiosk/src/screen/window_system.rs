//! Whether there is a window system to open a window on, without opening one.

use super::ScreenError;

/// Asks the X11 server for a connection, and leaves it again.
///
/// # Errors
/// None is named, or it does not answer.
pub fn find_window_system() -> Result<(), ScreenError> {
    let named = std::env::var_os("DISPLAY").is_some_and(|name| !name.is_empty());
    if !named {
        return Err(ScreenError::NoWindowSystem("DISPLAY is not set".into()));
    }
    x11rb::connect(None)
        .map(drop)
        .map_err(|error| ScreenError::NoWindowSystem(error.to_string()))
}
