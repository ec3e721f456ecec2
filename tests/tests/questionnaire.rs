//! What a visitor has added to a rating arrives also where the visitor walks away or the power is
//! cut.

use anyhow::{Context, Result};
use pikir_tests::kiosk::face;
use pikir_tests::records::{self, Record, given};
use pikir_tests::scene::ORGANIZATION;
use pikir_tests::visitor::{NEXT, OPTIONS, SAY_MORE, Visitor};
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

fn visitor() -> Result<Visitor> {
    Visitor::new(&offer(), &["ky", "ru", "en"])
}

/// Rates and answers everything up to the comment, which is begun.
fn write_half(visitor: &Visitor, score: u8, comment: &str) -> Result<()> {
    let face = |score| face(&visitor.display, score);
    visitor.rate(|| visitor.touch(face(score)?))?;
    visitor.leave_thanks("more", || visitor.touch(SAY_MORE))?;
    visitor.give(|| visitor.touch(OPTIONS[1]))?;
    visitor.give(|| visitor.touch(face(4)?))?;
    visitor.give(|| visitor.touch(face(2)?))?;
    visitor.give(|| visitor.touch(OPTIONS[0]))?;
    visitor.give(|| visitor.touch(OPTIONS[2]))?;
    visitor.turn_to_comment(|| visitor.touch(NEXT))?;
    visitor.write("ky", comment)
}

/// The answers that the portal holds, once it has everything.
fn answers(visitor: &Visitor) -> Result<Vec<Record>> {
    visitor.kiosk.wait_until_delivered()?;
    let terminal = visitor.kiosk.terminal_id()?;
    records::check_seals(&visitor.scene.portal, &terminal)?;
    let all = records::in_portal(&visitor.scene.portal, &terminal)?;
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

/// All that [`write_half`] gives but for the comment.
fn all_given() -> Value {
    json!({
        "service": "land",
        "criteria": {"speed": 4, "courtesy": 2},
        "reasons": ["waiting", "result"],
    })
}

#[test]
fn a_visitor_who_walks_away_from_a_half_written_comment_loses_nothing() -> Result<()> {
    let mut visitor = visitor()?;
    // A short idle time; the warning takes what it takes.
    let path = visitor.kiosk.data_dir().join("config.json");
    let mut stored: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    stored["config"]["idle_timeout_s"] = 6.into();
    std::fs::write(&path, stored.to_string())?;
    visitor.scene.portal.stop()?;
    visitor.kiosk.start(&visitor.display)?;
    write_half(&visitor, 1, "Кезек уз")?;
    visitor.kiosk.wait_for_screen("rate")?;

    visitor.scene.portal.restart()?;
    let answers = answers(&visitor)?;
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
    let mut visitor = visitor()?;
    visitor.kiosk.start(&visitor.display)?;
    write_half(&visitor, 3, "Кез")?;
    visitor.kiosk.kill()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.kiosk.wait_for_screen("rate")?;
    let answers = answers(&visitor)?;
    assert_eq!(
        given(answers.last().context("no answer arrived")?),
        all_given()
    );
    Ok(())
}

#[test]
fn a_terminal_that_is_told_to_end_keeps_the_comment_that_is_being_written() -> Result<()> {
    let mut visitor = visitor()?;
    visitor.kiosk.start(&visitor.display)?;
    write_half(&visitor, 3, "Кез")?;
    visitor.kiosk.stop()?;
    visitor.kiosk.start(&visitor.display)?;
    visitor.kiosk.wait_for_screen("rate")?;
    let answers = answers(&visitor)?;
    let mut expected = all_given();
    expected["comment"] = "Кез".into();
    assert_eq!(
        given(answers.last().context("no answer arrived")?),
        expected
    );
    Ok(())
}
