//! A screen without a display: mock time, the software renderer, real pixels.

use std::cell::RefCell;
use std::rc::Rc;

use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementRoot as _, TestingBackend, TestingBackendOptions,
};
use pikir_contract::{InputKind, Score};
use pikir_kiosk::screen::{Screen, ScreenOptions};
use pikir_kiosk::speech::Request;
use pikir_kiosk::view::{UserAction, View};
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle as _, LogicalPosition, Rgba8Pixel, SharedPixelBuffer, SharedString};

/// Width and height of a window in pixels.
pub type Size = (u32, u32);

/// The panels the screens are made for.
pub const SIZES: [Size; 4] = [(480, 320), (800, 480), (1280, 800), (600, 1024)];

/// The panels of the whole matrix: the sizes on sale, lying and upright, and the smallest one
/// upright.
pub const PANELS: [Size; 7] = [
    (480, 320),
    (800, 480),
    (1280, 800),
    (1920, 1080),
    (480, 800),
    (600, 1024),
    (320, 480),
];

/// One window and what was reported from it.
pub struct Stage {
    pub screen: Screen,
    pub actions: Rc<RefCell<Vec<UserAction>>>,
    pub speech: Rc<RefCell<Vec<Request>>>,
}

/// An element with its bounds.
pub type Element = (ElementHandle, Bounds);

/// Position and size of an element in the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Stage {
    pub fn new(size: Size) -> Stage {
        Stage::with_options(&ScreenOptions {
            windowed: Some(size),
            reduced_motion: true,
        })
    }

    pub fn with_options(options: &ScreenOptions) -> Stage {
        let backend = TestingBackend::new(TestingBackendOptions {
            mock_time: true,
            threading: false,
            renderer_name: Some("software".into()),
        });
        // One backend a thread; a second window on the same thread keeps the first one's.
        let _ = slint::platform::set_platform(Box::new(backend));
        let screen = Screen::new(options).unwrap();
        // Headphones: everything is heard.
        screen.set_speech(true, true);
        let actions = Rc::new(RefCell::new(Vec::new()));
        let reported = actions.clone();
        screen.on_action(move |action| reported.borrow_mut().push(action));
        let speech = Rc::new(RefCell::new(Vec::new()));
        let requested = speech.clone();
        screen.on_speech(move |request| requested.borrow_mut().push(request));
        screen.component().show().unwrap();
        Stage {
            screen,
            actions,
            speech,
        }
    }

    pub fn show(&self, view: &View) {
        self.screen.show(view);
        self.settle();
    }

    /// Lets change handlers, conditional elements and animations come to rest.
    pub fn settle(&self) {
        for _ in 0..4 {
            i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_millis(100));
        }
    }

    pub fn picture(&self) -> SharedPixelBuffer<Rgba8Pixel> {
        self.screen.window().take_snapshot().unwrap()
    }

    /// What a person did since the last call. That the panel was touched, or a key pressed, at all
    /// is told by [`Stage::reported`].
    pub fn taken(&self) -> Vec<UserAction> {
        let mut actions = self.actions.take();
        actions.retain(|action| {
            !matches!(
                action,
                UserAction::Touched(_) | UserAction::Stay | UserAction::Steer
            )
        });
        actions
    }

    /// The same, signs of life included.
    pub fn taken_with_stay(&self) -> Vec<UserAction> {
        let mut actions = self.actions.take();
        actions.retain(|action| !matches!(action, UserAction::Touched(_)));
        actions
    }

    /// What was said since the last call.
    pub fn said(&self) -> Vec<String> {
        let requests = self.speech.take().into_iter();
        requests
            .filter_map(|request| match request {
                Request::Say(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    /// Everything reported since the last call, touches of the panel included.
    pub fn reported(&self) -> Vec<UserAction> {
        self.actions.take()
    }

    /// Every element there is, with its bounds.
    pub fn elements(&self) -> Vec<Element> {
        let all = self
            .screen
            .component()
            .root_element()
            .query_descendants()
            .find_all();
        all.into_iter()
            .map(|element| (element.clone(), bounds(&element)))
            .collect()
    }

    pub fn with_role(&self, role: AccessibleRole) -> Vec<Element> {
        self.elements()
            .into_iter()
            .filter(|(element, _)| element.accessible_role() == Some(role))
            .collect()
    }

    /// The one element of this accessible label.
    pub fn labelled(&self, label: &str) -> ElementHandle {
        let found: Vec<_> =
            ElementHandle::find_by_accessible_label(self.screen.component(), label).collect();
        assert_eq!(found.len(), 1, "elements labelled {label:?}");
        found.into_iter().next().unwrap()
    }

    /// The one element of this id, where it is.
    pub fn found(&self, id: &str) -> Option<ElementHandle> {
        self.screen
            .component()
            .root_element()
            .query_descendants()
            .match_id(id)
            .find_first()
    }

    /// Calls `look` for every page of what is shown: pages that a button turns are turned.
    pub fn each_page(&self, mut look: impl FnMut(&Stage, usize)) {
        look(self, 0);
        for id in ["RateScreen::to-answers", "ChoicePage::to-answers"] {
            if let Some(button) = self.found(id) {
                self.touch_at(bounds(&button).centre());
                self.settle();
                assert!(self.found(id).is_none());
                look(self, 1);
            }
        }
        if let Some(button) = self.found("PhoneScreen::turn") {
            for page in [1, 0] {
                self.touch_at(bounds(&button).centre());
                self.settle();
                if page > 0 {
                    look(self, page);
                }
            }
        }
        let further = || {
            let button = self.found("Options::further");
            button.filter(|button| bounds(button).width > 0.0)
        };
        for sheet in 1.. {
            let Some(button) = further() else { break };
            self.touch_at(bounds(&button).centre());
            self.settle();
            look(self, sheet);
        }
        let first = self.headings();
        for page in 1.. {
            let Some(button) = self.found("PanelScreen::next") else {
                break;
            };
            self.touch_at(bounds(&button).centre());
            self.settle();
            if self.headings() == first {
                break;
            }
            look(self, page);
        }
    }

    fn headings(&self) -> Vec<SharedString> {
        let groups = self.with_role(AccessibleRole::Groupbox).into_iter();
        groups
            .filter_map(|(element, _)| element.accessible_label())
            .collect()
    }

    pub fn touch(&self, label: &str) {
        self.press(label);
        self.release(label);
    }

    pub fn press(&self, label: &str) {
        let position = bounds(&self.labelled(label)).centre();
        let button = PointerEventButton::Left;
        self.screen
            .window()
            .dispatch_event(WindowEvent::PointerMoved { position });
        self.screen
            .window()
            .dispatch_event(WindowEvent::PointerPressed { position, button });
    }

    /// A finger goes down and up at a place of the window.
    pub fn touch_at(&self, position: LogicalPosition) {
        let button = PointerEventButton::Left;
        for event in [
            WindowEvent::PointerMoved { position },
            WindowEvent::PointerPressed { position, button },
            WindowEvent::PointerReleased { position, button },
            WindowEvent::PointerExited,
        ] {
            self.screen.window().dispatch_event(event);
        }
    }

    pub fn release(&self, label: &str) {
        let position = bounds(&self.labelled(label)).centre();
        let button = PointerEventButton::Left;
        self.screen
            .window()
            .dispatch_event(WindowEvent::PointerReleased { position, button });
        self.settle();
    }

    pub fn key(&self, text: impl Into<SharedString>) {
        let text = text.into();
        self.screen
            .window()
            .dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
        self.screen
            .window()
            .dispatch_event(WindowEvent::KeyReleased { text });
        self.settle();
    }
}

impl Bounds {
    pub fn centre(&self) -> LogicalPosition {
        LogicalPosition::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    pub fn holds(&self, at: LogicalPosition) -> bool {
        (self.x..self.x + self.width).contains(&at.x)
            && (self.y..self.y + self.height).contains(&at.y)
    }

    /// Inside `outer`, but for a rounding of `slack` pixels.
    pub fn inside(&self, outer: &Bounds, slack: f32) -> bool {
        self.x >= outer.x - slack
            && self.y >= outer.y - slack
            && self.x + self.width <= outer.x + outer.width + slack
            && self.y + self.height <= outer.y + outer.height + slack
    }

    pub fn overlaps(&self, other: &Bounds, slack: f32) -> bool {
        self.x + self.width > other.x + slack
            && other.x + other.width > self.x + slack
            && self.y + self.height > other.y + slack
            && other.y + other.height > self.y + slack
    }
}

/// A score given by a key.
pub fn keypad(score: u8) -> UserAction {
    UserAction::Rate {
        score: Score::new(score).unwrap(),
        input: InputKind::Keypad,
        at: None,
    }
}

pub fn bounds(element: &ElementHandle) -> Bounds {
    let (at, size) = (element.absolute_position(), element.size());
    Bounds {
        x: at.x,
        y: at.y,
        width: size.width,
        height: size.height,
    }
}
