//! A child who does everything to the terminal at once: random touches, second fingers, keys, key
//! combinations, buttons, disks that fail. Whatever it does, the terminal stays whole, and only
//! what was alone on the panel from its coming to its end on one face, or a key that a hand can
//! press, has rated.
//!
//! The seed is printed. `PIKIR_MONKEY_SEED` sets it, `PIKIR_MONKEY_INPUTS` the number of inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use i_slint_backend_testing::ElementHandle;
use pikir_contract::{Id, InputKind};
use pikir_kiosk::journal::{Content, NewEvent};
use pikir_kiosk::limits::{HAND_GAP, HAND_QUIET};
use pikir_kiosk::screen::{Contact, Phase};
use pikir_kiosk::view::adaptation::Adaptation;
use pikir_kiosk::view::{Fault, FaultView, ScreenView, UserAction};
use pikir_kiosk::visit::Event;
use slint::LogicalPosition;
use slint::platform::WindowEvent;

use crate::dice::{Dice, KEYS, MODIFIERS, TEXTS};
use crate::fingers::Model;
use crate::lobby::{Disk, Lobby, rules};
use crate::stage::{Bounds, PANELS, Size, bounds};

/// Inputs of an ordinary run, which takes two or three minutes.
const INPUTS: usize = 100_000;
/// Fingers of one hand.
const FINGERS: usize = 5;
/// Buttons of a mouse; the first one chooses.
const BUTTONS: [Contact; 3] = [
    Contact::Button,
    Contact::OtherButton(1),
    Contact::OtherButton(2),
];
/// Inputs between two looks at whether the terminal comes back to its first screen.
const ROUND: usize = 500;
/// Time in which every visit has ended: thanks, idle time and warning, several times over
/// (milliseconds).
const LONG_MS: u64 = 300_000;
/// How much more memory the program may hold after the second half of the inputs than after the
/// first (bytes). The journal in memory is left out: it is emptied as it is checked.
const GROWTH: u64 = 8 * 1024 * 1024;

struct Monkey {
    lobby: Lobby,
    dice: Dice,
    size: Size,
    /// Which fingers and buttons are down, and where each was last.
    down: BTreeMap<Contact, LogicalPosition>,
    /// What of them may choose.
    model: Model,
    /// Time that has passed for the window (milliseconds).
    passed_ms: u64,
    /// When the key before the last one was pressed, and when the last one, and whether that is a
    /// digit; modifiers left out.
    keys_ms: [Option<(u64, bool)>; 2],
    touched: usize,
    typed: usize,
    /// Ids of every event that was ever in the journal.
    journalled: BTreeSet<Id>,
    checked: usize,
    ratings: usize,
    thanked: usize,
    was_thanking: bool,
}

impl Monkey {
    fn new(seed: u64, size: Size) -> Self {
        Self {
            lobby: Lobby::new(size),
            dice: Dice(seed),
            size,
            down: BTreeMap::new(),
            model: Model::default(),
            passed_ms: 0,
            keys_ms: [None; 2],
            touched: 0,
            typed: 0,
            journalled: BTreeSet::new(),
            checked: 0,
            ratings: 0,
            thanked: 0,
            was_thanking: false,
        }
    }

    fn dispatch(&self, event: WindowEvent) {
        self.lobby.stage.screen.window().dispatch_event(event);
    }

    fn place(&mut self) -> LogicalPosition {
        let x = self.dice.below(self.size.0 as usize + 20) as f32 - 10.0;
        let y = self.dice.below(self.size.1 as usize + 20) as f32 - 10.0;
        LogicalPosition::new(x, y)
    }

    fn act(&mut self) {
        match self.dice.below(100) {
            0..55 => self.touch(),
            55..58 => self.fingers(),
            58..60 => self.mouse(),
            60..72 => self.key(),
            72..82 => self.text(),
            82..85 => self.combination(),
            85..88 => {
                let score = 1 + self.dice.below(5) as u8; // At most 5.
                self.lobby.button(score);
            }
            88..92 => self.scan(),
            92..98 => {
                let ms = 1 + self.dice.roll() % 900;
                self.pass(ms);
            }
            98 => {
                let ms = 1 + self.dice.roll() % 40_000;
                self.pass(ms);
            }
            _ => self.trouble(),
        }
        self.follow();
        self.look();
    }

    /// Time passes, in which a key that was held back may turn out to be a hand's.
    fn pass(&mut self, ms: u64) {
        self.follow();
        let step_ms = ms.min(HAND_GAP.as_millis() as u64);
        for ms in [step_ms, ms - step_ms].into_iter().filter(|ms| *ms > 0) {
            self.passed_ms += ms;
            i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(ms));
            self.check_keys();
            self.lobby.pass_by_clock(ms);
        }
    }

    /// Carries out what was done. None of it is a rating by touch or by a key: those are looked at
    /// where they happen.
    fn follow(&mut self) {
        let rated = self.rated();
        assert!(rated.is_empty(), "{rated:?} of itself");
        self.lobby.follow();
    }

    /// Ratings by touch or key that the screen has just reported.
    fn rated(&self) -> Vec<InputKind> {
        let actions = self.lobby.stage.actions.borrow();
        let rates = actions.iter().filter_map(|action| match action {
            UserAction::Rate { input, .. } => Some(*input),
            _ => None,
        });
        rates.collect()
    }

    /// What one finger does to a terminal that nothing else touches: most of what happens at all.
    fn touch(&mut self) {
        let (finger, position) = (Contact::Finger(99), self.place());
        self.contact(finger, Phase::Down(position));
        if self.dice.below(8) == 0 {
            let position = self.place();
            self.contact(finger, Phase::Moved(position));
        }
        self.contact(finger, Phase::Up);
    }

    /// Something touches the panel, and what it may choose is known before.
    fn contact(&mut self, contact: Contact, phase: Phase) {
        self.follow();
        let now_ms = self.passed_ms;
        let came = match phase {
            Phase::Down(at) => {
                self.down.insert(contact, at);
                self.model.down(contact, at, now_ms);
                None
            }
            Phase::Moved(at) => {
                self.down.entry(contact).and_modify(|it| *it = at);
                None
            }
            Phase::Up => self.model.up(contact, now_ms),
            Phase::Cancelled => {
                self.model.up(contact, now_ms);
                None
            }
        };
        let faces = came.map(|_| self.faces());
        self.lobby.stage.screen.contact(contact, phase);
        let left = match phase {
            Phase::Up | Phase::Cancelled => self.down.remove(&contact),
            _ => None,
        };
        let rated = self.rated();
        if !rated.is_empty() {
            assert_eq!(rated, [InputKind::Touch]);
            let (came, left) = came
                .zip(left)
                .expect("a finger that was not alone has rated");
            let is_one_face = |face: &Bounds| face.holds(came) && face.holds(left);
            assert!(
                faces.is_some_and(|faces| faces.iter().any(is_one_face)),
                "a finger that came at {came:?} and left at {left:?} has rated"
            );
            self.touched += 1;
        }
        self.lobby.follow();
    }

    fn faces(&self) -> Vec<Bounds> {
        let faces =
            ElementHandle::find_by_element_type_name(self.lobby.stage.screen.component(), "Face");
        faces.map(|face| bounds(&face)).collect()
    }

    /// Several fingers, as a panel that tells them apart reports them: each comes down, moves, and
    /// is lifted or lost.
    fn fingers(&mut self) {
        for _ in 0..1 + self.dice.below(8) {
            let finger = Contact::Finger(self.dice.below(FINGERS) as u64);
            let at = self.place();
            let phase = match (self.down.contains_key(&finger), self.dice.below(4)) {
                // A panel loses an end now and then.
                (false, _) | (true, 0) => Phase::Down(at),
                (true, 1) => Phase::Moved(at),
                (true, 2) => Phase::Up,
                (true, _) => Phase::Cancelled,
            };
            self.contact(finger, phase);
        }
    }

    /// Somebody plugged one in: down twice, up twice or not at all, with other buttons, outside the
    /// window.
    fn mouse(&mut self) {
        for _ in 0..1 + self.dice.below(4) {
            let (position, button) = (self.place(), *self.dice.of(&BUTTONS));
            match self.dice.below(5) {
                0 | 1 => self.contact(button, Phase::Down(position)),
                2 => self.contact(button, Phase::Up),
                3 => self.dispatch(WindowEvent::PointerScrolled {
                    position,
                    delta_x: 40.0,
                    delta_y: -40.0,
                }),
                _ => self.contact(Contact::Button, Phase::Moved(position)),
            }
        }
    }

    /// A key that was held back has come through: only one that no other one came too near to.
    fn check_keys(&mut self) {
        let rated = self.rated();
        if rated.is_empty() {
            return;
        }
        assert_eq!(rated, [InputKind::Keypad]);
        let [before, last] = self.keys_ms;
        let (last_ms, is_digit) = last.expect("no key was pressed");
        assert!(self.passed_ms >= last_ms + HAND_GAP.as_millis() as u64);
        let least = if is_digit { HAND_QUIET } else { HAND_GAP };
        let is_far = |(ms, _)| ms + least.as_millis() as u64 <= last_ms;
        assert!(before.is_none_or(is_far), "{before:?} {last:?}");
        self.typed += 1;
        self.lobby.follow();
    }

    fn press(&mut self, text: slint::SharedString) {
        if self.dice.below(2) == 0 {
            // A hand, which waits before its key.
            self.pass(300);
        }
        let is_digit = text.parse::<u8>().is_ok();
        self.keys_ms = [self.keys_ms[1], Some((self.passed_ms, is_digit))];
        self.dispatch(WindowEvent::KeyPressed { text: text.clone() });
        if self.dice.below(5) == 0 {
            self.dispatch(WindowEvent::KeyPressRepeated { text: text.clone() });
        }
        self.dispatch(WindowEvent::KeyReleased { text });
    }

    fn key(&mut self) {
        let key = *self.dice.of(&KEYS);
        self.press(key.into());
    }

    fn text(&mut self) {
        let text = *self.dice.of(&TEXTS);
        self.press(text.into());
    }

    fn combination(&mut self) {
        let modifier = *self.dice.of(&MODIFIERS);
        self.dispatch(WindowEvent::KeyPressed {
            text: modifier.into(),
        });
        if self.dice.below(2) == 0 {
            self.key();
        } else {
            self.text();
        }
        self.dispatch(WindowEvent::KeyReleased {
            text: modifier.into(),
        });
        if self.dice.below(4) == 0 {
            self.dispatch(WindowEvent::CloseRequested);
        }
        if self.dice.below(4) == 0 {
            self.dispatch(WindowEvent::WindowActiveChanged(false));
            self.dispatch(WindowEvent::WindowActiveChanged(true));
        }
    }

    fn scan(&mut self) {
        if self.dice.below(3) == 0 {
            self.lobby.stage.screen.scan_select();
        } else {
            self.lobby.stage.screen.scan_next();
        }
        self.lobby.follow();
    }

    /// What the terminal itself meets: a disk, a portal.
    fn trouble(&mut self) {
        match self.dice.below(6) {
            0 => self.lobby.set_disk(Disk::Full),
            1 => self.lobby.set_disk(Disk::Silent),
            2 => self.lobby.happen(Event::Service(Some(FaultView {
                fault: Fault::DiskFull,
                detail: "disk: 38 MB free, 64 MB needed".into(),
            }))),
            3 => self.lobby.happen(Event::Rules(Box::new(rules()))),
            _ => {
                self.lobby.set_disk(Disk::Good);
                self.lobby.happen(Event::Service(None));
            }
        }
    }

    /// What must hold after everything.
    fn look(&mut self) {
        assert!(
            self.lobby.stage.screen.window().is_visible(),
            "the kiosk was left"
        );
        for event in &self.lobby.journal[self.checked..] {
            assert!(
                self.journalled.insert(event.id),
                "{} is in the journal twice",
                event.id
            );
            self.ratings += usize::from(is_rating(event));
        }
        self.checked = self.lobby.journal.len();
        let thanking = matches!(self.lobby.screen(), ScreenView::Thanks(_));
        if thanking && !self.was_thanking {
            self.thanked += 1;
            assert!(self.ratings > 0, "thanks for nothing");
            let of_this_visit = self.lobby.journal.iter().rev().any(is_rating);
            assert!(
                of_this_visit,
                "thanks for a rating that is not in the journal"
            );
        }
        self.was_thanking = thanking;
    }

    /// Everybody has gone: the terminal is as it was at the beginning.
    fn come_to_rest(&mut self) {
        self.lobby.set_disk(Disk::Good);
        self.lobby.happen(Event::Service(None));
        self.look();
        for contact in self.down.keys().copied().collect::<Vec<_>>() {
            self.contact(contact, Phase::Up);
        }
        self.pass(LONG_MS);
        self.look();
        let view = self.lobby.view();
        let ScreenView::Rate(rate) = &view.screen else {
            panic!("stuck at {:?}", view.screen);
        };
        assert_eq!((rate.pressed, rate.message), (None, None));
        assert_eq!(view.language, "ky");
        assert_eq!(view.adaptation, Adaptation::default());
        assert_eq!((view.overlay, view.idle_left_s), (None, None));
        // Ratings and what was added to them were taken out of memory by the portal, so to say.
        self.lobby.journal.clear();
        self.checked = 0;
    }
}

fn is_rating(event: &NewEvent) -> bool {
    matches!(event.content, Content::Rating { .. })
}

/// Memory of this program that lies in the machine's (bytes).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Set for the process that the test starts for itself: in one with other tests nobody could tell
/// whose memory grew.
const ALONE: &str = "PIKIR_MONKEY_ALONE";

#[test]
fn whatever_a_child_does_leaves_the_terminal_whole() {
    let seed = setting("PIKIR_MONKEY_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::from(now.unwrap().subsec_nanos())
    });
    if std::env::var_os(ALONE).is_some() {
        return play(seed);
    }
    let name = "monkey::whatever_a_child_does_leaves_the_terminal_whole";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .env("PIKIR_MONKEY_SEED", seed.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && told.contains("ratings,"),
        "again: PIKIR_MONKEY_SEED={seed}"
    );
}

fn play(seed: u64) {
    let inputs = setting("PIKIR_MONKEY_INPUTS").map_or(INPUTS, |inputs| inputs as usize);
    let size = PANELS[seed as usize % PANELS.len()];
    println!("PIKIR_MONKEY_SEED={seed} at {size:?}, {inputs} inputs");
    let mut monkey = Monkey::new(seed, size);
    let mut halfway = 0;
    for input in 0..inputs {
        monkey.act();
        if input % ROUND == ROUND - 1 {
            monkey.come_to_rest();
        }
        if input == inputs / 2 {
            halfway = resident();
        }
    }
    monkey.come_to_rest();
    let grown = resident().saturating_sub(halfway);
    println!(
        "{} ratings, {} by touch, {} by keys, {} times thanks, {grown} bytes more than halfway",
        monkey.ratings, monkey.touched, monkey.typed, monkey.thanked
    );
    let (rated, touched, typed) = (monkey.ratings, monkey.touched, monkey.typed);
    assert!(
        rated > inputs / 200
            && touched > inputs / 2_000
            && typed > inputs / 5_000
            && monkey.thanked > 0,
        "the monkey did nothing"
    );
    assert!(grown < GROWTH, "memory grew by {grown} bytes");
}
