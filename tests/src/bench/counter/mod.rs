//! (f) The terminal at the counter, uploader and journal included, beside the same screen as one
//! static page in Chromium's kiosk mode, one after the other on the same display.

mod contender;
mod cost;
mod eye;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pikir_kiosk::journal::Journal;

use super::report::{Figure, Section, Table, Target};
use super::stats::{Ratio, median, number, percentile};
use super::supply::Visitors;
use super::{Scale, milliseconds, progress};
use crate::framebuffer::Framebuffer;
use crate::scene::Scene;
use crate::xvfb::Display;
use contender::{Browser, Contender, Terminal};
use cost::Cost;
use eye::Eye;

/// Most of Chromium's memory that the terminal may take.
const MOST_MEMORY: f64 = 1.0 / 20.0;
/// Most of the time that Chromium takes to its first frame.
const MOST_START: f64 = 1.0 / 12.0;
/// Most of the processor time that Chromium takes while nothing happens.
const MOST_IDLE: f64 = 1.0 / 10.0;
/// Most of Chromium's place on the disk.
const MOST_DISK: f64 = 1.0 / 15.0;
/// Most wake-ups a second while nothing happens, on X11.
const MOST_WAKEUPS: f64 = 3.0;
/// Most wake-ups a second while nothing happens, where the terminal draws to the screen itself.
const MOST_WAKEUPS_LINUXKMS: f64 = 1.0;
/// Two frames of a screen with 60 Hz (ms).
const TWO_FRAMES_MS: f64 = 2_000.0 / 60.0;
/// Longest time from a touch to thanks, in 99 of 100 cases (ms).
const MOST_THANKS_MS: f64 = 100.0;
/// The screen (pixels).
const SIZE: (u32, u32) = (800, 480);
/// How long a program has to come to rest before it is measured at rest.
const REST: Duration = Duration::from_secs(10);

/// What one of the two costs.
#[derive(Default)]
struct Found {
    starts_ms: Vec<f64>,
    pressed_ms: Vec<f64>,
    thanked_ms: Vec<f64>,
    cost: Cost,
    disk_mb: f64,
}

/// Measures both, and the terminal once more while it delivers a backlog.
pub fn run(scale: &Scale) -> Result<Section> {
    let scene = Scene::new()?;
    let display = scene.display()?;
    let mut terminal = Terminal::new(&scene)?;
    let mut browser = Browser::new(scene.dir())?;
    let ours = measure(&mut terminal, &display, scale)?;
    let beside = measure(&mut browser, &display, scale)?;
    let busy = while_uploading(&mut terminal, &display, scale)?;
    let linuxkms = without_windows(&mut terminal, &scene, scale)?;
    Ok(section(&ours, &beside, &busy, &linuxkms, scale))
}

/// What the terminal costs at rest on a screen without a window system.
fn without_windows(terminal: &mut Terminal, scene: &Scene, scale: &Scale) -> Result<Cost> {
    let (width, height) = SIZE;
    let screen = Framebuffer::new(scene.dir(), width, height)?;
    let process = terminal.start_on(&screen)?;
    std::thread::sleep(REST);
    let cost = Cost::of(process, scale.idle)?;
    terminal.stop()?;
    Ok(cost)
}

fn measure(contender: &mut dyn Contender, display: &Display, scale: &Scale) -> Result<Found> {
    let mut found = Found {
        disk_mb: contender.disk_mb()?,
        ..Found::default()
    };
    // Once for the page cache, and to see where the faces are.
    contender.start(display)?;
    let eye = Eye::find(display)?;
    contender.stop()?;
    for _ in 0..scale.starts {
        eye.wait_for_darkness(display)?;
        let started = Instant::now();
        contender.start(display)?;
        eye.wait_for_faces(display)?;
        found.starts_ms.push(milliseconds(started.elapsed()));
        contender.stop()?;
    }
    eye.wait_for_darkness(display)?;
    let process = contender.start(display)?;
    eye.wait_for_faces(display)?;
    for _ in 0..scale.taps {
        tap(&eye, display, &mut found)?;
    }
    std::thread::sleep(REST);
    found.cost = Cost::of(process, scale.idle)?;
    contender.stop()?;
    progress(&format!("{} measured", contender.name()));
    Ok(found)
}

fn tap(eye: &Eye, display: &Display, found: &mut Found) -> Result<()> {
    let touch = eye.touch(display)?;
    found.pressed_ms.push(touch.pressed_ms);
    found.thanked_ms.push(touch.thanked_ms);
    eye.leave_thanks(display)
}

/// Taps while the terminal delivers what an outage left.
fn while_uploading(terminal: &mut Terminal, display: &Display, scale: &Scale) -> Result<Found> {
    let mut journal = Journal::open(&terminal.journal())?;
    let mut visitors = Visitors::new(17);
    for _ in 0..scale.uploading {
        journal.append(visitors.rate())?;
    }
    drop(journal);
    let mut found = Found::default();
    terminal.start(display)?;
    let eye = Eye::find(display)?;
    while terminal.pending()? > 0 {
        tap(&eye, display, &mut found)?;
    }
    terminal.stop()?;
    found
        .pressed_ms
        .first()
        .context("the backlog was gone before the first tap; take a larger one")?;
    Ok(found)
}

fn section(ours: &Found, beside: &Found, busy: &Found, linuxkms: &Cost, scale: &Scale) -> Section {
    let mut section = Section {
        name: "counter",
        title: "The terminal beside the same screen as a page in Chromium's kiosk mode",
        figures: figures(ours, beside, busy, linuxkms),
        table: table(ours, beside, busy),
        ..Section::default()
    };
    section.notes = vec![
        format!(
            "Memory: proportional set size of all processes after {} ratings and {} s of rest. Idle: {} s, processor time and voluntary context switches of all threads.",
            scale.taps, REST.as_secs(), scale.idle.as_secs()
        ),
        "Start: from the start of the program to the five faces on the display, with a warm page cache; the terminal opens its journal meanwhile.".to_owned(),
        "A touch is an event of the X server; the picture is read back from it until it changes. The page says thanks without saving anything; the terminal's commit is included.".to_owned(),
        "Disk: the terminal's program, fonts and artwork inside, beside Debian's packages chromium and chromium-common without their libraries.".to_owned(),
        format!(
            "linuxkms: the same screen drawn without a window system, to a framebuffer that is a file, without input devices; {:.1} MB, {:.1} ms of processor time.",
            linuxkms.memory_mb, linuxkms.processor_ms
        ),
        format!("Busy: {} ratings wait at the start and are delivered while visitors tap.", number(scale.uploading as f64)),
    ];
    section
}

fn figures(ours: &Found, beside: &Found, busy: &Found, linuxkms: &Cost) -> Vec<Figure> {
    let ratio = |what: &str, most: f64, ours: f64, beside: f64, unit: &str| Figure {
        what: format!("{what}, terminal / Chromium"),
        ratio: Ratio::exact(ours / beside),
        target: Some(Target::AtMost((most * 1_000.0).round() / 1_000.0)),
        ours: format!("{ours:.1} {unit}"),
        beside: format!("{beside:.1} {unit}"),
    };
    // A time that a person notices is a limit of its own: the ratio is to that limit.
    let limit = |what: &str, most: f64, ours: f64, unit: &str| Figure {
        what: what.to_owned(),
        ratio: Ratio::exact(ours / most),
        target: Some(Target::AtMost(1.0)),
        ours: format!("{ours:.1} {unit}"),
        beside: format!("{most:.1} {unit}"),
    };
    vec![
        ratio(
            "memory",
            MOST_MEMORY,
            ours.cost.memory_mb,
            beside.cost.memory_mb,
            "MB",
        ),
        ratio(
            "start",
            MOST_START,
            median(&ours.starts_ms),
            median(&beside.starts_ms),
            "ms",
        ),
        ratio(
            "processor time at rest",
            MOST_IDLE,
            ours.cost.processor_ms,
            beside.cost.processor_ms,
            "ms",
        ),
        ratio("disk", MOST_DISK, ours.disk_mb, beside.disk_mb, "MB"),
        limit(
            "wake-ups at rest / 3 a second",
            MOST_WAKEUPS,
            ours.cost.wakeups_per_s,
            "/s",
        ),
        limit(
            "wake-ups at rest on linuxkms / 1 a second",
            MOST_WAKEUPS_LINUXKMS,
            linuxkms.wakeups_per_s,
            "/s",
        ),
        limit(
            "touch to changed pixels, median / two frames",
            TWO_FRAMES_MS,
            median(&ours.pressed_ms),
            "ms",
        ),
        limit(
            "the same while a backlog is delivered / two frames",
            TWO_FRAMES_MS,
            median(&busy.pressed_ms),
            "ms",
        ),
        limit(
            "touch to thanks, p99 / 100 ms",
            MOST_THANKS_MS,
            percentile(&ours.thanked_ms, 0.99),
            "ms",
        ),
    ]
}

fn table(ours: &Found, beside: &Found, busy: &Found) -> Table {
    let mut table = Table::new(&["", "terminal", "terminal, busy", "page in Chromium"]);
    let mut times = |what: &str, of: fn(&Found) -> &Vec<f64>| {
        let cell = |found: &Found| {
            let values = of(found);
            if values.is_empty() {
                return "–".to_owned();
            }
            format!(
                "{:.1} / {:.1} / {:.1} ms ({})",
                median(values),
                percentile(values, 0.99),
                percentile(values, 1.0),
                values.len()
            )
        };
        table.row(vec![
            format!("{what}: p50 / p99 / slowest (times)"),
            cell(ours),
            cell(busy),
            cell(beside),
        ]);
    };
    times("start to faces", |found| &found.starts_ms);
    times("touch to changed pixels", |found| &found.pressed_ms);
    times("touch to thanks", |found| &found.thanked_ms);
    table.row(vec![
        "wake-ups a second at rest".into(),
        format!("{:.2}", ours.cost.wakeups_per_s),
        "–".into(),
        format!("{:.2}", beside.cost.wakeups_per_s),
    ]);
    table
}
