//! Journals of enrolments that are over: moved to `former/<terminal id>/`, in an order that a crash
//! cannot confuse.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use pikir_contract::Id;

use crate::config::identity::Identity;
use crate::journal::Journal;
use crate::platform::files;
use crate::platform::files::DataDir;

/// Brings to its end what a crash interrupted while a former identity was put aside. Call it before
/// the journal is opened.
///
/// # Errors
/// A file cannot be moved.
pub fn finish_interrupted(data: &DataDir) -> anyhow::Result<()> {
    let Some(mut identity) = Identity::load(&data.identity())? else {
        return Ok(());
    };
    let Some(former) = identity.terminal else {
        return Ok(());
    };
    let kept = DataDir::new(Some(&data.former().join(former.to_string())));
    if !files::exists(&kept.identity()) {
        return Ok(());
    }
    let next = next_journal(data);
    let begins_another = |journal: Journal| {
        journal
            .state()
            .terminal
            .filter(|terminal| *terminal != former)
    };
    if files::exists(&next)
        && !files::exists(&data.journal())
        && begins_another(Journal::open(&next)?).is_some()
    {
        files::remove_if_there(&data.spare_key())?;
        files::rename(&next, &data.journal())?;
    }
    // A journal that cannot be opened is the journal's own matter: it is mended when the terminal
    // starts.
    let Some(terminal) = Journal::open(&data.journal()).ok().and_then(begins_another) else {
        return Ok(());
    };
    if let Some(mut new) = Identity::load(&data.next_identity())? {
        new.portal = identity.portal;
        identity = new;
    }
    identity.terminal = Some(terminal);
    identity.save(data)?;
    files::remove_if_there(&data.next_identity())?;
    Ok(())
}

/// Gives the next journal to `terminal`, ready to take the present one's place.
pub(super) fn begin_next(data: &DataDir, terminal: Id) -> anyhow::Result<()> {
    let mut next = Journal::open(&next_journal(data))?;
    next.set_terminal(terminal)?;
    empty_log(&next)
}

/// Puts the journal of an identity that is gone aside and the next one in its place. Nobody can
/// sign for it any more, but its seals still prove it.
pub(super) fn set_aside(data: &DataDir) -> anyhow::Result<()> {
    let journal = Journal::open(&data.journal())?;
    let terminal = journal
        .state()
        .terminal
        .with_context(|| format!("{} holds events of no terminal", data.journal().display()))?;
    empty_log(&journal)?;
    drop(journal);
    let place = place_of(data, terminal)?;
    ensure!(
        !files::exists(&place.journal()),
        "{} is there already; move it to another place and enrol again",
        place.journal().display()
    );
    change_places(data, &place)?;
    tracing::error!(
        journal = %place.journal().display(),
        "the identity of a former enrolment is gone; its journal is set aside"
    );
    Ok(())
}

/// Puts the identity and its journal aside and the next journal in its place.
pub(super) fn make_former(data: &DataDir, identity: &Identity) -> anyhow::Result<()> {
    let Some(former) = identity.terminal else {
        return Ok(());
    };
    if files::exists(&data.journal()) {
        empty_log(&Journal::open(&data.journal())?)?;
    }
    let place = place_of(data, former)?;
    identity.save(&place)?;
    change_places(data, &place)
}

/// Where what a former enrolment left is kept.
fn place_of(data: &DataDir, former: Id) -> anyhow::Result<DataDir> {
    let place = DataDir::new(Some(&data.former().join(former.to_string())));
    files::make_private_dir(&data.former())?;
    files::make_private_dir(place.root())?;
    Ok(place)
}

/// Moves the journal, whose log is empty, to `place` and the next one to where it was.
fn change_places(data: &DataDir, place: &DataDir) -> anyhow::Result<()> {
    if files::exists(&data.journal()) {
        files::rename(&data.journal(), &place.journal())?;
    }
    // The spare key is of the former chain, which has come to its end.
    files::remove_if_there(&data.spare_key())?;
    files::rename(&next_journal(data), &data.journal())?;
    Ok(())
}

/// Moves everything into the journal's own file, because only that is moved.
fn empty_log(journal: &Journal) -> anyhow::Result<()> {
    ensure!(
        journal.checkpoint()?,
        "another program reads the journal (pikir-kiosk journal export or verify). Wait until it has ended, then enrol again"
    );
    Ok(())
}

pub(super) fn next_journal(data: &DataDir) -> PathBuf {
    data.root().join("journal.next.db")
}

pub(super) fn remove_journal(path: &Path) -> std::io::Result<()> {
    ["", "-wal", "-shm"].iter().try_for_each(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files::remove_if_there(Path::new(&name))
    })
}
