//! What a window manager does elsewhere: on a bare X11 server a window gets neither the whole
//! screen nor the keyboard by itself, does not follow a screen whose size changes, and has the
//! server's pointer over it.
//!
//! The window is also put on the screen here, a frame earlier than Slint does it: Slint draws its
//! first frame into a window that is not mapped, which X11 throws away, so that a visitor would
//! wait for the second one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
use slint::{ComponentHandle as _, PhysicalSize, Timer, TimerMode};
use x11rb::connection::Connection as _;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, EventMask, InputFocus,
    MapState, Rectangle,
};
use x11rb::rust_connection::RustConnection;

use super::ui::AppWindow;

/// How often the window is looked for until it is mapped.
const RETRY: Duration = Duration::from_millis(50);
/// After this many tries keys go without focus; touch works all the same.
const TRIES: u32 = 200;

/// Gives the keyboard to `window` once it is mapped, where nobody else would. The timer ends when
/// dropped.
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

/// Keeps `window` as large as the screen, whatever size that takes: the server tells of each.
pub(super) fn follow_size(bare: &BareX11, window: &AppWindow) {
    let (bare, window) = (bare.clone(), window.as_weak());
    let follow = move || {
        // Until the server or the program ends.
        while let Ok(event) = bare.connection.wait_for_event() {
            let Event::ConfigureNotify(now) = event else {
                continue;
            };
            if now.window == bare.root() {
                let size = PhysicalSize::new(now.width.into(), now.height.into());
                let fit = move |window: AppWindow| window.window().set_size(size);
                let _ = window.upgrade_in_event_loop(fit);
            }
        }
    };
    let thread = std::thread::Builder::new().name("display".into());
    if let Err(error) = thread.spawn(follow) {
        tracing::warn!(%error, "the window does not follow the size of the screen");
    }
}

/// An X11 server without a window manager. All clones are the same connection.
#[derive(Clone)]
pub(super) struct BareX11 {
    connection: Arc<RustConnection>,
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
        if managed {
            return None;
        }
        // The server tells of a new size, from before the first one is asked for.
        let events = EventMask::STRUCTURE_NOTIFY;
        let attributes = ChangeWindowAttributesAux::new().event_mask(events);
        connection
            .change_window_attributes(root, &attributes)
            .ok()?;
        Some(BareX11 {
            connection: Arc::new(connection),
            screen,
        })
    }

    fn root(&self) -> u32 {
        self.connection.setup().roots[self.screen].root
    }

    /// Width and height of the screen in pixels.
    pub(super) fn root_size(&self) -> (u32, u32) {
        let asked = self.connection.get_geometry(self.root()).ok();
        let size = asked
            .and_then(|asked| asked.reply().ok())
            .map(|now| (now.width, now.height));
        let (width, height) = size.unwrap_or_else(|| {
            let root = &self.connection.setup().roots[self.screen];
            (root.width_in_pixels, root.height_in_pixels)
        });
        (width.into(), height.into())
    }

    /// Takes the pointer from the screen, for as long as the program runs.
    pub(super) fn hide_pointer(&self) {
        if let Err(error) = self.try_hide_pointer() {
            tracing::warn!(%error, "the pointer stays on the screen");
        }
    }

    fn try_hide_pointer(&self) -> Result<(), ReplyOrIdError> {
        let (connection, root) = (&*self.connection, self.root());
        // Over the ground, and over every window that asks for no pointer of its own.
        let cursor = self.no_cursor()?;
        let attributes = ChangeWindowAttributesAux::new().cursor(cursor);
        connection
            .change_window_attributes(root, &attributes)?
            .check()?;
        // And over the others: servers since 2007 can.
        connection.xfixes_query_version(4, 0)?.reply()?;
        connection.xfixes_hide_cursor(root)?.check()?;
        Ok(())
    }

    /// A pointer of one pixel, of which none is drawn.
    fn no_cursor(&self) -> Result<u32, ReplyOrIdError> {
        let connection = &*self.connection;
        let [pixels, context, cursor] = [(); 3].map(|()| connection.generate_id());
        let (pixels, context, cursor) = (pixels?, context?, cursor?);
        connection.create_pixmap(1, pixels, self.root(), 1, 1)?;
        connection.create_gc(context, pixels, &CreateGCAux::new().foreground(0))?;
        let all = Rectangle {
            x: 0,
            y: 0,
            width: 1,
            height: 1,
        };
        connection.poly_fill_rectangle(pixels, context, &[all])?;
        connection
            .create_cursor(cursor, pixels, pixels, 0, 0, 0, 0, 0, 0, 0, 0)?
            .check()?;
        connection.free_gc(context)?;
        connection.free_pixmap(pixels)?;
        Ok(cursor)
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
