//! What a window manager does elsewhere: on a bare X11 server a window gets neither the whole screen nor the
//! keyboard by itself.
//!
//! The window is also put on the screen here, a frame earlier than Slint does it: Slint draws its first frame into a window
//! that is not mapped, which X11 throws away, so that a visitor would wait for the second one.

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

/// Gives the keyboard to `window` once it is mapped, where nobody else would. The timer ends when dropped.
pub(super) fn keep(bare: &Rc<BareX11>, window: &AppWindow) -> Rc<Timer> {
    let timer = Rc::new(Timer::default());
    let (weak_timer, weak_window) = (Rc::downgrade(&timer), window.as_weak());
    let (bare, mut tries) = (bare.clone(), 0);
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
    timer
}

/// An X11 server without a window manager.
pub(super) struct BareX11 {
    connection: RustConnection,
    screen: usize,
}

impl BareX11 {
    /// A connection to the X11 server the window is on, if that has no window manager.
    pub(super) fn connect() -> Option<BareX11> {
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

    /// Width and height of the screen in pixels.
    pub(super) fn root_size(&self) -> (u32, u32) {
        let root = &self.connection.setup().roots[self.screen];
        (
            u32::from(root.width_in_pixels),
            u32::from(root.height_in_pixels),
        )
    }

    /// Puts the window on the screen; `None` while it is not there yet.
    pub(super) fn map(&self, window: &AppWindow) -> Option<()> {
        self.connection
            .map_window(id_of(window)?)
            .ok()?
            .check()
            .ok()
    }

    /// Sets the input focus; `None` while the window is not there yet.
    fn take_focus(&self, window: &AppWindow) -> Option<()> {
        let id = id_of(window)?;
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

/// The X11 window; `None` while there is none.
fn id_of(window: &AppWindow) -> Option<u32> {
    let handle = window.window().window_handle();
    match handle.window_handle().ok()?.as_raw() {
        RawWindowHandle::Xlib(xlib) => u32::try_from(xlib.window).ok(),
        RawWindowHandle::Xcb(xcb) => Some(xcb.window.get()),
        _ => None,
    }
}
