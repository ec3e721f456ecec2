//! What the programs of an older version left on disks: a terminal's journal opens and goes on, a
//! portal's database migrates, and what was published stays as it was. `fixtures/` holds one of
//! each version; `keep` makes them.

mod keep;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pikir_tests::http;
use pikir_tests::kiosk::Kiosk;
use pikir_tests::portal::{Portal, counted};
use pikir_tests::records::{self, Record};
use pikir_tests::scene::ORGANIZATION;
use pikir_tests::xvfb::Display;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// A comment that was published, and its official answer.
const PUBLISHED: [&str; 2] = ["Тез жана сылык", "Рахмат, дагы келиңиз"];
/// Members of a summary whose figures no later version may change. The headline is not one of them:
/// which channels it sums up is a version's own.
const FIGURES: [&str; 6] = [
    "channels",
    "flagged",
    "flagged_by_rule",
    "withdrawn",
    "questionnaire",
    "services",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The folder of each version, in order.
fn versions() -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(fixtures())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    ensure!(!folders.is_empty(), "there is no older version to be tried");
    Ok(folders)
}

/// Copies the files of `from` into `to`, for their owner alone as the programs leave them.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        fs::copy(entry.path(), &copy)?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What an older version published, whatever else a newer one says beside it.
fn check_figures(before: &Value, now: &Value) -> Result<()> {
    let mut now = now.clone();
    // Channels that prove nothing stand apart today.
    if let Some(Value::Object(apart)) = now["unverified"].get("channels").cloned()
        && let Some(channels) = now["channels"].as_object_mut()
    {
        channels.extend(apart);
    }
    for name in FIGURES {
        contains(&now[name], &before[name]).with_context(|| format!("{name} of {now}"))?;
    }
    Ok(())
}

/// Every figure of `part` is in `whole`.
fn contains(whole: &Value, part: &Value) -> Result<()> {
    match part {
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| contains(&whole[name], member).context(name.clone())),
        Value::Array(list) => list.iter().try_for_each(|element| {
            let same = |other: &&Value| other["key"] == element["key"];
            let found = whole.as_array().and_then(|all| all.iter().find(same));
            contains(found.context("is not there any more")?, element)
        }),
        figure => {
            ensure!(whole == figure, "it was {figure} and is {whole}");
            Ok(())
        }
    }
}

#[test]
fn a_portal_of_an_older_version_publishes_what_it_published() -> Result<()> {
    for version in versions()? {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("portal");
        copy(&version.join("portal"), &data)?;
        let portal = Portal::start(&data)?;
        let before: Value = serde_json::from_str(&text(&version.join("summary.json"))?)?;
        let what = || format!("{}", version.display());
        check_figures(&before, &portal.summary(ORGANIZATION)?).with_context(what)?;
        let page = http::get(&format!("{}/o/{ORGANIZATION}?lang=ky", portal.url()))?.text;
        for words in PUBLISHED {
            assert!(page.contains(words), "{words:?} is missing in {page}");
        }
    }
    Ok(())
}

#[test]
fn a_terminal_of_an_older_version_delivers_what_waited_and_goes_on() -> Result<()> {
    for version in versions()? {
        goes_on(&version).with_context(|| format!("{}", version.display()))?;
    }
    Ok(())
}

fn goes_on(version: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    copy(&version.join("portal"), &dir.path().join("portal"))?;
    let portal = Portal::start(&dir.path().join("portal"))?;
    let mut kiosk = Kiosk::new(dir.path(), &portal.url())?;
    copy(&version.join("terminal"), kiosk.data_dir())?;
    let old = journal(&kiosk.data_dir().join("journal.db"))?;
    let waited = records::ratings(&old[keep::DELIVERED_AT_LEAST..]);
    assert!(
        !waited.is_empty(),
        "the old terminal had something to deliver"
    );
    let before = given(&portal)?;

    let display = Display::start(dir.path(), 800, 480)?;
    kiosk.start(&display)?;
    kiosk.rate_by_touch(&display, 4)?;
    kiosk.wait_until_delivered()?;
    let terminal = kiosk.terminal_id()?;
    let held = records::in_portal(&portal, &terminal)?;
    assert_eq!(
        held[..old.len()],
        old,
        "the portal holds the whole old journal"
    );
    assert!(held.len() > old.len(), "and what came after it");
    records::check_seals(&portal, &terminal)?;
    kiosk.journal(&["verify"])?;
    let more = keep::WAITING.len() as u64 + 1;
    assert_eq!(given(&portal)?, before + more, "what waited, and one");
    assert!(kiosk.stop()?, "it ends well");
    Ok(())
}

/// How many ratings at a terminal a portal publishes, those that do not count included.
fn given(portal: &Portal) -> Result<u64> {
    let summary = portal.summary(ORGANIZATION)?;
    let counts = [
        counted(&summary, "terminal"),
        summary["flagged"].as_u64(),
        summary["withdrawn"].as_u64(),
    ];
    let sum = counts.into_iter().sum::<Option<u64>>();
    sum.with_context(|| format!("a figure is missing in {summary}"))
}

/// The events of a journal that nobody has opened yet.
fn journal(path: &Path) -> Result<Vec<Record>> {
    let journal = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    records::of_journal(&journal)
}
