//! A touch panel that touches itself at one point, again and again: nothing is hidden, nothing of
//! it counts, and the technician is told where.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pikir_kiosk::limits::LEFT_GUARD_MS;
use pikir_tests::kiosk::{Kiosk, face};
use pikir_tests::records::{self, Record};
use pikir_tests::scene::Scene;
use pikir_tests::wait;
use serde_json::Value;

/// How often the panel touches itself: long enough for the thanks to be gone, so that each touch is
/// a rating.
const PERIOD: Duration = Duration::from_secs(7);
/// Touches that give it away: four periods between them.
const ENOUGH: u32 = 5;
/// Touches after which it must have been found, on a machine so busy that some come late.
const MOST: u32 = 16;

/// What the terminal says of a phantom, if it found one.
fn phantom(kiosk: &Kiosk) -> Result<Option<String>> {
    Ok(kiosk.ask()?["phantom_touch"].as_str().map(str::to_owned))
}

fn is_flagged(rating: &Record) -> bool {
    rating.body["flags"]
        .as_array()
        .is_some_and(|flags| flags.contains(&Value::from("periodic")))
}

#[test]
fn a_point_that_touches_itself_is_told_to_the_technician_and_its_ratings_are_flagged() -> Result<()>
{
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    kiosk.start(&display)?;
    kiosk.wait_for_screen("rate")?;
    let (x, y) = face(&display, 1)?;

    let began = Instant::now();
    let mut found_at = None;
    for touch in 0..MOST {
        wait::for_moment(began + PERIOD * touch);
        display.tap(x, y)?;
        let found = phantom(&kiosk)?;
        assert!(
            found.is_none() || touch + 1 >= ENOUGH,
            "found after {} touches: {found:?}",
            touch + 1
        );
        // One touch more: it comes from where the phantom is known to be.
        if found_at.is_some() {
            break;
        }
        found_at = found;
    }
    let told = found_at.context("the phantom was not found")?;
    let (width, height) = display.size();
    let per_mille = |at: u16, of: u16| (u32::from(at) * 1_000 + u32::from(of) / 2) / u32::from(of);
    let place = format!(
        "{},{} (per mille) every ",
        per_mille(x, width),
        per_mille(y, height)
    );
    let period = told
        .strip_prefix(&place)
        .and_then(|rest| rest.strip_suffix(" s"));
    let period: f64 = period
        .with_context(|| format!("{told:?} is not {place:?}…"))?
        .parse()?;
    assert!((period - PERIOD.as_secs_f64()).abs() < 0.06, "{told:?}");
    // The period is told anew, and better, with every touch.
    let is_there = |text: &str| text.contains(&place);
    assert!(
        kiosk.status()?["phantom_touch"]
            .as_str()
            .is_some_and(is_there),
        "`status` does not say {place}"
    );

    // A finger elsewhere is believed.
    kiosk.wait_for_screen("rate")?;
    kiosk.wait_ms(LEFT_GUARD_MS)?;
    kiosk.rate_by_touch(&display, 5)?;
    kiosk.wait_until_delivered()?;
    let held = records::in_portal(&scene.portal, &kiosk.terminal_id()?)?;
    let ratings = records::ratings(&held);
    let (last, touches) = ratings.split_last().context("nothing arrived")?;
    assert!(last.body["score"] == 5 && !is_flagged(last), "{last:?}");
    assert!(
        touches.len() >= ENOUGH as usize && touches.iter().all(|rating| rating.body["score"] == 1),
        "every touch is kept: {touches:?}"
    );
    assert!(
        !is_flagged(&touches[0]),
        "nobody knew then: {:?}",
        touches[0]
    );
    assert!(touches.last().is_some_and(is_flagged), "{touches:?}");
    let notices: Vec<&Value> = held
        .iter()
        .filter(|event| event.body["what"] == "maintenance")
        .map(|event| &event.body["detail"])
        .collect();
    assert!(
        matches!(&notices[..], [Value::String(detail)] if is_there(detail)),
        "{notices:?} do not say {place}"
    );
    assert!(kiosk.stop()?, "the terminal ends well");
    Ok(())
}
