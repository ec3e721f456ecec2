//! A wall clock at 1970, ten years off either way, jumping and running back: no rating lost, none
//! out of order, and the right time at the portal all the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use pikir_tests::kiosk::{Kiosk, press_key};
use pikir_tests::scene::Scene;
use pikir_tests::{preload, records};

/// How far the portal's idea of a rating's time may be off, on a loaded machine.
const TOLERANCE: Duration = Duration::from_secs(8);

const YEAR_S: i64 = 365 * 86_400;

/// The wall clock of one terminal, to be set wrong while it runs.
struct WrongClock(PathBuf);

impl WrongClock {
    /// Of a terminal whose files lie in `dir`.
    fn of(kiosk: &mut Kiosk, dir: &Path) -> Result<Self> {
        let clock = Self(kiosk.data_dir().with_extension("clock"));
        clock.ahead_by(0)?;
        // The kernel of this machine may vouch for its own clock, which is not the one that is made
        // wrong.
        let unsynced = preload::compile("unsynced/unsynced.c", dir)?;
        let libraries = [preload::libfaketime()?, unsynced].map(|it| it.display().to_string());
        kiosk.set_environment("LD_PRELOAD", &libraries.join(":"));
        kiosk.set_environment("FAKETIME_TIMESTAMP_FILE", &clock.0.to_string_lossy());
        kiosk.set_environment("FAKETIME_NO_CACHE", "1");
        // A real clock that is wrong leaves the uptime right.
        kiosk.set_environment("DONT_FAKE_MONOTONIC", "1");
        Ok(clock)
    }

    fn ahead_by(&self, seconds: i64) -> Result<()> {
        let beside = self.0.with_extension("next");
        fs::write(&beside, format!("{seconds:+}\n"))?;
        Ok(fs::rename(&beside, &self.0)?)
    }

    fn at_1970(&self) -> Result<()> {
        self.ahead_by(60 - now_ms() / 1_000)
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as i64)
}

#[test]
fn whatever_the_wall_clock_says_every_rating_arrives_in_order_and_with_the_right_time() -> Result<()>
{
    let mut scene = Scene::new()?;
    let display = scene.display()?;
    let mut kiosk = scene.terminal()?;
    let clock = WrongClock::of(&mut kiosk, scene.dir())?;
    clock.at_1970()?;
    scene.portal.stop()?;
    kiosk.start(&display)?;
    let terminal = kiosk.terminal_id()?;

    let mut taken = Vec::new();
    let mut rate = |kiosk: &Kiosk, score: u8| -> Result<()> {
        kiosk.rate(&display, |display| {
            taken.push((i64::from(score), now_ms()));
            press_key(display, score)
        })
    };
    rate(&kiosk, 1)?;
    clock.ahead_by(10 * YEAR_S)?;
    rate(&kiosk, 2)?;
    clock.ahead_by(-10 * YEAR_S)?;
    rate(&kiosk, 3)?;
    // Running back: every rating is earlier than the one before.
    for (score, hours) in [(4, 1), (5, 2), (1, 3)] {
        clock.ahead_by(-hours * 3_600)?;
        rate(&kiosk, score)?;
    }
    kiosk.kill()?;
    clock.at_1970()?;
    kiosk.start(&display)?;
    rate(&kiosk, 2)?;
    scene.portal.restart()?;
    kiosk.wait_until_delivered()?;
    clock.ahead_by(10 * YEAR_S)?;
    rate(&kiosk, 3)?;
    let status = kiosk.wait_until_delivered()?;

    let written = records::ratings(&records::in_journal(&kiosk)?);
    let walls: Vec<&str> = written
        .iter()
        .filter_map(|rating| rating.body["wall"].as_str())
        .collect();
    assert!(
        walls[0].starts_with("1970-") && walls[1] > walls[0] && walls[2] < walls[1],
        "this test cannot fail: the clock was not wrong: {walls:?}"
    );
    let held = records::in_portal(&scene.portal, &terminal)?;
    assert_eq!(held, records::in_journal(&kiosk)?);
    records::check_seals(&scene.portal, &terminal)?;

    let counted = records::times(&scene.portal, &terminal)?;
    let scores: Vec<i64> = counted.iter().map(|rating| rating.score).collect();
    assert_eq!(
        scores,
        taken.iter().map(|(score, _)| *score).collect::<Vec<_>>()
    );
    assert_eq!(status["clock"], "portal", "nobody else tells the time");
    for (rating, (_, at_ms)) in counted.iter().zip(&taken) {
        let off_by = Duration::from_millis(rating.rated_at_ms.abs_diff(*at_ms));
        assert!(
            off_by < TOLERANCE && rating.quality == "portal",
            "{rating:?} was taken at {at_ms}"
        );
    }
    Ok(())
}
