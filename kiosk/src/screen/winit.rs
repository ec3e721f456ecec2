//! In a window of X11: every contact is told to [`Touches`], and kept from Slint.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use slint::winit_030::winit::dpi::PhysicalPosition;
use slint::winit_030::winit::event::{ElementState, MouseButton, Touch, TouchPhase, WindowEvent};
use slint::winit_030::{EventResult, WinitWindowAccessor as _};
use slint::{ComponentHandle as _, LogicalPosition};

use super::contacts::{Contact, Phase, Touches};
use super::ui::AppWindow;

/// What an event of the window tells of contacts.
#[derive(Debug, PartialEq)]
enum Told {
    Contact(Contact, Phase),
    /// The mouse is here.
    Pointer(LogicalPosition),
    /// A button of the mouse went down or up.
    Button(Contact, bool),
    /// The mouse has left the window. It may come back with its button still held.
    Left,
}

/// From now on contacts go to `touches`. Does nothing where the window is not winit's.
pub(super) fn hand_contacts_to(window: &AppWindow, touches: Rc<Touches>) {
    window.window().on_winit_window_event(move |window, event| {
        let Some(told) = told(event, window.scale_factor()) else {
            return EventResult::Propagate;
        };
        match told {
            Told::Contact(contact, phase) => touches.happen(contact, phase),
            Told::Pointer(at) => touches.point(at),
            Told::Button(button, pressed) => touches.press(button, pressed),
            Told::Left => {}
        }
        EventResult::PreventDefault
    });
}

/// `None`: it is about something else.
fn told(event: &WindowEvent, scale: f32) -> Option<Told> {
    Some(match event {
        WindowEvent::Touch(touch) => {
            let at = logical(touch.location, scale);
            let phase = match touch.phase {
                TouchPhase::Started => Phase::Down(at),
                TouchPhase::Moved => Phase::Moved(at),
                TouchPhase::Ended => Phase::Up,
                TouchPhase::Cancelled => Phase::Cancelled,
            };
            Told::Contact(finger(touch), phase)
        }
        WindowEvent::CursorMoved { position, .. } => Told::Pointer(logical(*position, scale)),
        WindowEvent::CursorLeft { .. } => Told::Left,
        WindowEvent::MouseInput { state, button, .. } => {
            let contact = match button {
                MouseButton::Left => Contact::Button,
                MouseButton::Right => Contact::OtherButton(1),
                MouseButton::Middle => Contact::OtherButton(2),
                MouseButton::Back => Contact::OtherButton(3),
                MouseButton::Forward => Contact::OtherButton(4),
                MouseButton::Other(number) => Contact::OtherButton(5 + u32::from(*number)),
            };
            Told::Button(contact, *state == ElementState::Pressed)
        }
        _ => return None,
    })
}

/// Fingers have numbers of their own on each panel.
fn finger(touch: &Touch) -> Contact {
    let mut hasher = DefaultHasher::new();
    (touch.device_id, touch.id).hash(&mut hasher);
    Contact::Finger(hasher.finish())
}

fn logical(position: PhysicalPosition<f64>, scale: f32) -> LogicalPosition {
    let at = position.to_logical::<f32>(scale.into());
    LogicalPosition::new(at.x, at.y)
}

#[cfg(test)]
mod tests {
    use slint::winit_030::winit::event::DeviceId;

    use super::*;

    const AT: PhysicalPosition<f64> = PhysicalPosition { x: 80.0, y: 40.0 };

    fn touch(phase: TouchPhase, id: u64) -> WindowEvent {
        WindowEvent::Touch(Touch {
            device_id: DeviceId::dummy(),
            phase,
            location: AT,
            force: None,
            id,
        })
    }

    #[test]
    fn each_finger_of_a_panel_is_a_contact_of_its_own_from_its_coming_to_its_end() {
        let at = LogicalPosition::new(40.0, 20.0);
        let phases = [
            (TouchPhase::Started, Phase::Down(at)),
            (TouchPhase::Moved, Phase::Moved(at)),
            (TouchPhase::Ended, Phase::Up),
            (TouchPhase::Cancelled, Phase::Cancelled),
        ];
        let contact = |id, (winits, ours): (TouchPhase, Phase)| {
            let Some(Told::Contact(contact, phase)) = told(&touch(winits, id), 2.0) else {
                panic!("{winits:?} is no contact's");
            };
            assert_eq!(phase, ours);
            contact
        };
        let [first, second] = [0, 1].map(|id| phases.map(|phase| contact(id, phase)));
        assert!(first.iter().all(|it| *it == first[0]));
        assert!(second.iter().all(|it| *it == second[0]));
        assert_ne!(first[0], second[0]);
    }

    #[test]
    fn a_mouse_is_a_contact_while_its_button_is_down_and_only_the_left_one_chooses() {
        let device_id = DeviceId::dummy();
        let moved = WindowEvent::CursorMoved {
            device_id,
            position: AT,
        };
        let at = LogicalPosition::new(80.0, 40.0);
        assert_eq!(told(&moved, 1.0), Some(Told::Pointer(at)));
        let button = |state, button| {
            let event = WindowEvent::MouseInput {
                device_id,
                state,
                button,
            };
            told(&event, 1.0)
        };
        let left = Contact::Button;
        for (state, pressed) in [
            (ElementState::Pressed, true),
            (ElementState::Released, false),
        ] {
            let down = button(state, MouseButton::Left);
            assert_eq!(down, Some(Told::Button(left, pressed)));
            for other in [
                MouseButton::Right,
                MouseButton::Other(0),
                MouseButton::Other(4),
            ] {
                let told = button(state, other);
                assert!(matches!(
                    told,
                    Some(Told::Button(Contact::OtherButton(_), down)) if down == pressed
                ));
            }
        }
    }

    #[test]
    fn what_is_no_contact_is_left_to_slint() {
        for event in [
            WindowEvent::CloseRequested,
            WindowEvent::Focused(true),
            WindowEvent::RedrawRequested,
        ] {
            assert_eq!(told(&event, 1.0), None);
        }
    }
}
