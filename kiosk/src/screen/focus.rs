//! What a window manager does elsewhere: on a bare X11 server a window gets neither the whole screen nor the
//! keyboard by itself.

use std::rc::Rc;
use std::time::Duration;

use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
use slint::{ComponentHandle as _, Timer, TimerMode};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, InputFocus, MapState};
use x11rb::rust_connection::RustConnection;

use super::ui::AppWindow;

/// How often the window is looked for until it is mapped.
const RETRY: Duration = Duration::from_millis(50);
/// After this many tries keys go without focus; touch works all the same.
const TRIES: u32 = 200;

/// Width and height in pixels of an X11 screen without a window manager; `None` on anything else.
pub(super) fn bare_x11_root_size() -> Option<(u32, u32)> {
    let bare = BareX11::connect()?;
    let root = &bare.connection.setup().roots[bare.screen];
    Some((
        u32::from(root.width_in_pixels),
        u32::from(root.height_in_pixels),
    ))
}

/// Gives the keyboard to `window` once it is mapped, where nobody else would. The timer ends when dropped.
pub(super) fn keep_on_bare_x11(window: &AppWindow) -> Option<Rc<Timer>> {
    let bare = BareX11::connect()?;
    let timer = Rc::new(Timer::default());
    let (weak_timer, weak_window) = (Rc::downgrade(&timer), window.as_weak());
    let mut tries = 0;
    timer.start(TimerMode::Repeated, RETRY, move || {
        tries += 1;
        let taken = weak_window
            .upgrade()
            .and_then(|window| bare.take_focus(&window))
            .is_some();
        if taken || tries == TRIES {
            if !taken {
                tracing::warn!(
                    "the window got no keyboard focus: keys 1 to 5 do not work, touch does"
                );
            }
            if let Some(timer) = weak_timer.upgrade() {
                timer.stop();
            }
        }
    });
    Some(timer)
}

struct BareX11 {
    connection: RustConnection,
    screen: usize,
}

impl BareX11 {
    /// A connection to the X11 server the window is on, if that has no window manager.
    fn connect() -> Option<BareX11> {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let other_backend =
            std::env::var("SLINT_BACKEND").is_ok_and(|backend| !backend.starts_with("winit"));
        if other_backend && set("SLINT_BACKEND") || !set("DISPLAY") {
            return None;
        }
        let (connection, screen) = x11rb::connect(None).ok()?;
        let check = connection
            .intern_atom(true, b"_NET_SUPPORTING_WM_CHECK")
            .ok()?
            .reply()
            .ok()?
            .atom;
        let root = connection.setup().roots[screen].root;
        let managed = check != x11rb::NONE
            && connection
                .get_property(false, root, check, AtomEnum::WINDOW, 0, 1)
                .ok()?
                .reply()
                .is_ok_and(|property| property.value_len > 0);
        (!managed).then_some(BareX11 { connection, screen })
    }

    /// Sets the input focus; `None` while the window is not there yet.
    fn take_focus(&self, window: &AppWindow) -> Option<()> {
        let handle = window.window().window_handle();
        let id = match handle.window_handle().ok()?.as_raw() {
            RawWindowHandle::Xlib(xlib) => u32::try_from(xlib.window).ok()?,
            RawWindowHandle::Xcb(xcb) => xcb.window.get(),
            _ => return None,
        };
        let attributes = self
            .connection
            .get_window_attributes(id)
            .ok()?
            .reply()
            .ok()?;
        if attributes.map_state != MapState::VIEWABLE {
            return None;
        }
        let parent = InputFocus::PARENT;
        self.connection
            .set_input_focus(parent, id, x11rb::CURRENT_TIME)
            .ok()?
            .check()
            .ok()
    }
}
