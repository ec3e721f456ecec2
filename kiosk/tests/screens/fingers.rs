//! Several fingers at once, palms, sleeves, water: what may be chosen and what may not. Once as the
//! backends tell of contacts, and once as Slint would tell of them alone.

use std::collections::BTreeMap;

use i_slint_backend_testing::AccessibleRole;
use i_slint_core::input::TouchPhase;
use i_slint_core::lengths::logical_point_from_api;
use pikir_contract::{InputKind, Score};
use pikir_kiosk::limits::RESTING_CONTACT;
use pikir_kiosk::screen::{Contact, Phase};
use pikir_kiosk::view::{ScreenView, UserAction};
use slint::LogicalPosition;
use slint::platform::{InternalEvent, WindowEvent};

use crate::dice::Dice;
use crate::questionnaire::{writing, written};
use crate::samples;
use crate::stage::{Bounds, Stage, bounds};

/// How the window hears of a finger.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Backend,
    Slint,
}

const NOTHING: [u8; 0] = [];
const WAYS: [Way; 2] = [Way::Backend, Way::Slint];

impl Way {
    fn happen(self, stage: &Stage, finger: u64, phase: TouchPhase, at: LogicalPosition) {
        match self {
            Way::Backend => {
                let phase = match phase {
                    TouchPhase::Started => Phase::Down(at),
                    TouchPhase::Moved => Phase::Moved(at),
                    TouchPhase::Ended => Phase::Up,
                    TouchPhase::Cancelled => Phase::Cancelled,
                };
                stage.screen.contact(Contact::Finger(finger), phase);
            }
            Way::Slint => {
                let touch = InternalEvent::Touch {
                    id: i32::try_from(finger).unwrap(),
                    position: logical_point_from_api(at),
                    phase,
                };
                let event = WindowEvent::internal(touch);
                stage.screen.window().dispatch_event(event);
            }
        }
    }

    fn down(self, stage: &Stage, finger: u64, at: LogicalPosition) {
        self.happen(stage, finger, TouchPhase::Started, at);
    }

    fn up(self, stage: &Stage, finger: u64, at: LogicalPosition) {
        self.happen(stage, finger, TouchPhase::Ended, at);
    }

    fn tap(self, stage: &Stage, finger: u64, at: LogicalPosition) {
        self.down(stage, finger, at);
        self.up(stage, finger, at);
    }
}

fn rate_stage() -> Stage {
    let stage = Stage::new((800, 480));
    stage.show(&samples::view("ru", ScreenView::Rate(samples::rate())));
    stage
}

fn faces(stage: &Stage) -> Vec<Bounds> {
    let labels = [
        "1 – Очень плохо",
        "2 – Плохо",
        "3 – Средне",
        "4 – Хорошо",
        "5 – Отлично",
    ];
    let faces = labels.map(|label| bounds(&stage.labelled(label)));
    faces.to_vec()
}

/// Scores given by touch since the last call.
fn rated(stage: &Stage) -> Vec<u8> {
    let taken = stage.taken().into_iter();
    taken
        .map(|action| match action {
            UserAction::Rate {
                score,
                input: InputKind::Touch,
                ..
            } => score.get(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_finger_beside_a_palm_rates_neither_what_it_touches_nor_what_the_palm_lies_on() {
    for way in WAYS {
        let stage = rate_stage();
        let faces: Vec<_> = faces(&stage).iter().map(Bounds::centre).collect();
        let [palm, finger] = [(0, faces[0]), (1, faces[4])];
        for (first, second) in [(palm, finger), (finger, palm)] {
            way.down(&stage, palm.0, palm.1);
            way.down(&stage, finger.0, finger.1);
            way.up(&stage, first.0, first.1);
            way.up(&stage, second.0, second.1);
            assert_eq!(rated(&stage), NOTHING, "{way:?}");
            way.tap(&stage, 0, faces[3]);
            assert_eq!(rated(&stage), [4], "{way:?}: all had left");
        }
        // Two fingers that move apart are one movement to Slint.
        way.down(&stage, palm.0, palm.1);
        way.down(&stage, finger.0, finger.1);
        for (id, at) in [(1, faces[2]), (0, faces[1]), (1, faces[4])] {
            way.happen(&stage, id, TouchPhase::Moved, at);
        }
        way.up(&stage, 0, faces[1]);
        way.up(&stage, 1, faces[4]);
        assert_eq!(rated(&stage), NOTHING, "{way:?}");
        way.tap(&stage, 1, faces[4]);
        assert_eq!(rated(&stage), [5], "{way:?}");
    }
}

#[test]
fn nothing_is_chosen_while_any_of_several_fingers_stays() {
    for way in WAYS {
        let stage = rate_stage();
        let faces: Vec<_> = faces(&stage).iter().map(Bounds::centre).collect();
        for finger in 0..3 {
            way.down(&stage, finger, faces[finger as usize]);
        }
        way.up(&stage, 1, faces[1]);
        for _ in 0..5 {
            way.tap(&stage, 1, faces[4]);
        }
        way.up(&stage, 0, faces[0]);
        way.tap(&stage, 0, faces[3]);
        assert_eq!(rated(&stage), NOTHING, "{way:?}");
        way.up(&stage, 2, faces[2]);
        assert_eq!(rated(&stage), NOTHING, "{way:?}");
        way.tap(&stage, 2, faces[2]);
        assert_eq!(rated(&stage), [3], "{way:?}");
    }
}

#[test]
fn two_fingers_choose_nothing_on_any_screen() {
    for way in WAYS {
        let stage = Stage::new((800, 480));
        let mut screens = samples::every_screen("ru");
        screens.extend(samples::every_overlay("ru"));
        for (screen, view) in screens {
            stage.show(&view);
            let targets: Vec<_> = [AccessibleRole::Button, AccessibleRole::RadioButton]
                .into_iter()
                .flat_map(|role| stage.with_role(role))
                .map(|(_, bounds)| bounds)
                .filter(|bounds| bounds.width > 0.0)
                .map(|bounds| bounds.centre())
                .collect();
            stage.reported();
            let ground = LogicalPosition::new(2.0, 2.0);
            for (at, target) in targets.iter().enumerate() {
                let other = targets.get(at + 1).copied().unwrap_or(ground);
                for (first, second) in [(*target, other), (other, *target)] {
                    way.down(&stage, 0, first);
                    way.down(&stage, 1, second);
                    way.up(&stage, 0, first);
                    way.up(&stage, 1, second);
                    assert_eq!(stage.taken_with_stay(), [], "{way:?} {screen} {target:?}");
                }
            }
        }
    }
}

#[test]
fn a_palm_beside_the_keys_of_the_screen_writes_and_deletes_nothing() {
    for way in WAYS {
        let mut lobby = writing();
        lobby.touch("А");
        let at = |label: &str| bounds(&lobby.stage.labelled(label)).centre();
        let (palm, key, delete) = (LogicalPosition::new(2.0, 2.0), at("ң"), at("Өчүрүү"));
        for target in [key, delete] {
            way.down(&lobby.stage, 0, target);
            way.down(&lobby.stage, 1, palm);
            // Longer than the key for deleting is held for a word.
            for _ in 0..5 {
                lobby.stage.settle();
                lobby.follow();
            }
            way.up(&lobby.stage, 1, palm);
            way.up(&lobby.stage, 0, target);
            lobby.follow();
            assert_eq!(written(&lobby), "А", "{way:?}");
        }
        way.tap(&lobby.stage, 0, key);
        lobby.follow();
        assert_eq!(written(&lobby), "Аң", "{way:?}");
    }
}

#[test]
fn a_second_finger_lets_go_what_the_first_one_pressed_at_once() {
    let stage = rate_stage();
    let plain = crate::pixels::image(&stage.picture());
    let faces = faces(&stage);
    Way::Backend.down(&stage, 0, faces[0].centre());
    stage.settle();
    assert!(plain != crate::pixels::image(&stage.picture()));
    for finger in 1..4 {
        Way::Backend.down(&stage, finger, faces[4].centre());
        stage.settle();
        assert!(plain == crate::pixels::image(&stage.picture()));
    }
}

#[test]
fn what_the_panel_takes_back_chooses_nothing_and_the_next_finger_does() {
    let stage = rate_stage();
    let face = faces(&stage)[0].centre();
    Way::Backend.down(&stage, 0, face);
    Way::Backend.happen(&stage, 0, TouchPhase::Cancelled, face);
    assert_eq!(rated(&stage), NOTHING);
    Way::Backend.tap(&stage, 0, face);
    assert_eq!(rated(&stage), [1]);
}

#[test]
fn a_finger_whose_end_the_panel_lost_keeps_no_other_from_choosing() {
    let stage = rate_stage();
    let faces = faces(&stage);
    Way::Backend.down(&stage, 0, faces[0].centre());
    Way::Backend.tap(&stage, 0, faces[4].centre());
    assert_eq!(rated(&stage), [5]);
}

#[test]
fn a_mouse_beside_a_finger_is_a_second_finger() {
    let stage = rate_stage();
    let faces = faces(&stage);
    let (palm, face) = (faces[0].centre(), faces[4].centre());
    for button in [Contact::Button, Contact::OtherButton(1)] {
        Way::Backend.down(&stage, 0, palm);
        stage.screen.contact(button, Phase::Down(face));
        stage.screen.contact(button, Phase::Up);
        Way::Backend.up(&stage, 0, palm);
        assert_eq!(rated(&stage), NOTHING);
    }
    for (button, expected) in [
        (Contact::OtherButton(1), vec![]),
        (Contact::Button, vec![5]),
    ] {
        stage.screen.contact(button, Phase::Down(face));
        stage.screen.contact(button, Phase::Up);
        assert_eq!(rated(&stage), expected);
    }
}

#[test]
fn what_rests_on_the_panel_keeps_fingers_from_choosing_for_half_a_minute_only() {
    let stage = rate_stage();
    let faces = faces(&stage);
    let (water, face) = (faces[0].centre(), faces[4].centre());
    let pass = i_slint_backend_testing::mock_elapsed_time;
    let moment = std::time::Duration::from_millis(1);
    Way::Backend.down(&stage, 0, water);
    pass(RESTING_CONTACT - moment);
    Way::Backend.tap(&stage, 1, face);
    assert_eq!(rated(&stage), NOTHING);
    // A finger that came beside it is not alone, though it leaves when the water no longer counts.
    Way::Backend.down(&stage, 1, face);
    pass(moment);
    Way::Backend.up(&stage, 1, face);
    assert_eq!(rated(&stage), NOTHING);
    Way::Backend.tap(&stage, 1, face);
    assert_eq!(rated(&stage), [5]);
    // Nor is it ever a finger again.
    Way::Backend.happen(&stage, 0, TouchPhase::Moved, face);
    Way::Backend.up(&stage, 0, water);
    assert_eq!(rated(&stage), NOTHING);
    Way::Backend.tap(&stage, 0, water);
    assert_eq!(rated(&stage), [1]);
}

#[test]
fn a_finger_that_holds_a_face_for_ever_rates_nothing() {
    let stage = rate_stage();
    let face = faces(&stage)[2].centre();
    Way::Backend.down(&stage, 0, face);
    i_slint_backend_testing::mock_elapsed_time(RESTING_CONTACT);
    Way::Backend.up(&stage, 0, face);
    assert_eq!(rated(&stage), NOTHING);
}

/// Which fingers are there, where each came down, and the one that has been alone from its
/// beginning.
#[derive(Default)]
pub struct Model {
    down: BTreeMap<Contact, Place>,
    alone: Option<Contact>,
}

/// Where a contact came down, and when (milliseconds).
type Place = (LogicalPosition, u64);

impl Model {
    pub fn down(&mut self, contact: Contact, at: LogicalPosition, now_ms: u64) {
        self.pass(now_ms);
        self.down.remove(&contact);
        self.alone = self.down.is_empty().then_some(contact);
        self.down.insert(contact, (at, now_ms));
    }

    /// The contact has left. Where it came down, if it was the only one since all had left.
    pub fn up(&mut self, contact: Contact, now_ms: u64) -> Option<LogicalPosition> {
        self.pass(now_ms);
        let (at, _) = self.down.remove(&contact)?;
        self.alone.take_if(|alone| *alone == contact).map(|_| at)
    }

    /// What has stayed too long is none.
    fn pass(&mut self, now_ms: u64) {
        let rests = |since_ms: u64| u128::from(now_ms - since_ms) >= RESTING_CONTACT.as_millis();
        self.down.retain(|_, (_, since_ms)| !rests(*since_ms));
        let there = &self.down;
        self.alone.take_if(|alone| !there.contains_key(alone));
    }
}

#[test]
fn whatever_fingers_do_exactly_the_one_that_was_alone_rates() {
    for (way, seed) in WAYS
        .into_iter()
        .flat_map(|way| (0..8).map(move |seed| (way, seed)))
    {
        let stage = rate_stage();
        let faces = faces(&stage);
        let (mut dice, mut model, mut ratings) = (Dice(seed), Model::default(), 0);
        let mut places = BTreeMap::new();
        for step in 0..600 {
            // Slint knows of five fingers at most.
            let finger = dice.below(5) as u64;
            let contact = Contact::Finger(finger);
            let at = dice.of(&faces).centre();
            let mut expected = Vec::new();
            let is_down = places.contains_key(&finger);
            // Rarely down, so that one is often alone.
            match (is_down, dice.below(4)) {
                (false, 1..) => continue,
                (false, _) => {
                    way.down(&stage, finger, at);
                    model.down(contact, at, 0);
                    places.insert(finger, at);
                }
                (true, 0) => {
                    way.happen(&stage, finger, TouchPhase::Moved, at);
                    places.insert(finger, at);
                }
                (true, _) => {
                    let left = places.remove(&finger).unwrap();
                    way.up(&stage, finger, left);
                    let came = model.up(contact, 0);
                    let scored = faces
                        .iter()
                        .zip(1..)
                        .find(|(face, _)| face.centre() == left);
                    expected.extend(
                        scored
                            .filter(|_| came == Some(left))
                            .map(|(_, score)| score),
                    );
                }
            }
            ratings += expected.len();
            assert_eq!(rated(&stage), expected, "{way:?}, seed {seed}, step {step}");
        }
        assert!(ratings > 5, "{way:?}, seed {seed}: {ratings} ratings");
    }
}

#[test]
fn a_rating_by_touch_says_where_the_finger_left_whichever_way_it_came() {
    for way in WAYS {
        let stage = rate_stage();
        let face = faces(&stage)[1].centre();
        way.tap(&stage, 3, face);
        let at = (
            (face.x / 0.8).round() as u16,
            (face.y / 0.48).round() as u16,
        );
        let rate = UserAction::Rate {
            score: Score::new(2).unwrap(),
            input: InputKind::Touch,
            at: Some(at),
        };
        assert_eq!(stage.reported(), [UserAction::Touched(at), rate], "{way:?}");
    }
}
