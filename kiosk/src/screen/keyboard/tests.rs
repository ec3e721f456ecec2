//! What the keys write, and how they are reached.

use super::*;
use proptest::prelude::*;

const LIMIT: usize = 1_000;

fn keyboard(language: &str) -> Keyboard {
    Keyboard::new(language, ["ky", "ru", "en"])
}

/// Where the key with this cap is.
fn place(keyboard: &Keyboard, cap: Cap) -> Option<(usize, usize)> {
    let rows = keyboard.rows();
    let keys = rows.iter().enumerate();
    keys.flat_map(|(row, keys)| keys.iter().enumerate().map(move |(at, key)| (row, at, key)))
        .find(|(_, _, key)| key.cap == cap)
        .map(|(row, at, _)| (row, at))
}

fn press(keyboard: &mut Keyboard, cap: Cap, text: &mut String) {
    let (row, key) = place(keyboard, cap).unwrap_or_else(|| panic!("no key {cap:?}"));
    if let Some(edit) = keyboard.press(row, key)
        && let Some(now) = edited(text, edit, LIMIT)
    {
        *text = now;
        keyboard.follow(text);
    }
}

/// Writes as a visitor would, with Shift and the page of digits where they are needed.
fn write(keyboard: &mut Keyboard, wanted: &str) -> String {
    let mut text = String::new();
    for character in wanted.chars() {
        let cap = match character {
            ' ' => Cap::Space,
            '\n' => Cap::NewLine,
            other => Cap::Character(other),
        };
        if place(keyboard, cap).is_none() && place(keyboard, Cap::Shift).is_some() {
            press(keyboard, Cap::Shift, &mut text);
        }
        if place(keyboard, cap).is_none() {
            press(keyboard, Cap::Page, &mut text);
        }
        if place(keyboard, cap).is_none() && place(keyboard, Cap::Shift).is_some() {
            press(keyboard, Cap::Shift, &mut text);
        }
        press(keyboard, cap, &mut text);
    }
    text
}

#[test]
fn every_letter_of_every_alphabet_is_one_press_away_small_and_capital() {
    let alphabets = [
        ("ru", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
        ("ky", "абвгдеёжзийклмнңоөпрстуүфхцчшщъыьэюя"),
        ("be", "абвгдеёжзійклмнопрстуўфхцчшыьэюя'"),
        ("kk", "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"),
        ("en", "abcdefghijklmnopqrstuvwxyz"),
    ];
    for (language, alphabet) in alphabets {
        let mut keyboard = keyboard(language);
        assert_eq!(keyboard.layout().code, language);
        for shift in [Shift::Off, Shift::Lock] {
            keyboard.shift = shift;
            for small in alphabet.chars() {
                let wanted = keyboard.cased(small);
                assert!(
                    place(&keyboard, Cap::Character(wanted)).is_some(),
                    "{language}: {wanted}"
                );
            }
        }
    }
}

#[test]
fn a_visitors_sentence_is_written_as_it_is_meant() {
    for (language, sentence) in [
        (
            "ky",
            "Кезек узун, бирок тейлөө жакшы. Рахмат! Өтө ыңгайлуу үй.",
        ),
        ("ru", "Ждал 40 минут; объявление – нет. Ёлка № 3?\nСпасибо"),
        ("be", "Дзякуй! Аб'ява ў зале. Ізноў прыйду"),
        ("kk", "Қызмет өте жақсы, рақмет. Әкімдікке һәм ұжымға"),
        ("en", "Don't know (yet). Thanks & bye"),
    ] {
        let sentence = sentence.replace('–', "-");
        assert_eq!(
            write(&mut keyboard(language), &sentence),
            sentence,
            "{language}"
        );
    }
}

#[test]
fn rows_fill_their_width_without_gap_or_overlap_and_keys_are_a_column_wide_at_least() {
    for layout in LAYOUTS.iter().chain([&layouts::SYMBOLS]) {
        for row in layout.rows() {
            for pair in row.windows(2) {
                assert_eq!(pair[0].x + pair[0].width, pair[1].x, "{}", layout.code);
            }
            let last = row.last().unwrap();
            assert!(
                row.iter().all(|key| key.width >= 1.0),
                "{}: {row:?}",
                layout.code
            );
            assert!(
                row[0].x >= 0.0 && last.x + last.width <= layout.width(),
                "{}",
                layout.code
            );
        }
    }
}

#[test]
fn the_visitors_layout_is_first_then_the_terminals_and_every_other_one_follows() {
    let mut keyboard = Keyboard::new("be", ["ru", "be", "en"]);
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(keyboard.layout().code);
        assert_ne!(keyboard.next_layout().code, keyboard.layout().code);
        press(&mut keyboard, Cap::Layout, &mut String::new());
    }
    assert_eq!(codes, ["be", "ru", "en", "ky", "kk", "be"]);
    assert_eq!(Keyboard::new("uz", ["en"]).layout().code, "en");
    assert_eq!(Keyboard::new("uz", []).order.len(), LAYOUTS.len());
}

#[test]
fn shift_is_for_one_letter_and_pressed_twice_for_all() {
    let mut keyboard = keyboard("ru");
    let mut text = "а".to_owned();
    keyboard.follow(&text);
    press(&mut keyboard, Cap::Shift, &mut text);
    press(&mut keyboard, Cap::Character('Б'), &mut text);
    press(&mut keyboard, Cap::Character('в'), &mut text);
    press(&mut keyboard, Cap::Shift, &mut text);
    press(&mut keyboard, Cap::Shift, &mut text);
    press(&mut keyboard, Cap::Character('Г'), &mut text);
    press(&mut keyboard, Cap::Character('Д'), &mut text);
    press(&mut keyboard, Cap::Shift, &mut text);
    press(&mut keyboard, Cap::Character('е'), &mut text);
    assert_eq!(text, "аБвГДе");
}

#[test]
fn a_sentence_begins_with_a_capital_unless_the_visitor_wants_otherwise() {
    let mut keyboard = keyboard("ru");
    assert_eq!(keyboard.shift(), Shift::Sentence);
    let mut text = String::new();
    press(&mut keyboard, Cap::Shift, &mut text);
    press(&mut keyboard, Cap::Character('а'), &mut text);
    assert_eq!(text, "а", "a small letter where it was asked for");
    for (text, capital) in [
        ("Да.", false),
        ("Да. ", true),
        ("Да! ", true),
        ("Да, ", false),
        ("Да\n", true),
        (" ", true),
    ] {
        keyboard.follow(text);
        assert_eq!(keyboard.shift() == Shift::Sentence, capital, "{text:?}");
    }
}

#[test]
fn one_press_deletes_what_is_seen_as_one_character() {
    for (text, left) in [
        ("да", "д"),
        ("и\u{306}", ""),
        ("е\u{301}", ""),
        ("a👩‍👩‍👧", "a"),
        ("🇰🇬", ""),
        ("а\r\n", "а"),
    ] {
        assert_eq!(
            edited(text, Edit::Delete, LIMIT).as_deref(),
            Some(left),
            "{text:?}"
        );
    }
    assert_eq!(edited("", Edit::Delete, LIMIT), None);
}

#[test]
fn a_word_is_deleted_with_what_is_written_after_it() {
    for (text, left) in [
        ("бардыгы жакшы", "бардыгы "),
        ("бардыгы ", ""),
        ("бир\u{a0}эки!  ", "бир\u{a0}"),
        ("  ", ""),
    ] {
        assert_eq!(
            edited(text, Edit::DeleteWord, LIMIT).as_deref(),
            Some(left),
            "{text:?}"
        );
    }
    assert_eq!(edited("", Edit::DeleteWord, LIMIT), None);
}

#[test]
fn the_limit_lets_the_last_character_in_and_no_further_one() {
    assert_eq!(edited("ққ", Edit::Insert('қ'), 3).as_deref(), Some("қққ"));
    assert_eq!(edited("қққ", Edit::Insert('қ'), 3), None);
    assert_eq!(edited("қққ", Edit::Delete, 3).as_deref(), Some("ққ"));
}

#[test]
fn a_real_keyboard_writes_letters_and_deletes_and_its_other_keys_write_nothing() {
    assert_eq!(typed("ө"), Some(Edit::Insert('ө')));
    assert_eq!(typed(" "), Some(Edit::Insert(' ')));
    assert_eq!(typed("5"), Some(Edit::Insert('5')));
    assert_eq!(typed("\u{8}"), Some(Edit::Delete));
    for nothing in [
        "", "\u{1b}", "\t", "\u{7f}", "\u{f700}", "\u{f72f}", "\u{10}", "ab",
    ] {
        assert_eq!(typed(nothing), None, "{nothing:?}");
    }
}

#[test]
fn arrows_reach_every_key_and_lead_out_above_and_below() {
    let mut keyboard = keyboard("ru");
    assert_eq!(keyboard.go(Move::Down), Moved::Here);
    assert_eq!(
        keyboard.cursor(),
        Some(Cursor {
            row: 0,
            key: Some(0)
        })
    );
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..keyboard.rows().len() {
        let row = keyboard.cursor().unwrap().row;
        for _ in 0..keyboard.rows()[row].len() {
            let cursor = keyboard.cursor().unwrap();
            seen.insert((cursor.row, cursor.key));
            assert_eq!(keyboard.go(Move::Right), Moved::Here);
        }
        assert_eq!(keyboard.cursor().unwrap().row, row, "a row has no ends");
        if row + 1 < keyboard.rows().len() {
            assert_eq!(keyboard.go(Move::Down), Moved::Here);
        }
    }
    assert_eq!(
        seen.len(),
        keyboard.rows().iter().map(Vec::len).sum::<usize>()
    );
    assert_eq!(keyboard.go(Move::Down), Moved::Out);
    assert_eq!(keyboard.cursor(), None);
    let _ = keyboard.go(Move::Left);
    assert_eq!(keyboard.go(Move::Up), Moved::Out);
}

#[test]
fn an_arrow_up_or_down_goes_to_the_key_right_above_or_below() {
    let mut keyboard = keyboard("ru");
    keyboard.cursor = Some(Cursor {
        row: 3,
        key: Some(4),
    });
    assert_eq!(keyboard.rows()[3][4].cap, Cap::Space);
    let _ = keyboard.go(Move::Up);
    let Cursor { row, key } = keyboard.cursor().unwrap();
    let above = keyboard.rows()[row][key.unwrap()];
    let space = keyboard.rows()[3][4];
    assert!(above.x >= space.x && above.x + above.width <= space.x + space.width);
    let _ = keyboard.go(Move::Down);
    assert_eq!(
        keyboard.cursor(),
        Some(Cursor {
            row: 3,
            key: Some(4)
        })
    );
}

#[test]
fn two_buttons_write_a_word() {
    let mut keyboard = keyboard("ky");
    let mut text = String::new();
    for wanted in ["Ү", "й"] {
        let cap = Cap::Character(wanted.chars().next().unwrap());
        let (row, key) = place(&keyboard, cap).unwrap();
        while keyboard.cursor() != Some(Cursor { row, key: None }) {
            assert_eq!(keyboard.go(Move::ScanNext), Moved::Here);
        }
        assert_eq!(keyboard.go(Move::ScanSelect), Moved::Here);
        for _ in 0..key {
            assert_eq!(keyboard.go(Move::ScanNext), Moved::Here);
        }
        let Moved::Pressed(Some(edit)) = keyboard.go(Move::ScanSelect) else {
            panic!("{wanted} is not pressed");
        };
        text = edited(&text, edit, LIMIT).unwrap();
        keyboard.follow(&text);
        assert_eq!(
            keyboard.cursor(),
            Some(Cursor { row: 0, key: None }),
            "the rows begin anew"
        );
    }
    assert_eq!(text, "Үй");
}

#[test]
fn two_buttons_come_out_of_a_row_and_out_of_the_keyboard() {
    let mut keyboard = keyboard("ru");
    let _ = keyboard.go(Move::ScanNext);
    let _ = keyboard.go(Move::ScanSelect);
    for _ in 0..keyboard.rows()[0].len() {
        assert_ne!(keyboard.cursor(), Some(Cursor { row: 0, key: None }));
        let _ = keyboard.go(Move::ScanNext);
    }
    assert_eq!(
        keyboard.cursor(),
        Some(Cursor { row: 0, key: None }),
        "after its last key the row"
    );
    for _ in 1..keyboard.rows().len() {
        assert_eq!(keyboard.go(Move::ScanNext), Moved::Here);
    }
    assert_eq!(keyboard.go(Move::ScanNext), Moved::Out);
    assert_eq!(keyboard.cursor(), None);
}

#[test]
fn back_leads_out_of_the_row_first() {
    let mut keyboard = keyboard("ru");
    let _ = keyboard.go(Move::ScanNext);
    let _ = keyboard.go(Move::ScanSelect);
    assert_eq!(keyboard.go(Move::Back), Moved::Here);
    assert_eq!(keyboard.cursor(), Some(Cursor { row: 0, key: None }));
    assert_eq!(keyboard.go(Move::Back), Moved::Out);
    assert_eq!(keyboard.cursor(), None);
    assert_eq!(
        keyboard.go(Move::Select),
        Moved::Out,
        "Return is then a new line"
    );
}

proptest! {
    /// Whatever is pressed, the keyboard stays whole and the text within its limit.
    #[test]
    fn no_order_of_keys_breaks_anything(steps in prop::collection::vec((0_usize..6, 0_usize..14, 0_u8..10), 0..300)) {
        let moves = [Move::Left, Move::Right, Move::Up, Move::Down, Move::Select, Move::ScanNext, Move::ScanSelect, Move::Back];
        let mut keyboard = keyboard("kk");
        let mut text = String::new();
        for (row, key, which) in steps {
            let edit = match moves.get(usize::from(which)) {
                Some(wanted) => match keyboard.go(*wanted) {
                    Moved::Pressed(edit) => edit,
                    Moved::Here | Moved::Out => None,
                },
                None => keyboard.press(row, key),
            };
            if let Some(now) = edit.and_then(|edit| edited(&text, edit, 20)) {
                text = now;
                keyboard.follow(&text);
            }
            prop_assert!(text.chars().count() <= 20);
            if let Some(cursor) = keyboard.cursor() {
                let rows = keyboard.rows();
                prop_assert!(cursor.row < rows.len());
                prop_assert!(cursor.key.is_none_or(|key| key < rows[cursor.row].len()));
            }
        }
    }
}
