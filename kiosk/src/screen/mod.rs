//! The window: draws a [`View`], reports [`UserAction`]s, and nothing else.
//!
//! One global Slint adapter per screen (`ui/screens/*.slint`), each connected by one file here.
//! Everything in this module runs on the UI thread; what other threads want of it is posted to the
//! UI thread's state (`app/ui/mod.rs`).

mod contacts;
mod focus;
mod hands;
mod idle_warning;
pub mod keyboard;
mod keys;
mod linuxkms;
mod models;
mod more;
mod out_of_service;
mod panel;
mod qr;
mod rate;
mod rest;
mod setup;
mod shell;
mod speech;
mod thanks;
pub mod ui;
mod window_system;
mod winit;
mod words;

pub use contacts::{Contact, Phase};
pub use linuxkms::{draws_by_itself, prepare, touch_matrix};
pub use rest::Rest;
pub use window_system::find_window_system;

use std::cell::Cell;
use std::rc::Rc;

use slint::{CloseRequestResponse, ComponentHandle as _, PhysicalSize};

use crate::speech::Request;
use crate::view::Room;
use crate::view::{ScreenView, UserAction, View};
use contacts::Touches;
use focus::BareX11;
use ui::{AppWindow, ScreenKind, Shell, Theme};

/// How the window is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScreenOptions {
    /// Width and height in physical pixels of a window among others; `None`: the whole screen.
    pub windowed: Option<(u32, u32)>,
    /// Nothing on the screen moves; what is pressed still changes at once.
    pub reduced_motion: bool,
}

/// Why there is no screen, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// Neither a window system nor a display could be opened.
    #[error(
        "cannot open the screen: {0}. On a terminal the service needs /dev/dri and /dev/input; \
         in a desktop session DISPLAY must be set (under Wayland, XWayland sets it)"
    )]
    Open(#[source] slint::PlatformError),
    /// There is no window system.
    #[error(
        "no window system answers: {0}. Under X11 DISPLAY must be set (under Wayland, XWayland sets it); to draw straight to \
         the screen set SLINT_BACKEND=linuxkms-software, as in the service"
    )]
    NoWindowSystem(String),
    /// The window system or display failed while the program ran.
    #[error("the screen failed: {0}")]
    Run(#[source] slint::PlatformError),
    /// The UI thread has ended, so nothing can be shown.
    #[error("the screen has been closed")]
    Closed(#[source] slint::EventLoopError),
}

/// The terminal's window. Lives on the UI thread; cheap to clone, all clones are the same window.
pub struct Screen {
    window: AppWindow,
    touches: Rc<Touches>,
    /// The display, where it has no window manager.
    bare: Option<Rc<BareX11>>,
}

impl Clone for Screen {
    fn clone(&self) -> Screen {
        Screen {
            window: self.window.clone_strong(),
            touches: self.touches.clone(),
            bare: self.bare.clone(),
        }
    }
}

impl Screen {
    /// Makes the window. It appears with [`Screen::run`].
    pub fn new(options: &ScreenOptions) -> Result<Screen, ScreenError> {
        let window = AppWindow::new().map_err(ScreenError::Open)?;
        window
            .global::<Theme>()
            .set_reduced_motion(options.reduced_motion);
        words::connect(&window);
        qr::connect(&window);
        keys::connect(&window);
        let touches = Touches::new(&window);
        linuxkms::hand_input_to(&window, touches.clone());
        winit::hand_contacts_to(&window, touches.clone());
        let bare = BareX11::connect().map(Rc::new);
        let screen = Screen {
            window,
            touches,
            bare,
        };
        screen.fit(options.windowed);
        // Whoever stands at the terminal cannot leave it.
        screen
            .window()
            .on_close_requested(|| CloseRequestResponse::KeepWindowShown);
        Ok(screen)
    }

    fn fit(&self, windowed: Option<(u32, u32)>) {
        // Among other windows a mouse is at home.
        let shell = self.window.global::<Shell>();
        shell.set_pointer_hidden(windowed.is_none());
        if let Some((width, height)) = windowed {
            self.window().set_size(PhysicalSize::new(width, height));
        } else if let Some(bare) = &self.bare {
            // Without a window manager nobody answers a request for the full screen.
            let (width, height) = bare.root_size();
            self.window().set_size(PhysicalSize::new(width, height));
            bare.hide_pointer();
            focus::follow_size(bare, &self.window);
        } else {
            self.window().set_fullscreen(true);
        }
    }

    /// Something touched the screen, or no longer does: the way of both backends to the window.
    pub fn contact(&self, contact: Contact, phase: Phase) {
        self.touches.happen(contact, phase);
    }

    /// Calls `report` for everything a person does at the screen, at once, on the UI thread. It
    /// must not block.
    pub fn on_action(&self, report: impl Fn(UserAction) + 'static) {
        let report: Rc<dyn Fn(UserAction)> = Rc::new(report);
        shell::connect(&self.window, &report);
        rate::connect(&self.window, &report);
        thanks::connect(&self.window, &report);
        panel::connect(&self.window, &report);
        more::connect(&self.window, &report);
        idle_warning::connect(&self.window, &report);
        keys::report(&self.window, &report);
        self::keyboard::connect::connect(&self.window, &report);
    }

    /// Calls `report` for everything that is to be said, or no longer, on the UI thread. It must
    /// not block.
    pub fn on_speech(&self, report: impl Fn(Request) + 'static) {
        speech::connect(&self.window, report);
    }

    /// The same key again within this time (milliseconds) is the same key press; 0: every one
    /// counts.
    pub fn set_double_strike(&self, milliseconds: u16) {
        self.window
            .global::<ui::Keys>()
            .set_double_strike(i64::from(milliseconds));
    }

    /// Says whether speech can be had here, and whether the visitor alone hears it.
    pub fn set_speech(&self, available: bool, private: bool) {
        let speech = self.window.global::<ui::Speech>();
        speech.set_available(available);
        speech.set_private(private);
    }

    /// Says whether two scanning buttons stand in front of the screen: what is spoken names them,
    /// and no keys.
    pub fn set_two_buttons(&self, there: bool) {
        self.window.global::<ui::Speech>().set_two_buttons(there);
    }

    /// Puts the window on the screen with its first frame, and calls `painted` once, as soon as
    /// that is there: drawn and handed to the display, whatever the backend.
    pub fn on_first_frame(&self, painted: impl FnOnce() + 'static) {
        let painted = Cell::new(Some(painted));
        let (window, bare) = (self.window.as_weak(), self.bare.clone());
        // The renderer asks for this colour in the midst of the first frame. A timer that is due at
        // once fires in the event loop's next turn, when that frame has been presented.
        self.window.global::<Shell>().on_painted(move |beat| {
            rest::painted(beat);
            if let Some(painted) = painted.take() {
                if let (Some(bare), Some(window)) = (&bare, window.upgrade()) {
                    let _ = bare.map(&window);
                }
                slint::Timer::single_shot(std::time::Duration::ZERO, painted);
            }
            PAPER
        });
    }

    /// Draws `view`. What is the same as before is not drawn again.
    pub fn show(&self, view: &View) {
        shell::show(&self.window, view);
        panel::show(&self.window, &view.adaptation);
        speech::show(&self.window, view);
        idle_warning::show(&self.window, view);
        let kind = match &view.screen {
            ScreenView::Setup(setup) => {
                setup::show(&self.window, setup);
                ScreenKind::Setup
            }
            ScreenView::Rate(rate) => {
                rate::show(&self.window, view, rate);
                ScreenKind::Rate
            }
            ScreenView::Thanks(thanks) => {
                thanks::show(&self.window, *thanks);
                ScreenKind::Thanks
            }
            ScreenView::More(page) => {
                more::show(&self.window, page);
                ScreenKind::More
            }
            ScreenView::OutOfService(fault) => {
                out_of_service::show(&self.window, fault);
                ScreenKind::OutOfService
            }
        };
        more::show_keyboard(&self.window, view);
        keys::show(&self.window, view);
        self.window.global::<Shell>().set_screen(kind);
    }

    /// The first of two buttons: the focus goes on to the next group or control.
    pub fn scan_next(&self) {
        keys::press(&self.window, slint::platform::Key::F11);
    }

    /// The second of two buttons: what has the focus is selected.
    pub fn scan_select(&self) {
        keys::press(&self.window, slint::platform::Key::F12);
    }

    /// How bright the picture is, and where it stands.
    pub fn rest(&self, rest: &Rest) {
        rest::show(&self.window, rest);
    }

    /// Whether a finger is on the panel, as far as is known.
    pub fn is_finger_down(&self) -> bool {
        self.window.global::<Shell>().get_finger_down()
    }

    /// What can be told in the question's place: a small panel has no room for news, and nobody
    /// reads a dark one.
    pub fn room_for_news(&self) -> Room {
        if self.window.global::<Shell>().get_dark() {
            Room::None
        } else if self.window.global::<Theme>().get_compact() {
            Room::Line
        } else {
            Room::Whole
        }
    }

    /// Has a frame painted soon. [`Screen::painted_beat`] tells `beat` once it was. Needs
    /// [`Screen::on_first_frame`].
    pub fn ask_for_frame(&self, beat: i32) {
        self.window.global::<Shell>().set_beat(beat);
    }

    /// What the newest painted frame was asked for with.
    pub fn painted_beat(&self) -> i32 {
        rest::painted_beat()
    }

    /// Slint's window, for its size, a snapshot, or synthetic events.
    pub fn window(&self) -> &slint::Window {
        self.window.window()
    }

    /// The component, for finding elements by their accessible label.
    pub fn component(&self) -> &AppWindow {
        &self.window
    }

    /// Shows the window and handles its events until [`Screen::quit`].
    pub fn run(&self) -> Result<(), ScreenError> {
        self.window.show().map_err(ScreenError::Open)?;
        let _focus = self
            .bare
            .as_ref()
            .map(|bare| focus::keep(bare, &self.window));
        slint::run_event_loop_until_quit().map_err(ScreenError::Run)
    }

    /// Ends [`Screen::run`].
    pub fn quit(&self) -> Result<(), ScreenError> {
        slint::quit_event_loop().map_err(ScreenError::Closed)
    }
}

/// The colour of the ground (`Theme.paper`), for the one pixel that reports the first frame.
const PAPER: slint::Color = slint::Color::from_rgb_u8(0xf5, 0xf6, 0xf2);
