//! A child who does everything to the terminal at once: random touches, second fingers, keys, key combinations, buttons,
//! disks that fail. Whatever it does, the terminal stays whole.
//!
//! The seed is printed. `PIKIR_MONKEY_SEED` sets it, `PIKIR_MONKEY_INPUTS` the number of inputs.

use std::collections::BTreeSet;

use i_slint_core::input::TouchPhase;
use i_slint_core::lengths::logical_point_from_api;
use pikir_contract::Id;
use pikir_kiosk::journal::{Content, NewEvent};
use pikir_kiosk::view::adaptation::Adaptation;
use pikir_kiosk::view::{Fault, FaultView, ScreenView};
use pikir_kiosk::visit::Event;
use slint::LogicalPosition;
use slint::platform::{InternalEvent, PointerEventButton, WindowEvent};

use crate::dice::{Dice, KEYS, MODIFIERS, TEXTS};
use crate::lobby::{Disk, Lobby, rules};
use crate::stage::{PANELS, Size};

/// Inputs of an ordinary run, which takes two or three minutes.
const INPUTS: usize = 100_000;
/// Fingers of one hand.
const FINGERS: usize = 5;
/// Inputs between two looks at whether the terminal comes back to its first screen.
const ROUND: usize = 500;
/// Time in which every visit has ended: thanks, idle time and warning, several times over (milliseconds).
const LONG_MS: u64 = 300_000;
/// How much more memory the program may hold after the second half of the inputs than after the first (bytes). The
/// journal in memory is left out: it is emptied as it is checked.
const GROWTH: u64 = 8 * 1024 * 1024;

struct Monkey {
    lobby: Lobby,
    dice: Dice,
    size: Size,
    /// Which fingers are on the panel.
    down: [bool; FINGERS],
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
            down: [false; FINGERS],
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
                self.lobby.pass(ms);
            }
            98 => {
                let ms = 1 + self.dice.roll() % 40_000;
                self.lobby.pass(ms);
            }
            _ => self.trouble(),
        }
        self.lobby.follow();
        self.look();
    }

    fn touch(&mut self) {
        let position = self.place();
        let button = PointerEventButton::Left;
        self.dispatch(WindowEvent::PointerMoved { position });
        self.dispatch(WindowEvent::PointerPressed { position, button });
        self.lobby.follow();
        let position = if self.dice.below(8) == 0 {
            self.place()
        } else {
            position
        };
        self.dispatch(WindowEvent::PointerMoved { position });
        self.dispatch(WindowEvent::PointerReleased { position, button });
    }

    /// Several fingers, as a panel that tells them apart reports them: each comes down, moves, and is lifted or lost.
    fn fingers(&mut self) {
        for _ in 0..1 + self.dice.below(8) {
            let finger = self.dice.below(FINGERS);
            let phase = match (self.down[finger], self.dice.below(4)) {
                (false, _) => TouchPhase::Started,
                (true, 0 | 1) => TouchPhase::Moved,
                (true, 2) => TouchPhase::Ended,
                (true, _) => TouchPhase::Cancelled,
            };
            self.finger(finger, phase);
            self.lobby.follow();
        }
    }

    fn finger(&mut self, finger: usize, phase: TouchPhase) {
        self.down[finger] = matches!(phase, TouchPhase::Started | TouchPhase::Moved);
        let position = self.place();
        self.dispatch(WindowEvent::internal(InternalEvent::Touch {
            id: i32::try_from(finger).unwrap(),
            position: logical_point_from_api(position),
            phase,
        }));
    }

    /// Somebody plugged one in: down twice, up twice or not at all, with other buttons, outside the window.
    fn mouse(&mut self) {
        let buttons = [
            PointerEventButton::Left,
            PointerEventButton::Right,
            PointerEventButton::Middle,
            PointerEventButton::Other,
        ];
        for _ in 0..1 + self.dice.below(4) {
            let (position, button) = (self.place(), *self.dice.of(&buttons));
            let event = match self.dice.below(5) {
                0 | 1 => WindowEvent::PointerPressed { position, button },
                2 => WindowEvent::PointerReleased { position, button },
                3 => WindowEvent::PointerScrolled {
                    position,
                    delta_x: 40.0,
                    delta_y: -40.0,
                },
                _ => WindowEvent::PointerExited,
            };
            self.dispatch(event);
            self.lobby.follow();
        }
    }

    fn press(&mut self, text: slint::SharedString) {
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
            3 => self.lobby.happen(Event::Rules(rules())),
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
        for finger in (0..FINGERS)
            .filter(|finger| self.down[*finger])
            .collect::<Vec<_>>()
        {
            self.finger(finger, TouchPhase::Ended);
        }
        for button in [
            PointerEventButton::Left,
            PointerEventButton::Right,
            PointerEventButton::Middle,
        ] {
            let position = LogicalPosition::new(1.0, 1.0);
            self.dispatch(WindowEvent::PointerReleased { position, button });
        }
        self.lobby.follow();
        self.lobby.pass(LONG_MS);
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

/// Set for the process that the test starts for itself: in one with other tests nobody could tell whose memory grew.
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
        "{} ratings, {} times thanks, {grown} bytes more than halfway",
        monkey.ratings, monkey.thanked
    );
    assert!(
        monkey.ratings > inputs / 200 && monkey.thanked > 0,
        "the monkey did nothing"
    );
    assert!(grown < GROWTH, "memory grew by {grown} bytes");
}
