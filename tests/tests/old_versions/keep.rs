//! Makes the fixtures of the version at hand, by the programs themselves:
//! `cargo test --package pikir-tests --test old_versions -- --ignored`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use pikir_tests::browser::{Browser, JavaScript};
use pikir_tests::kiosk::face;
use pikir_tests::portal::User;
use pikir_tests::records;
use pikir_tests::scene::ORGANIZATION;
use pikir_tests::visitor::{DONE, NEXT, OPTIONS, Place, SAY_MORE, SEND, Visitor};
use pikir_tests::{qr, wait};
use serde_json::{Value, json};

/// Scores that wait at the terminal for a portal that does not answer.
pub const WAITING: [u8; 3] = [3, 1, 5];
/// Events that were delivered before, at least.
pub const DELIVERED_AT_LEAST: usize = 20;

/// Where a rating is taken back, on the thanks after it.
const TAKE_BACK: Place = (90, 400);
/// How long a screen that was just left takes nothing, and some more (milliseconds).
const BETWEEN_MS: u64 = 1_000;
const MODERATOR: User<'static> = User {
    login: "moderator",
    name: "Moderator",
    role: "admin",
    password: "correct horse battery staple",
};
const README: &str = "# Version {version}

What the programs of this version left on disks. Later versions open it (`tests/old_versions`); nothing here is ever
edited.

| | |
| --- | --- |
| `terminal/` | a terminal's data directory: the newest events of its journal wait for a portal that was down |
| `portal/` | the portal's: events of every kind, reviews by phone and by a printed code, ratings left out (one of them counted again), comments published, declined and answered |
| `summary.json` | the figures it published |

The keys in `identity.json` and in both databases were made for this folder and open nothing else. Made by
`cargo test --package pikir-tests --test old_versions -- --ignored`, which makes a folder for the version at hand.
";

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

#[test]
#[ignore = "makes the fixtures of this version, once"]
fn keep_a_terminal_and_a_portal_of_this_version() -> Result<()> {
    let version = concat!(
        "v",
        env!("CARGO_PKG_VERSION_MAJOR"),
        ".",
        env!("CARGO_PKG_VERSION_MINOR")
    );
    let folder = super::fixtures().join(version);
    ensure!(
        !folder.exists(),
        "{} is there and is never made anew",
        folder.display()
    );
    let mut visitor = Visitor::new(&offer(), &["ky", "ru", "en"])?;
    visitor.scene.portal.add_user(MODERATOR)?;
    visitor.kiosk.start(&visitor.display)?;
    rate_in_every_way(&visitor)?;
    send_reviews(&visitor)?;
    visitor.kiosk.wait_until_delivered()?;
    judge(&visitor)?;
    let delivered = records::in_journal(&visitor.kiosk)?.len();
    ensure!(
        delivered >= DELIVERED_AT_LEAST,
        "{delivered} events were delivered"
    );
    let summary = visitor.scene.portal.summary(ORGANIZATION)?;
    visitor.scene.portal.stop()?;
    for score in WAITING {
        visitor.kiosk.rate_by_key(&visitor.display, score)?;
    }
    ensure!(visitor.kiosk.stop()?, "the terminal ends well");

    let terminal = [
        "journal.db",
        "identity.json",
        "config.json",
        "spare-key.json",
    ];
    gather(
        visitor.kiosk.data_dir(),
        &folder.join("terminal"),
        &terminal,
    )?;
    gather(
        visitor.scene.portal.data_dir(),
        &folder.join("portal"),
        &["portal.db"],
    )?;
    let text = format!("{}\n", serde_json::to_string_pretty(&summary)?);
    fs::write(folder.join("summary.json"), text)?;
    fs::write(
        folder.join("README.md"),
        README.replace("{version}", version),
    )?;
    Ok(())
}

/// Ratings by finger and key, with and without more to say, taken back, and faster than people are.
fn rate_in_every_way(visitor: &Visitor) -> Result<()> {
    let (kiosk, display) = (&visitor.kiosk, &visitor.display);
    visitor.rate(|| visitor.touch(face(display, 2)?))?;
    visitor.leave_thanks("more", || visitor.touch(SAY_MORE))?;
    visitor.give(|| visitor.touch(OPTIONS[1]))?;
    visitor.give(|| visitor.touch(face(display, 4)?))?;
    visitor.give(|| visitor.touch(face(display, 1)?))?;
    visitor.give(|| visitor.touch(OPTIONS[0]))?;
    visitor.turn_to_comment(|| visitor.touch(NEXT))?;
    visitor.write("ky", "Кезек узун")?;
    visitor.give(|| visitor.touch(SEND))?;
    visitor.wait_for_screen("thanks")?;
    visitor.leave_thanks("rate", || visitor.touch(DONE))?;

    visitor.rate(|| visitor.touch(face(display, 1)?))?;
    visitor.leave_thanks("rate", || visitor.touch(TAKE_BACK))?;
    for score in 2..=5 {
        kiosk.wait_ms(BETWEEN_MS)?;
        kiosk.rate_by_touch(display, score)?;
        kiosk.rate_by_key(display, score)?;
    }
    // A screen that was just left takes nothing yet.
    kiosk.wait_ms(BETWEEN_MS)?;
    kiosk.rate_in_a_row(display, &[5, 5, 5])
}

/// A review by a phone that scanned the screen, two by a printed code.
fn send_reviews(visitor: &Visitor) -> Result<()> {
    let scene = &visitor.scene;
    visitor.wait_for_screen("rate")?;
    let scanned = wait::until("a code with a token on the screen", || {
        let text = qr::decode(&visitor.display.picture()?)?;
        Ok((text.matches('/').count() == 5).then_some(text))
    })?;
    let printed = format!("{}/Q/{}", scene.portal.url(), scene.place);
    let phone = Browser::start(scene.dir(), "ky", JavaScript::On)?;
    let reviews = [
        (&scanned, 5, super::PUBLISHED[0]),
        (&printed, 1, "Телефон номерим 0555"),
        (&printed, 3, ""),
    ];
    for (count, (address, score, comment)) in (1..).zip(reviews) {
        phone.open(address)?;
        phone.tap(&format!("label.s{score}"))?;
        phone.type_into("#comment", comment)?;
        phone.tap("main button")?;
        records::wait_for_reviews(&scene.portal, count)?;
    }
    Ok(())
}

/// A moderator publishes, declines and answers comments, and counts a rating again that a rule left
/// out.
fn judge(visitor: &Visitor) -> Result<()> {
    let url = visitor.scene.portal.url();
    let profile = visitor.scene.dir().join("moderator");
    fs::create_dir(&profile)?;
    let staff = Browser::start(&profile, "en", JavaScript::On)?;
    staff.open(&format!("{url}/sign-in?next=/staff/exclusions"))?;
    staff.type_into("#login", MODERATOR.login)?;
    staff.type_into("#password", MODERATOR.password)?;
    staff.tap("main form button")?;
    staff.wait_for("input[name=rating]")?;
    staff.tap("label.pick")?;
    staff.type_into("#reason", "Three people of one family")?;
    staff.tap("main form button")?;
    wait::until("the rating that counts again", || {
        staff.open(&format!("{url}/staff/exclusions?state=reversed"))?;
        Ok((staff.count("input[name=rating]")? > 0).then_some(()))
    })?;

    staff.open(&format!("{url}/staff/reviews"))?;
    let of = |comment: &str| -> Result<String> {
        let script = format!(
            "return [...document.querySelectorAll('li')].find(li => li.innerText.includes('{comment}'))
                 .querySelector('[name=review]').value"
        );
        let id = staff.evaluate(&script)?;
        Ok(id.as_str().context("a comment has an id")?.to_owned())
    };
    let press = |id: &str, action: &str| {
        staff.evaluate(&format!(
            "document.querySelectorAll('form').forEach(form => {{
                 const button = form.querySelector('[value={action}]');
                 if (button && form.review && form.review.value === '{id}') button.click();
             }})"
        ))
    };
    let declined = of("Телефон номерим")?;
    staff.choose(&format!("#reason-{declined}"), "personal-data")?;
    press(&declined, "decline")?;
    wait_until_gone(&staff, &declined)?;
    let published = of(super::PUBLISHED[0])?;
    press(&published, "publish")?;
    wait_until_gone(&staff, &published)?;
    staff.open(&format!("{url}/staff/reviews?state=published"))?;
    staff.type_into(&format!("#answer-{published}"), super::PUBLISHED[1])?;
    press(&published, "answer")?;
    let page = format!("{url}/o/{ORGANIZATION}");
    wait::until("the answer on the page", || {
        staff.open(&page)?;
        Ok(staff.text()?.contains(super::PUBLISHED[1]).then_some(()))
    })
}

fn wait_until_gone(staff: &Browser, id: &str) -> Result<()> {
    let field = format!("[name=review][value='{id}']");
    wait::until("the decision", || {
        Ok((staff.count(&field)? == 0).then_some(()))
    })
}

/// Copies what was left, databases in as few pages as they need.
fn gather(from: &Path, to: &Path, names: &[&str]) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in names {
        let (from, to) = (from.join(name), to.join(name));
        if from.extension().is_some_and(|extension| extension == "db") {
            let database = rusqlite::Connection::open(&from)?;
            database.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}
