//! What a visitor adds to a rating, by touch on the real screen, is what arrives in the portal: all of it, and nothing else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pikir_kiosk::keyboard::{Cap, Edit, Key, Keyboard, edited};
use pikir_tests::kiosk::{self, Kiosk, number};
use pikir_tests::records::{self, Record};
use pikir_tests::scene::{ORGANIZATION, Scene};
use pikir_tests::wait;
use pikir_tests::xvfb::Display;
use serde_json::{Value, json};

/// What is offered, as an administrator imports it.
fn offer() -> Value {
    let named = |key: &str, name: &str| json!({"key": key, "name": {"ky": name}});
    let reason = |key: &str, name: &str| json!({"key": key, "name": {"ky": name}, "scores": [1, 2, 3, 4, 5]});
    json!({"organizations": [{
        "code": ORGANIZATION,
        "services": [named("passport", "Паспорт алуу"), named("land", "Жерди каттоо")],
        "questionnaire": {
            "criteria": [named("speed", "Тейлөө ылдамдыгы"), named("courtesy", "Сылыктык")],
            "reasons": [reason("waiting", "Кезек күтүү"), reason("clarity", "Түшүнүктүүлүк"), reason("result", "Натыйжа")],
            "comment": true,
        },
    }]})
}

const COMMENT: &str = "Кезек узун, бирок тейлөө жакшы. Үй-бүлөм ыраазы!";

// Where things are on a screen of 800×480, in pixels.
const SAY_MORE: (u16, u16) = (261, 400);
const NEXT: (u16, u16) = (658, 436);
const SEND: (u16, u16) = (719, 151);
/// Options beside and below each other.
const OPTIONS: [(u16, u16); 3] = [(200, 215), (590, 215), (200, 301)];
/// Left and upper end of the keys, width of the rows, distance of the rows, distance between keys.
const KEYS: (f32, f32, f32, f32, f32) = (16.0, 243.0, 768.0, 56.0, 4.0);

/// How long fresh thanks and fresh pages take nothing, and some more.
const GUARD: Duration = Duration::from_millis(900);
/// How long a touch may take until the journal has what it gave.
const PATIENCE: Duration = Duration::from_secs(4);

/// A visitor at a terminal of a scene that asks for everything.
struct Visitor {
    kiosk: Kiosk,
    display: Display,
    scene: Scene,
}

impl Visitor {
    fn new() -> Result<Self> {
        let scene = Scene::new()?;
        let file = scene.dir().join("offer.json");
        std::fs::write(&file, offer().to_string())?;
        scene.portal.import_organizations(&file)?;
        let display = scene.display()?;
        let kiosk = scene.terminal()?;
        Ok(Self {
            kiosk,
            display,
            scene,
        })
    }

    fn last_seq(&self) -> Result<u64> {
        number(&self.kiosk.ask()?, "last_seq")
    }

    /// Rates with a touch and asks to say more.
    fn begin(&self, score: u8) -> Result<()> {
        self.kiosk.wait_for_screen("rate")?;
        let (x, y) = kiosk::face(&self.display, score)?;
        self.display.tap(x, y)?;
        self.kiosk.wait_for_screen("thanks")?;
        self.touch_until("the questionnaire", SAY_MORE, || {
            Ok(self.kiosk.ask()?["screen"] == "more")
        })
    }

    /// Touches a place until something has come of it; again only when nothing came for a long time.
    fn touch_until(
        &self,
        what: &str,
        at: (u16, u16),
        done: impl Fn() -> Result<bool>,
    ) -> Result<()> {
        let mut touched: Option<Instant> = None;
        let began = Instant::now();
        wait::until(what, || {
            let due = touched.map_or(began.elapsed() > GUARD, |touched| {
                touched.elapsed() > PATIENCE
            });
            if touched.is_some() && done()? {
                return Ok(Some(()));
            }
            if due {
                self.display.tap(at.0, at.1)?;
                touched = Some(Instant::now());
            }
            Ok(None)
        })
    }

    /// Chooses what is at a place; it is in the journal then.
    fn choose(&self, at: (u16, u16)) -> Result<()> {
        let before = self.last_seq()?;
        self.touch_until("the choice in the journal", at, || {
            Ok(self.last_seq()? > before)
        })
    }

    /// Turns a page that gives nothing to the journal.
    fn turn(&self) -> Result<()> {
        let before = self.display.picture()?;
        self.touch_until("another page", NEXT, || {
            Ok(self.display.picture()? != before)
        })
    }

    /// Answers everything up to the comment.
    fn answer(&self) -> Result<()> {
        self.choose(OPTIONS[1])?;
        self.choose(kiosk::face(&self.display, 4)?)?;
        self.choose(kiosk::face(&self.display, 2)?)?;
        self.choose(OPTIONS[0])?;
        self.choose(OPTIONS[2])?;
        self.turn()
    }

    /// Writes on the keys of the screen, with Shift and the page of signs where they are needed.
    fn write(&self, comment: &str) -> Result<()> {
        let mut keyboard = Keyboard::new("ky", ["ky", "ru", "en"]);
        let mut text = String::new();
        for character in comment.chars() {
            let cap = match character {
                ' ' => Cap::Space,
                other => Cap::Character(other),
            };
            for helper in [Cap::Shift, Cap::Page, Cap::Shift] {
                if find(&keyboard, cap).is_none() && find(&keyboard, helper).is_some() {
                    self.press(&mut keyboard, helper, &mut text)?;
                }
            }
            self.press(&mut keyboard, cap, &mut text)?;
        }
        assert_eq!(text, comment, "what the keys should have written");
        Ok(())
    }

    fn press(&self, keyboard: &mut Keyboard, cap: Cap, text: &mut String) -> Result<()> {
        let (row, at, key) = find(keyboard, cap).with_context(|| format!("no key for {cap:?}"))?;
        let (left, top, width, tall, between) = KEYS;
        let column = (width + between) / f32::from(keyboard.columns());
        let x = left + (key.x + key.width / 2.0) * column - between / 2.0;
        let y = top + (row as f32 + 0.5) * tall - between / 2.0;
        self.display.tap(x as u16, y as u16)?;
        if let Some(edit @ (Edit::Insert(_) | Edit::Delete)) = keyboard.press(row, at)
            && let Some(now) = edited(text, edit, usize::MAX)
        {
            *text = now;
            keyboard.follow(text);
        }
        Ok(())
    }

    /// The answers that the portal holds, once it has everything.
    fn answers(&self) -> Result<Vec<Record>> {
        self.kiosk.wait_until_delivered()?;
        let terminal = self.kiosk.terminal_id()?;
        records::check_seals(&self.scene.portal, &terminal)?;
        let all = records::in_portal(&self.scene.portal, &terminal)?;
        let ratings = records::ratings(&all);
        assert_eq!(ratings.len(), 1, "one visit, one rating");
        let answers: Vec<_> = all
            .into_iter()
            .filter(|record| record.kind == "answer")
            .collect();
        for answer in &answers {
            assert_eq!(answer.body["rating"], ratings[0].id());
        }
        Ok(answers)
    }
}

fn find(keyboard: &Keyboard, cap: Cap) -> Option<(usize, usize, Key)> {
    let rows = keyboard.rows();
    let mut keys = (0..)
        .zip(&rows)
        .flat_map(|(row, keys)| (0..).zip(keys).map(move |(at, key)| (row, at, *key)));
    keys.find(|(_, _, key)| key.cap == cap)
}

/// The members of a body that the visitor gave.
fn given(record: &Record) -> Value {
    let mut body = record.body.clone();
    if let Value::Object(members) = &mut body {
        for name in ["id", "boot", "up_ms", "wall", "synced", "rating"] {
            members.remove(name);
        }
    }
    body
}

/// All that [`Visitor::answer`] gives.
fn all_given() -> Value {
    json!({
        "service": "land",
        "criteria": {"speed": 4, "courtesy": 2},
        "reasons": ["waiting", "result"],
    })
}

#[test]
fn everything_that_was_touched_and_written_arrives_as_it_was_given() -> Result<()> {
    let mut visitor = Visitor::new()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.begin(2)?;
    visitor.answer()?;
    visitor.write(COMMENT)?;
    let before = visitor.last_seq()?;
    visitor.touch_until("the comment in the journal", SEND, || {
        Ok(visitor.last_seq()? > before)
    })?;
    visitor.kiosk.wait_for_screen("thanks")?;

    let answers = visitor.answers()?;
    let mut expected = all_given();
    expected["comment"] = COMMENT.into();
    assert_eq!(
        given(answers.last().context("no answer arrived")?),
        expected
    );
    assert_eq!(
        given(&answers[0]),
        json!({"service": "land"}),
        "each is saved as it is given"
    );
    Ok(())
}

#[test]
fn a_visitor_who_walks_away_from_a_half_written_comment_loses_nothing() -> Result<()> {
    let mut visitor = Visitor::new()?;
    // A short idle time; the warning takes what it takes.
    let path = visitor.kiosk.data_dir().join("config.json");
    let mut stored: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    stored["config"]["idle_timeout_s"] = 6.into();
    std::fs::write(&path, stored.to_string())?;
    visitor.scene.portal.stop()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.begin(1)?;
    visitor.answer()?;
    visitor.write("Кезек уз")?;
    visitor.kiosk.wait_for_screen("rate")?;

    visitor.scene.portal.restart()?;
    let answers = visitor.answers()?;
    let mut expected = all_given();
    expected["comment"] = "Кезек уз".into();
    assert_eq!(
        given(answers.last().context("no answer arrived")?),
        expected
    );
    Ok(())
}

#[test]
fn a_power_cut_while_a_comment_is_written_loses_nothing_that_was_given_before() -> Result<()> {
    let mut visitor = Visitor::new()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.begin(3)?;
    visitor.answer()?;
    visitor.write("Кез")?;
    visitor.kiosk.kill()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.kiosk.wait_for_screen("rate")?;
    let answers = visitor.answers()?;
    assert_eq!(
        given(answers.last().context("no answer arrived")?),
        all_given()
    );
    Ok(())
}
