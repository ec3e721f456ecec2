//! Drawing straight to the screen, without a window system: the picture's rotation, and the touch
//! panel's with it.
//!
//! Slint takes the picture's rotation from the environment and hands touches on as libinput gives
//! them, unturned. So each panel's calibration matrix is turned here as libinput announces it, also
//! when it is plugged in later. What the system's own calibration says
//! (`LIBINPUT_CALIBRATION_MATRIX` of udev) stays in force beneath.
//!
//! Slint makes nothing of some keys that a terminal needs, so they are handed to the window from
//! here. Contacts go to [`Touches`]; Slint hears of none, and so draws no pointer either.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use input::event::keyboard::{KeyState, KeyboardEvent, KeyboardEventTrait as _};
use input::event::pointer::{ButtonState, PointerEvent};
use input::event::touch::{TouchEvent, TouchEventPosition, TouchEventSlot as _};
use input::event::{DeviceEvent, EventTrait as _};
use input::{Device, DeviceCapability, Event};

use slint::platform::{Key, WindowEvent};
use slint::{ComponentHandle as _, LogicalPosition, LogicalSize, SharedString, Weak};

use super::ScreenError;
use super::contacts::{Contact, Phase, Touches};
use super::ui::AppWindow;

/// A 2×3 matrix, row by row, from a panel's coordinates to the window's, both 0 to 1.
pub type Matrix = [f32; 6];

/// What Slint is told where nothing else was chosen.
const BACKEND: &str = "linuxkms-software";
/// Key codes of both Alt keys (linux/input-event-codes.h). Slint ends its event loop at
/// Ctrl+Alt+Backspace; without Alt there is no such combination, and no script of the visitors
/// needs it.
const ALT_KEYS: [u32; 2] = [56, 100];
/// Key codes of both Shift keys.
const SHIFT_KEYS: [u32; 2] = [42, 54];
/// Key code of Tab.
const TAB: u32 = 15;
/// Key codes of a number block, for 0 to 9. Nobody presses Num Lock on a terminal, without which
/// Slint gets no digit.
const NUMBER_BLOCK: [u32; 10] = [82, 79, 80, 81, 75, 76, 77, 71, 72, 73];

/// Button code of the button of a mouse that chooses.
const LEFT_BUTTON: u32 = 0x110;

thread_local! {
    static WINDOW: RefCell<Weak<AppWindow>> = RefCell::default();
    static TOUCHES: RefCell<Option<Rc<Touches>>> = const { RefCell::new(None) };
}

/// Whether the program draws to the screen itself, and not into a window of X11. A Wayland session
/// without XWayland has no place for it, but the screen is taken there.
#[must_use]
pub fn draws_by_itself() -> bool {
    let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match value("SLINT_BACKEND") {
        Some(backend) => backend.to_lowercase().starts_with("linuxkms"),
        None => ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
            .into_iter()
            .all(|name| value(name).is_none()),
    }
}

/// Makes ready to draw to the screen itself. `rotation`: clockwise, in degrees. Calls `on_panels`
/// with the number of touch panels whenever one comes or goes. To be called before the window is
/// made, where [`draws_by_itself`].
///
/// # Errors
/// The backend cannot be had.
pub fn prepare(rotation: u16, on_panels: impl Fn(u32) + 'static) -> Result<(), ScreenError> {
    turn_picture(rotation);
    let panels = Cell::new(0);
    let keyboard = Keyboard::default();
    let hook = move |event: &Event| match event {
        Event::Device(DeviceEvent::Added(added)) => {
            let mut device = added.device();
            turn_touch(&mut device, rotation);
            if device.has_capability(DeviceCapability::Touch) {
                panels.set(panels.get() + 1);
                on_panels(panels.get());
            }
            false
        }
        Event::Device(DeviceEvent::Removed(removed)) => {
            if removed.device().has_capability(DeviceCapability::Touch) {
                panels.set(panels.get().saturating_sub(1));
                on_panels(panels.get());
                if panels.get() == 0 {
                    with_touches(|touches, _| touches.all_gone());
                }
            }
            false
        }
        Event::Touch(touch) => {
            with_touches(|touches, size| hand_over_touch(touch, touches, size));
            true
        }
        Event::Pointer(pointer) => {
            with_touches(|touches, size| hand_over_pointer(pointer, touches, size));
            true
        }
        Event::Keyboard(KeyboardEvent::Key(key)) => {
            keyboard.takes(key.key(), key.key_state() == KeyState::Pressed)
        }
        _ => false,
    };
    let chosen = std::env::var("SLINT_BACKEND").unwrap_or_default();
    let backend = if chosen.is_empty() {
        BACKEND.to_owned()
    } else {
        chosen
    };
    slint::BackendSelector::new()
        .backend_name(backend)
        .with_libinput_event_hook(hook)
        .select()
        .map_err(ScreenError::Open)
}

/// The window that gets the keys of which Slint makes nothing, and contacts by way of `touches`.
pub(super) fn hand_input_to(window: &AppWindow, touches: Rc<Touches>) {
    WINDOW.set(window.as_weak());
    TOUCHES.set(Some(touches));
}

/// Calls `task` with the size of the window in logical pixels.
fn with_touches(task: impl FnOnce(&Rc<Touches>, LogicalSize)) {
    let touches = TOUCHES.with_borrow(Clone::clone);
    if let (Some(touches), Some(window)) = (touches, WINDOW.with_borrow(Weak::upgrade)) {
        let window = window.window();
        task(&touches, window.size().to_logical(window.scale_factor()));
    }
}

fn hand_over_touch(event: &TouchEvent, touches: &Rc<Touches>, size: LogicalSize) {
    let (slot, phase) = match event {
        TouchEvent::Down(down) => (down.seat_slot(), Phase::Down(place(down, size))),
        TouchEvent::Motion(motion) => (motion.seat_slot(), Phase::Moved(place(motion, size))),
        TouchEvent::Up(up) => (up.seat_slot(), Phase::Up),
        TouchEvent::Cancel(cancel) => (cancel.seat_slot(), Phase::Cancelled),
        _ => return,
    };
    touches.happen(Contact::Finger(slot.into()), phase);
}

fn place(event: &impl TouchEventPosition, size: LogicalSize) -> LogicalPosition {
    // Whole pixels, as libinput takes them; coordinates of a screen are exact in f32.
    let (width, height) = (size.width as u32, size.height as u32);
    LogicalPosition::new(
        event.x_transformed(width) as f32,
        event.y_transformed(height) as f32,
    )
}

fn hand_over_pointer(event: &PointerEvent, touches: &Rc<Touches>, size: LogicalSize) {
    match event {
        PointerEvent::Motion(motion) => {
            touches.shift((motion.dx() as f32, motion.dy() as f32), size);
        }
        PointerEvent::MotionAbsolute(motion) => {
            let (width, height) = (size.width as u32, size.height as u32);
            let x = motion.absolute_x_transformed(width) as f32;
            let y = motion.absolute_y_transformed(height) as f32;
            touches.point(LogicalPosition::new(x, y));
        }
        PointerEvent::Button(button) => {
            let contact = match button.button() {
                LEFT_BUTTON => Contact::Button,
                other => Contact::OtherButton(other),
            };
            touches.press(contact, button.button_state() == ButtonState::Pressed);
        }
        _ => {}
    }
}

/// What the keyboards have to do with the terminal before Slint sees it.
#[derive(Default)]
struct Keyboard {
    /// Which of [`SHIFT_KEYS`] are held down.
    shifts: Cell<[bool; 2]>,
}

impl Keyboard {
    /// Whether Slint is not to see that this key went down or up.
    fn takes(&self, code: u32, pressed: bool) -> bool {
        if let Some(at) = SHIFT_KEYS.iter().position(|shift| *shift == code) {
            let mut held = self.shifts.get();
            held[at] = pressed;
            self.shifts.set(held);
        }
        match missed(code, self.shifts.get().contains(&true)) {
            Some(text) => {
                hand_over(text, pressed);
                true
            }
            None => ALT_KEYS.contains(&code),
        }
    }
}

/// What a key means of which Slint makes nothing.
fn missed(code: u32, shifted: bool) -> Option<SharedString> {
    if code == TAB && shifted {
        return Some(Key::Backtab.into());
    }
    let digit = NUMBER_BLOCK.iter().position(|key| *key == code)?;
    Some(digit.to_string().into())
}

fn hand_over(text: SharedString, pressed: bool) {
    // Gone with the window: the program is ending.
    if let Some(window) = WINDOW.with_borrow(Weak::upgrade) {
        window.window().dispatch_event(if pressed {
            WindowEvent::KeyPressed { text }
        } else {
            WindowEvent::KeyReleased { text }
        });
    }
}

/// Slint's linuxkms backend takes the rotation from the environment only.
fn turn_picture(rotation: u16) {
    if rotation != 0 {
        #[allow(
            unsafe_code,
            reason = "the backend reads the environment; there is no other way"
        )]
        // SAFETY: no other thread runs yet.
        unsafe {
            std::env::set_var("SLINT_KMS_ROTATION", rotation.to_string());
        }
    }
}

fn turn_touch(device: &mut Device, rotation: u16) {
    if rotation == 0 || !device.config_calibration_has_matrix() {
        return;
    }
    let calibrated = device.config_calibration_default_matrix();
    let matrix = product(touch_matrix(rotation), calibrated.unwrap_or(IDENTITY));
    let name = device.name().into_owned();
    match device.config_calibration_set_matrix(matrix) {
        Ok(()) => tracing::info!(device = name, rotation, "touch is turned with the picture"),
        Err(error) => {
            tracing::error!(
                device = name,
                rotation,
                ?error,
                "touch cannot be turned with the picture"
            );
        }
    }
}

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];

/// From the panel's coordinates to those of a picture that is turned clockwise on it by 0, 90, 180
/// or 270 degrees.
#[must_use]
pub fn touch_matrix(rotation: u16) -> Matrix {
    match rotation {
        90 => [0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
        180 => [-1.0, 0.0, 1.0, 0.0, -1.0, 1.0],
        270 => [0.0, -1.0, 1.0, 1.0, 0.0, 0.0],
        _ => IDENTITY,
    }
}

/// `first` is applied to a point before `then`.
fn product(then: Matrix, first: Matrix) -> Matrix {
    let [a, b, c, d, e, f] = then;
    let [p, q, r, s, t, u] = first;
    [
        a * p + b * s,
        a * q + b * t,
        a * r + b * u + c,
        d * p + e * s,
        d * q + e * t,
        d * r + e * u + f,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map([a, b, c, d, e, f]: Matrix, (x, y): (f32, f32)) -> (f32, f32) {
        (a * x + b * y + c, d * x + e * y + f)
    }

    const CORNERS: [(f32, f32); 4] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];

    #[test]
    fn keys_of_which_slint_makes_nothing_are_taken_and_no_others() {
        let keyboard = Keyboard::default();
        let [left, right] = SHIFT_KEYS;
        assert!(!keyboard.takes(TAB, true), "Tab alone is Slint's");
        assert!(!keyboard.takes(left, true) && !keyboard.takes(right, true));
        assert!(!keyboard.takes(left, false));
        assert!(keyboard.takes(TAB, true), "one Shift is held still");
        assert!(!keyboard.takes(right, false));
        assert!(!keyboard.takes(TAB, true));
        assert!(ALT_KEYS.iter().all(|alt| keyboard.takes(*alt, true)));
        // Escape, the digits above the letters, Return, Enter, F11.
        for code in [1, 2, 11, 28, 96, 87] {
            assert!(!keyboard.takes(code, true), "{code}");
        }
    }

    #[test]
    fn the_digits_of_a_number_block_are_digits_whatever_num_lock_says() {
        // In linux/input-event-codes.h KEY_KP7 is 71 and KEY_KP0 is 82.
        let block = [
            (71, "7"),
            (73, "9"),
            (75, "4"),
            (79, "1"),
            (81, "3"),
            (82, "0"),
        ];
        for (code, digit) in block {
            assert_eq!(missed(code, false).as_deref(), Some(digit));
        }
        assert_eq!(missed(TAB, true), Some(Key::Backtab.into()));
    }

    #[test]
    fn a_quarter_turn_four_times_is_none_and_each_turn_is_quarters() {
        let quarter = touch_matrix(90);
        let mut turned = IDENTITY;
        for rotation in [90, 180, 270, 0] {
            turned = product(quarter, turned);
            assert_eq!(turned, touch_matrix(rotation), "{rotation}");
        }
    }

    #[test]
    fn the_corners_of_the_panel_are_corners_of_the_picture() {
        for rotation in [0, 90, 180, 270] {
            let matrix = touch_matrix(rotation);
            let mapped = CORNERS.map(|corner| map(matrix, corner));
            assert!(
                mapped.iter().all(|corner| CORNERS.contains(corner)),
                "{rotation}"
            );
        }
        // The panel's top right corner shows the top left one of a picture turned clockwise.
        assert_eq!(map(touch_matrix(90), (1.0, 0.0)), (0.0, 0.0));
    }

    #[test]
    fn a_calibrated_panel_is_turned_after_it_is_calibrated() {
        let calibrated = [1.1, 0.0, -0.05, 0.0, 0.9, 0.02];
        let both = product(touch_matrix(270), calibrated);
        for corner in CORNERS {
            let expected = map(touch_matrix(270), map(calibrated, corner));
            let (x, y) = map(both, corner);
            assert!((x - expected.0).abs() < 1e-5 && (y - expected.1).abs() < 1e-5);
        }
    }
}
