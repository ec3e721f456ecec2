//! What a visitor adds to a rating, with the real visit behind the screen: by touch, by a keyboard,
//! by two buttons.

use pikir_contract::Score;
use pikir_kiosk::journal::{Content, Given};
use pikir_kiosk::view::{PageView, ScreenView, UserAction};
use slint::platform::{Key, WindowEvent};

use crate::geometry;
use crate::lobby::{Disk, Lobby};
use crate::pixels::{image, save};
use crate::questionnaire_samples as pages;
use crate::samples::{self, LANGUAGES};
use crate::stage::{Bounds, Stage, bounds};

const SIZE: (u32, u32) = (480, 320);

/// A visitor who has rated in Kyrgyz and wants to say more.
fn begun(score: u8) -> Lobby {
    let mut lobby = Lobby::new(SIZE);
    lobby.button(score);
    lobby.pass(800);
    lobby.touch("Кененирээк айтуу");
    assert!(matches!(lobby.screen(), ScreenView::More(_)));
    lobby
}

/// The same on the comment's page, which is the last one.
pub fn writing() -> Lobby {
    let mut lobby = begun(2);
    for _ in 0..4 {
        lobby.touch("Кийинки");
    }
    assert!(written(&lobby).is_empty());
    lobby
}

pub fn written(lobby: &Lobby) -> String {
    match lobby.screen() {
        ScreenView::More(page) => match page.content {
            PageView::Comment { text, .. } => text,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// What the newest answer says.
fn given(lobby: &Lobby) -> Given {
    match &lobby.journal.last().unwrap().content {
        Content::Answer { rating, given } => {
            assert_eq!(*rating, lobby.ratings()[0]);
            given.clone()
        }
        other => panic!("{other:?}"),
    }
}

/// Presses the keys of the screen for `text`, as a finger would.
fn type_on_screen(lobby: &mut Lobby, text: &str) {
    for character in text.chars() {
        match character {
            ' ' => lobby.touch("Боштук"),
            other => lobby.touch(&other.to_string()),
        }
    }
}

#[test]
fn a_whole_visit_by_touch_is_in_the_journal_as_it_was_given() {
    let mut lobby = begun(2);
    lobby.touch("land");
    lobby.touch("4 – Жакшы");
    lobby.touch("1 – Өтө начар");
    lobby.touch("waiting");
    lobby.touch("result");
    lobby.touch("clarity");
    lobby.touch("result");
    lobby.touch("Кийинки");
    type_on_screen(&mut lobby, "Үч терезе, өң");
    lobby.touch("Жөнөтүү");
    assert!(matches!(lobby.screen(), ScreenView::Thanks(_)));
    assert_eq!(
        given(&lobby),
        Given {
            service: Some("land".into()),
            criteria: [("speed", 4), ("courtesy", 1)]
                .map(|(key, score)| (key.to_owned(), Score::new(score).unwrap()))
                .into(),
            reasons: Some(vec!["waiting".into(), "clarity".into()]),
            comment: Some("Үч терезе, өң".into()),
        }
    );
    assert_eq!(lobby.ratings().len(), 1);
}

#[test]
fn every_option_can_be_reached_and_chosen_on_the_smallest_panels() {
    for size in [(480, 320), (320, 480)] {
        for language in LANGUAGES {
            let stage = Stage::new(size);
            let page = pages::services_page(language);
            let PageView::Service(options) = &page.content else {
                panic!("{page:?}");
            };
            let options = options.clone();
            stage.show(&samples::view(language, ScreenView::More(page)));
            let mut chosen = Vec::new();
            loop {
                for (at, option) in options.iter().enumerate() {
                    let found = stage.elements().into_iter().find(|(element, bounds)| {
                        bounds.width > 0.0
                            && geometry::is_a(element, "OptionButton")
                            && element
                                .accessible_label()
                                .is_some_and(|it| it == option.label.as_str())
                    });
                    if let Some((_, bounds)) = found {
                        stage.touch_at(bounds.centre());
                        assert_eq!(stage.taken(), [UserAction::Choose(at)]);
                        chosen.push(at);
                    }
                }
                let further = [
                    "Төмөнкү варианттар",
                    "Варианты ниже",
                    "Варыянты ніжэй",
                    "Options below",
                    "Төменгі нұсқалар",
                ];
                let button = stage.elements().into_iter().find(|(element, bounds)| {
                    bounds.width > 0.0
                        && element
                            .accessible_label()
                            .is_some_and(|label| further.contains(&label.as_str()))
                });
                let Some((_, bounds)) = button else { break };
                stage.touch_at(bounds.centre());
                stage.settle();
            }
            assert_eq!(
                chosen,
                (0..options.len()).collect::<Vec<_>>(),
                "{language} {size:?}"
            );
        }
    }
}

#[test]
fn a_chosen_option_shows_at_once_and_not_by_colour_alone() {
    let mut lobby = begun(1);
    for _ in 0..3 {
        lobby.touch("Кийинки");
    }
    let checks = |lobby: &Lobby| {
        let marks = lobby.stage.elements().into_iter();
        let inside =
            marks.filter(|(element, _)| element.type_name().is_some_and(|it| it == "OptionButton"));
        inside
            .filter(|(element, _)| element.accessible_checked() == Some(true))
            .count()
    };
    assert_eq!(checks(&lobby), 0);
    let before = image(&lobby.stage.picture());
    lobby.touch("waiting");
    assert_eq!(checks(&lobby), 1);
    let after = image(&lobby.stage.picture());
    let changed = before
        .pixels()
        .zip(after.pixels())
        .filter(|(one, other)| one != other)
        .count();
    assert!(changed > 200, "{changed} pixels tell that it is chosen");
}

#[test]
fn a_real_keyboard_writes_deletes_and_begins_lines_on_the_comments_page_alone() {
    let mut lobby = begun(2);
    for key in ["ө", "a", "z"] {
        lobby.key(key);
    }
    assert_eq!(lobby.journal.len(), 1, "only the rating");
    for _ in 0..4 {
        lobby.touch("Кийинки");
    }
    for key in ["Ө", "т", "ө", " ", "5", "!", "?"] {
        lobby.key(key);
    }
    lobby.key(Key::Backspace);
    lobby.key(Key::Return);
    lobby.key("a");
    assert_eq!(written(&lobby), "Өтө 5!\na");
    assert_eq!(lobby.ratings().len(), 1, "a digit is no rating here");
}

#[test]
fn shortcuts_write_nothing() {
    let mut lobby = writing();
    let window = lobby.stage.screen.window();
    window.dispatch_event(WindowEvent::KeyPressed {
        text: Key::Control.into(),
    });
    window.dispatch_event(WindowEvent::KeyPressed { text: "v".into() });
    window.dispatch_event(WindowEvent::KeyReleased { text: "v".into() });
    window.dispatch_event(WindowEvent::KeyReleased {
        text: Key::Control.into(),
    });
    lobby.follow();
    assert_eq!(written(&lobby), "");
}

#[test]
fn arrows_and_return_write_on_the_keys_of_the_screen() {
    let mut lobby = writing();
    lobby.key(Key::Tab);
    for _ in 0..20 {
        if reached(&lobby).is_some() {
            break;
        }
        lobby.key(Key::Tab);
    }
    assert_eq!(reached(&lobby).as_deref(), Some("Й"));
    lobby.key(Key::RightArrow);
    lobby.key(Key::DownArrow);
    lobby.key(Key::Return);
    assert_eq!(written(&lobby), "Ы");
    save(
        &image(&lobby.stage.picture()),
        "more-comment-arrows-480x320-ky.png",
    );
    // The Enter key of a number block.
    lobby.key("\r");
    assert_eq!(written(&lobby), "Ыы");
}

/// The key of the screen that has been reached.
fn reached(lobby: &Lobby) -> Option<String> {
    use slint::{ComponentHandle as _, Model as _};
    let keyboard = lobby
        .stage
        .screen
        .component()
        .global::<pikir_kiosk::screen::ui::Keyboard>();
    let at = usize::try_from(keyboard.get_reached()).ok()?;
    keyboard.get_keys().row_data(at).map(|key| key.text.into())
}

#[test]
fn two_buttons_write_and_send() {
    let mut lobby = writing();
    // The row of ф, its fourth key.
    let wanted = [("А", 1, 3), ("ң", 3, 2)];
    for (letter, row, key) in wanted {
        scan_to_the_keyboard(&mut lobby);
        for _ in 0..row {
            scan_next(&mut lobby);
        }
        scan_select(&mut lobby);
        for _ in 0..key {
            scan_next(&mut lobby);
        }
        assert_eq!(reached(&lobby).as_deref(), Some(letter));
        scan_select(&mut lobby);
    }
    assert_eq!(written(&lobby), "Аң");
    for _ in 0..4 {
        scan_next(&mut lobby);
    }
    scan_select(&mut lobby);
    assert!(
        matches!(lobby.screen(), ScreenView::Thanks(_)),
        "after the last row comes Send"
    );
    assert_eq!(given(&lobby).comment.as_deref(), Some("Аң"));
}

fn scan_to_the_keyboard(lobby: &mut Lobby) {
    use slint::ComponentHandle as _;
    for _ in 0..20 {
        let keyboard = lobby
            .stage
            .screen
            .component()
            .global::<pikir_kiosk::screen::ui::Keyboard>();
        if keyboard.get_reached_row() == 0 {
            return;
        }
        scan_next(lobby);
    }
    panic!("two buttons do not reach the keyboard");
}

fn scan_next(lobby: &mut Lobby) {
    lobby.stage.screen.scan_next();
    lobby.stage.settle();
    lobby.follow();
    lobby.stage.settle();
}

fn scan_select(lobby: &mut Lobby) {
    lobby.stage.screen.scan_select();
    lobby.stage.settle();
    lobby.follow();
    lobby.stage.settle();
}

#[test]
fn at_the_limit_nothing_more_is_written_and_the_page_says_so() {
    let mut lobby = writing();
    let text: String = "ң".repeat(999);
    lobby.happen(pikir_kiosk::visit::Event::Write(text));
    lobby.stage.settle();
    lobby.touch("ү");
    lobby.touch("ү");
    lobby.key("x");
    assert_eq!(written(&lobby).chars().count(), 1_000);
    lobby.stage.labelled("Орун калган жок.");
    lobby.touch("Өчүрүү");
    assert_eq!(written(&lobby).chars().count(), 999);
}

#[test]
fn a_pressed_key_is_seen_above_the_finger() {
    let mut lobby = writing();
    lobby.happen(pikir_kiosk::visit::Event::Write("Ой".into()));
    lobby.stage.settle();
    let key = bounds(&lobby.stage.labelled("а"));
    let before = image(&lobby.stage.picture());
    lobby.stage.press("а");
    lobby.stage.settle();
    let after = image(&lobby.stage.picture());
    save(&after, "more-comment-pressed-480x320-ky.png");
    let above = Bounds {
        y: key.y - key.height,
        ..key
    };
    let changed = |part: &Bounds| {
        let inside = |x: u32, y: u32| {
            (part.x..part.x + part.width).contains(&(x as f32))
                && (part.y..part.y + part.height).contains(&(y as f32))
        };
        let pixels = before.enumerate_pixels().zip(after.pixels());
        pixels
            .filter(|((x, y, one), other)| inside(*x, *y) && one != other)
            .count()
    };
    assert!(changed(&key) > 200);
    assert!(changed(&above) > 200);
}

#[test]
fn what_cannot_be_saved_is_said_and_stays_on_the_page() {
    let mut lobby = writing();
    type_on_screen(&mut lobby, "Ай");
    lobby.set_disk(Disk::Full);
    lobby.touch("Жөнөтүү");
    assert_eq!(written(&lobby), "Ай");
    lobby
        .stage
        .labelled("Жообуңуз сакталган жок. Пикирди телефонуңуздан жазыңыз.");
    lobby.set_disk(Disk::Good);
    lobby.touch("Жөнөтүү");
    assert_eq!(given(&lobby).comment.as_deref(), Some("Ай"));
}

#[test]
fn walking_away_at_any_page_loses_nothing() {
    for pages in 0..5 {
        let mut lobby = begun(2);
        let mut expected = Given::default();
        for page in 0..pages {
            match page {
                0 => {
                    lobby.touch("passport");
                    expected.service = Some("passport".into());
                }
                1 => {
                    lobby.touch("5 – Эң жакшы");
                    expected
                        .criteria
                        .insert("speed".into(), Score::new(5).unwrap());
                }
                2 => lobby.touch("Кийинки"),
                3 => {
                    lobby.touch("result");
                    expected.reasons = Some(vec!["result".into()]);
                    lobby.touch("Кийинки");
                }
                _ => unreachable!(),
            }
        }
        if pages == 4 {
            type_on_screen(&mut lobby, "Ок");
            expected.comment = Some("Ок".into());
        }
        lobby.pass(60_000);
        assert!(matches!(lobby.screen(), ScreenView::Rate(_)), "{pages}");
        match pages {
            0 => assert_eq!(lobby.journal.len(), 1),
            _ => assert_eq!(given(&lobby), expected, "{pages}"),
        }
    }
}
