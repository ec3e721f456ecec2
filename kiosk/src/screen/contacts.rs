//! What fingers and pointers do to the window: one contact at a time, or none.
//!
//! In a lobby a palm, a sleeve or a drop of water often lies on the panel. Slint takes a second
//! contact for the end of the first, which would choose what the palm lies on. So both backends
//! tell every contact to [`Touches`] and keep it from Slint. The window then sees a contact that
//! came down alone, until it leaves or another one comes. What came down beside another chooses
//! nothing, and no other does until all have left.
//!
//! A contact that stays for [`RESTING_CONTACT`] is no finger: from then on it counts for nothing,
//! its end included.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle as _, LogicalPosition, Timer, TimerMode};

use super::ui::AppWindow;
use crate::limits::{MAX_CONTACTS, RESTING_CONTACT};

/// What touches the screen. Fingers and buttons have their own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contact {
    /// A finger on a touch panel, told apart from every other that is there.
    Finger(u64),
    /// The button of a mouse that chooses. Some touch panels say that they are one.
    Button,
    /// Another button of a mouse. It chooses nothing.
    OtherButton(u32),
}

/// What a contact does. Places are of the window, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phase {
    /// It came down.
    Down(LogicalPosition),
    /// It moved.
    Moved(LogicalPosition),
    /// It left, where it was last.
    Up,
    /// It is no longer, and was never meant: the panel saw a palm, or is gone.
    Cancelled,
}

/// What the window is to see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Press,
    Move,
    Release,
    Cancel,
}

/// Which contacts there are, and which of them came down alone.
#[derive(Debug, Default)]
struct Contacts {
    down: Vec<Contact>,
    /// The only contact since all had left.
    alone: Option<Contact>,
}

impl Contacts {
    fn down(&mut self, contact: Contact) -> [Option<Seen>; 2] {
        let cancel = self.alone.take().map(|_| Seen::Cancel);
        // One that comes down twice has left in between, and the panel lost that.
        self.down.retain(|known| *known != contact);
        let chooses = !matches!(contact, Contact::OtherButton(_));
        let press = (chooses && self.down.is_empty()).then_some(Seen::Press);
        self.alone = press.map(|_| contact);
        if self.down.len() < MAX_CONTACTS {
            self.down.push(contact);
        }
        [cancel, press]
    }

    fn is_alone(&self, contact: Contact) -> bool {
        self.alone == Some(contact)
    }

    /// It is no longer there, or counts for nothing from now on.
    fn gone(&mut self, contact: Contact, seen: Seen) -> Option<Seen> {
        self.down.retain(|known| *known != contact);
        self.alone.take_if(|alone| *alone == contact).map(|_| seen)
    }
}

/// Every contact with the screen, on its way to the window.
pub(super) struct Touches {
    window: slint::Weak<AppWindow>,
    contacts: RefCell<Contacts>,
    /// When each contact that is there stops counting.
    resting: RefCell<Vec<(Contact, Timer)>>,
    /// Where the contact that came down alone was last.
    at: Cell<LogicalPosition>,
    /// Where the mouse is.
    pointer: Cell<LogicalPosition>,
}

impl Touches {
    pub(super) fn new(window: &AppWindow) -> Rc<Touches> {
        Rc::new(Touches {
            window: window.as_weak(),
            contacts: RefCell::default(),
            resting: RefCell::default(),
            at: Cell::default(),
            pointer: Cell::default(),
        })
    }

    pub(super) fn happen(self: &Rc<Self>, contact: Contact, phase: Phase) {
        match phase {
            Phase::Down(at) => self.down(contact, at),
            Phase::Moved(at) => {
                if self.contacts.borrow().is_alone(contact) {
                    self.at.set(at);
                    self.show(Seen::Move);
                }
            }
            Phase::Up => self.gone(contact, Seen::Release),
            Phase::Cancelled => self.gone(contact, Seen::Cancel),
        }
    }

    /// The mouse is here.
    pub(super) fn point(self: &Rc<Self>, at: LogicalPosition) {
        self.pointer.set(at);
        self.happen(Contact::Button, Phase::Moved(at));
    }

    /// The mouse was moved by so much, within a window of this size.
    pub(super) fn shift(self: &Rc<Self>, (dx, dy): (f32, f32), size: slint::LogicalSize) {
        let LogicalPosition { x, y } = self.pointer.get();
        self.point(LogicalPosition::new(
            (x + dx).clamp(0.0, size.width),
            (y + dy).clamp(0.0, size.height),
        ));
    }

    /// A button of the mouse went down or up, where the mouse is.
    pub(super) fn press(self: &Rc<Self>, button: Contact, pressed: bool) {
        let phase = if pressed {
            Phase::Down(self.pointer.get())
        } else {
            Phase::Up
        };
        self.happen(button, phase);
    }

    /// The last panel is gone, and every finger with it.
    pub(super) fn all_gone(self: &Rc<Self>) {
        let there = self.contacts.borrow().down.clone();
        for contact in there {
            self.gone(contact, Seen::Cancel);
        }
    }

    fn down(self: &Rc<Self>, contact: Contact, at: LogicalPosition) {
        let [cancel, press] = self.contacts.borrow_mut().down(contact);
        if let Some(cancel) = cancel {
            self.show(cancel);
        }
        if let Some(press) = press {
            self.at.set(at);
            self.show(press);
        }
        let timer = Timer::default();
        let weak: Weak<Touches> = Rc::downgrade(self);
        timer.start(TimerMode::SingleShot, RESTING_CONTACT, move || {
            if let Some(touches) = weak.upgrade() {
                tracing::warn!("something rests on the panel; it no longer counts as a finger");
                touches.gone(contact, Seen::Cancel);
            }
        });
        let mut resting = self.resting.borrow_mut();
        resting.retain(|(known, _)| *known != contact);
        resting.push((contact, timer));
    }

    fn gone(&self, contact: Contact, seen: Seen) {
        self.resting
            .borrow_mut()
            .retain(|(known, _)| *known != contact);
        let seen = self.contacts.borrow_mut().gone(contact, seen);
        if let Some(seen) = seen {
            self.show(seen);
        }
    }

    fn show(&self, seen: Seen) {
        // Gone with the window: the program is ending.
        let Some(window) = self.window.upgrade() else {
            return;
        };
        let (position, button) = (self.at.get(), PointerEventButton::Left);
        let dispatch = |event| window.window().dispatch_event(event);
        match seen {
            Seen::Press => dispatch(WindowEvent::PointerPressed { position, button }),
            Seen::Move => dispatch(WindowEvent::PointerMoved { position }),
            Seen::Release => dispatch(WindowEvent::PointerReleased { position, button }),
            Seen::Cancel => {
                dispatch(WindowEvent::PointerExited);
                // Outside of everything Slint shows the system's pointer.
                dispatch(WindowEvent::PointerMoved { position });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const PALM: Contact = Contact::Finger(0);
    const FINGER: Contact = Contact::Finger(1);

    #[test]
    fn a_contact_alone_is_seen_from_its_coming_to_its_end() {
        let mut contacts = Contacts::default();
        for contact in [FINGER, Contact::Button] {
            assert_eq!(contacts.down(contact), [None, Some(Seen::Press)]);
            assert!(contacts.is_alone(contact));
            assert_eq!(contacts.gone(contact, Seen::Release), Some(Seen::Release));
        }
    }

    #[test]
    fn a_second_contact_cancels_the_first_and_neither_ends_as_a_tap() {
        for first_to_leave in [PALM, FINGER] {
            let mut contacts = Contacts::default();
            contacts.down(PALM);
            assert_eq!(contacts.down(FINGER), [Some(Seen::Cancel), None]);
            for contact in [first_to_leave, PALM, FINGER] {
                assert_eq!(contacts.gone(contact, Seen::Release), None);
            }
            assert_eq!(contacts.down(FINGER), [None, Some(Seen::Press)]);
        }
    }

    #[test]
    fn a_contact_whose_end_was_lost_begins_anew() {
        let mut contacts = Contacts::default();
        contacts.down(FINGER);
        assert_eq!(
            contacts.down(FINGER),
            [Some(Seen::Cancel), Some(Seen::Press)]
        );
        assert_eq!(contacts.gone(FINGER, Seen::Release), Some(Seen::Release));
    }

    #[test]
    fn another_button_of_the_mouse_chooses_nothing_and_lets_no_finger_choose() {
        let mut contacts = Contacts::default();
        let right = Contact::OtherButton(0x111);
        assert_eq!(contacts.down(right), [None, None]);
        assert_eq!(contacts.down(FINGER), [None, None]);
        assert_eq!(contacts.gone(right, Seen::Release), None);
        assert_eq!(contacts.gone(FINGER, Seen::Release), None);
        contacts.down(Contact::Button);
        assert_eq!(contacts.down(right), [Some(Seen::Cancel), None]);
    }

    proptest! {
        /// Any contacts in any order: a tap ends exactly the ones that were alone from beginning to
        /// end.
        #[test]
        fn only_a_contact_that_was_alone_all_its_time_is_released(
            moves in proptest::collection::vec((0..7_u64, any::<bool>()), 1..200)
        ) {
            let mut contacts = Contacts::default();
            let mut down = BTreeSet::new();
            let mut met = BTreeSet::new();
            for (finger, comes) in moves {
                let contact = Contact::Finger(finger);
                if comes {
                    down.remove(&finger);
                    let is_alone = down.is_empty();
                    met.remove(&finger);
                    if !is_alone {
                        met.extend(down.iter().copied().chain([finger]));
                    }
                    down.insert(finger);
                    prop_assert_eq!(contacts.down(contact)[1].is_some(), is_alone);
                } else {
                    let taps = down.remove(&finger) && !met.remove(&finger);
                    let seen = contacts.gone(contact, Seen::Release);
                    prop_assert_eq!(seen, taps.then_some(Seen::Release));
                }
                prop_assert_eq!(contacts.down.len(), down.len());
            }
        }
    }
}
