//! `pikir-portal organization`: organisations from a table (CSV) or a document (JSON).

mod document;
mod encoding;
mod plan;
mod table;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CliError, Common, check_calendar, no_organization, note, settings};
use crate::domain::hours::OpeningHours;
use crate::domain::text;
use crate::platform::clock::Clock;
use crate::storage::OrganizationRecord;
use document::Document;
use encoding::Decoded;

/// The longest code of an organisation, and the longest key, in characters.
const MAX_CODE_CHARS: usize = 64;
/// The longest name of an organisation, in characters.
const MAX_NAME_CHARS: usize = 250;

/// `pikir-portal organization`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or change organisations from a CSV or JSON file
    ///
    /// CSV: the first line names the columns: code, parent, and name_LANG for each language, such
    /// as code,parent,name_ky,name_ru. `parent` is the code of the organisation a unit belongs to.
    /// Commas, semicolons or tabs separate; UTF-8, UTF-16 or Windows-1251. Codes that are known
    /// already are changed, so a file can be imported again: a column that is missing and a cell
    /// that is empty leave everything as it is, a hyphen (-) takes the name or the parent away.
    /// Either the whole file is taken or nothing of it.
    ///
    /// JSON: {"organizations": [{"code", "parent", "name": {LANG: text}, "services",
    /// "questionnaire", "announcements", "theme": {"accent": "#rrggbb"}, "undo_s",
    /// "idle_timeout_s"}]}. The last six are in the form of the terminals' configuration: what
    /// visitors are offered besides the score, on terminals and phones, then the terminals' colour,
    /// the seconds in which a rating can be taken back, and those without input until the first
    /// screen returns. Null takes that of the organisation above, or a name or the parent away; a
    /// member that is missing stays as it is.
    Import {
        /// CSV or JSON file
        file: PathBuf,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Set when the places of an organisation and of its units are open, but for those that have
    /// hours of their own
    ///
    /// They hold for all that was rated there; a change from a day on is written "…; since
    /// 2027-06-01; mon-fri 09:00-18:00".
    Hours {
        /// The organisation's code
        code: String,
        /// Such as "mon-fri 08:30-12:00,13:00-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed";
        /// none: as the organisation above
        hours: Option<OpeningHours>,
    },
    /// Change what an organisation has of its own: its units and places have the same, unless they
    /// have others
    Set {
        /// The organisation's code
        code: String,
        #[command(flatten)]
        settings: settings::Args,
    },
    /// Show the organisations there are
    List,
}

/// Runs `pikir-portal organization`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    match command {
        Command::Import { file, dry_run } => run_import(&file, dry_run, common).await,
        Command::Hours { code, hours } => run_hours(&code, hours.unwrap_or_default(), common).await,
        Command::Set { code, settings } => run_set(&code, settings, common).await,
        Command::List => {
            let organizations = common.storage()?.organizations().await?;
            let list: Vec<Value> = organizations
                .iter()
                .map(|one| json!({"code": one.code, "parent": one.parent, "name": one.names}))
                .collect();
            common.answer(&list, table(&organizations))
        }
    }
}

async fn run_hours(code: &str, hours: OpeningHours, common: &Common) -> Result<(), CliError> {
    let storage = common.storage()?;
    let text = hours.to_string();
    if !storage.set_organization_hours(code, hours).await? {
        return Err(no_organization(code));
    }
    storage.judge_all(Clock::system().unix_ms()).await?;
    let known = match text.as_str() {
        "" => "as the organisation above",
        text => text,
    };
    common.answer(
        &json!({"code": code, "hours": text}),
        format_args!("{code}: {known}"),
    )
}

async fn run_set(code: &str, settings: settings::Args, common: &Common) -> Result<(), CliError> {
    let storage = common.storage()?;
    check_calendar(&storage, settings.calendar()).await?;
    let Some(before) = storage.organization_settings(code).await? else {
        return Err(no_organization(code));
    };
    let languages = match before.languages {
        Some(languages) => languages,
        None => storage.usual(code).await?.languages,
    };
    let settings = settings.settings(Some(languages))?;
    storage.set_organization(code, settings).await?;
    storage.judge_all(Clock::system().unix_ms()).await?;
    let now = storage
        .organization_settings(code)
        .await?
        .unwrap_or_default();
    let languages = now.languages.as_ref();
    let value = json!({
        "code": code,
        "timezone": now.timezone,
        "languages": languages.map(|it| &it.offered),
        "default_language": languages.map(|it| &it.default),
        "calendar": now.calendar,
    });
    let inherited = || "as above".to_owned();
    let text = format!(
        "{code}: time zone {}; languages {}; calendar {}",
        now.timezone.unwrap_or_else(inherited),
        languages.map_or_else(inherited, |it| it.offered.join(",")),
        match now.calendar {
            Some(none) if none.is_empty() => "none".to_owned(),
            calendar => calendar.unwrap_or_else(inherited),
        }
    );
    common.answer(&value, text)
}

async fn run_import(file: &Path, dry_run: bool, common: &Common) -> Result<(), CliError> {
    let at = |why: String| CliError::usage(format_args!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| at(error.to_string()))?;
    let Decoded { text, encoding } = encoding::decode(&bytes).map_err(at)?;
    let is_json = text.trim_start().starts_with('{');
    // The file is read first, so that one with a fault is refused whatever the state of the
    // database.
    let found = match is_json {
        true => document::read(&text),
        false => table::read(&text).map(|rows| Document {
            rows,
            ..Document::default()
        }),
    };
    let found = found.map_err(at)?;
    let storage = common.storage()?;
    let known = storage.organizations().await?;
    let place = if is_json { "organizations" } else { "line" };
    let plan = plan::plan(found.rows, &known, place).map_err(at)?;
    if let Some(encoding) = encoding {
        note(format_args!("The file is {encoding}; it was read as such."));
    }
    found.notes.iter().for_each(note);
    if dry_run {
        let mut changes = plan.changes;
        for change in &found.content {
            let own = storage.own_content(&change.organization).await?;
            changes.extend(plan::content_difference(&own, change));
        }
        let text = match changes.is_empty() {
            true => "nothing would change".to_owned(),
            false => changes.join("\n") + "\nnothing was changed (--dry-run)",
        };
        return common.answer(&json!({"changes": changes}), text);
    }
    let done = storage
        .put_organizations(plan.organizations, found.content)
        .await?;
    let mut text = format!(
        "{} added, {} changed, {} as before",
        done.added, done.changed, done.unchanged
    );
    if is_json {
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "; what visitors are offered or how terminals behave changed for {}",
            done.content_changed
        );
    }
    common.answer(&done, text)
}

/// Whether this can be the short name of something, which `what` names: it stands in addresses and
/// in answers.
pub(super) fn check_code(what: &str, text: &str) -> Result<(), String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > MAX_CODE_CHARS || !text.chars().all(is_part) {
        return Err(format!(
            "the {what} {text:?} must be 1 to {MAX_CODE_CHARS} letters a–z, digits, hyphens, dots or underscores"
        ));
    }
    Ok(())
}

/// A name as it is kept.
fn check_name(name: &str) -> Result<String, String> {
    let name = text::line(name);
    let letters: Vec<char> = name.chars().collect();
    let lost =
        |three: &[char]| three[1] == '?' && three[0].is_alphabetic() && three[2].is_alphabetic();
    if letters.contains(&char::REPLACEMENT_CHARACTER) || letters.windows(3).any(lost) {
        return Err(format!(
            "letters of {name:?} were lost when the file was saved; save it as \"CSV UTF-8\""
        ));
    }
    match letters.len() {
        0 => Err("is empty".to_owned()),
        1..=MAX_NAME_CHARS => Ok(name),
        length => Err(format!(
            "has {length} characters; at most {MAX_NAME_CHARS} are possible (is a quotation mark not closed?)"
        )),
    }
}

fn table(organizations: &[OrganizationRecord]) -> String {
    if organizations.is_empty() {
        return "No organisations yet: `pikir-portal organization import` adds some.".to_owned();
    }
    let mut text = format!("{:<24}  {:<24}  NAME\n", "CODE", "PARENT");
    for one in organizations {
        let name = one.names.get("ru", "ky").unwrap_or_default();
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{:<24}  {:<24}  {name}",
            one.code,
            one.parent.as_deref().unwrap_or("–")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::storage::Storage;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: Command,
    }

    #[tokio::test]
    async fn a_dry_run_changes_nothing_and_a_second_file_only_what_it_mentions() {
        let dir = tempfile::tempdir().unwrap();
        let data = format!("--data-dir={}", dir.path().display());
        let import = async |text: &str, more: &[&str]| {
            let file = dir.path().join("organizations.csv");
            std::fs::write(&file, text).unwrap();
            let file = file.display().to_string();
            let words = ["organization", &data, "import", &file]
                .into_iter()
                .chain(more.iter().copied());
            let line = Line::try_parse_from(words).unwrap();
            run(line.command, &line.common).await
        };
        let names = async || {
            let found = Storage::open(dir.path())
                .unwrap()
                .organizations()
                .await
                .unwrap();
            let named = found.into_iter().map(|one| {
                let names: Vec<String> = one
                    .names
                    .iter()
                    .map(|(tag, name)| format!("{tag}={name}"))
                    .collect();
                format!("{} {:?} {}", one.code, one.parent, names.join(","))
            });
            named.collect::<Vec<_>>()
        };
        let first = "code,parent,name_ky,name_ru\nb-1,,Борбор,Центр\nb-1-2,b-1,Бөлүм,Отдел\n";
        import(first, &["--dry-run"]).await.unwrap();
        assert!(names().await.is_empty());
        import(first, &[]).await.unwrap();
        import("code,name_be\nb-1-2,Аддзел\n", &[]).await.unwrap();
        let expected = [
            "b-1 None ky=Борбор,ru=Центр",
            "b-1-2 Some(\"b-1\") be=Аддзел,ky=Бөлүм,ru=Отдел",
        ];
        assert_eq!(names().await, expected);
        let refused = import("code,name_ru,name_ru\na,Первый,Второй\n", &[]).await;
        assert!(matches!(refused, Err(CliError::Usage(why)) if why.contains("columns 2 and 3")));
        import("\r\ncode;name_ru\r\na;\"Районный\nотдел\"\r\n", &[])
            .await
            .unwrap();
        assert_eq!(names().await[0], "a None ru=Районный отдел");
    }
}
