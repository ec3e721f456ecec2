//! `pikir-portal organization`: organisations from a table (CSV) or a document (JSON).

mod document;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use pikir_contract::{Texts, is_language_tag};
use serde_json::{Value, json};

use super::{CliError, Common, check_calendar, no_organization, note, settings};
use crate::domain::hours::OpeningHours;
use crate::platform::clock::Clock;
use crate::storage::OrganizationRecord;
use document::Document;

/// The longest code of an organisation, and the longest key, in characters.
const MAX_CODE_CHARS: usize = 64;

/// `pikir-portal organization`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or change organisations from a CSV or JSON file
    ///
    /// CSV: the first line names the columns: code, parent, and name_LANG for each language, such as
    /// code,parent,name_ky,name_ru. `parent` is the code of the organisation a unit belongs to, empty for none.
    /// Commas or semicolons separate; UTF-8. Codes that are known already are changed, so a file can be imported again.
    /// Either the whole file is taken or nothing of it.
    ///
    /// JSON: {"organizations": [{"code", "parent", "name": {LANG: text}, "services", "questionnaire", "announcements",
    /// "theme": {"accent": "#rrggbb"}, "undo_s", "idle_timeout_s"}]}. The last six are in the form of the terminals'
    /// configuration: what visitors are offered besides the score, on terminals and phones, then the terminals' colour,
    /// the seconds in which a rating can be taken back, and those without input until the first screen returns. Null takes
    /// that of the organisation above, a member that is missing stays as it is.
    Import {
        /// CSV or JSON file
        file: PathBuf,
    },
    /// Set when the places of an organisation and of its units are open, but for those that have hours of their own
    ///
    /// They hold for all that was rated there; a change from a day on is written "…; since 2027-06-01; mon-fri 09:00-18:00".
    Hours {
        /// The organisation's code
        code: String,
        /// Such as "mon-fri 08:30-12:00,13:00-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed"; none: as the organisation
        /// above
        hours: Option<OpeningHours>,
    },
    /// Change what an organisation has of its own: its units and places have the same, unless they have others
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
        Command::Import { file } => run_import(&file, common).await,
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

async fn run_import(file: &Path, common: &Common) -> Result<(), CliError> {
    let at = |why: String| CliError::usage(format_args!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| at(error.to_string()))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| at("is not UTF-8; save the table as CSV UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let is_json = text.trim_start().starts_with('{');
    // A table is read first, so that one with a fault is refused whatever the state of the database.
    let table = match is_json {
        true => Vec::new(),
        false => read_rows(text).map_err(at)?,
    };
    let storage = common.storage()?;
    let known = storage.organizations().await?;
    let found = match is_json {
        true => document::read(text, &known).map_err(at)?,
        false => Document {
            rows: table,
            ..Document::default()
        },
    };
    let place = if is_json { "organizations" } else { "line" };
    let rows = parents_first(found.rows, &known, place).map_err(at)?;
    let done = storage.put_organizations(rows, found.content).await?;
    found.notes.iter().for_each(note);
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

/// An organisation and the line it stands on, or its number in a list.
#[derive(Debug)]
struct RowOf {
    line: u64,
    organization: OrganizationRecord,
}

enum Column {
    Code,
    Parent,
    Name(String),
}

fn read_rows(text: &str) -> Result<Vec<RowOf>, String> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') && !header.contains(',') {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = reader
        .headers()
        .map_err(|error| error.to_string())?
        .iter()
        .map(column)
        .collect::<Result<Vec<_>, _>>()?;
    if !columns.iter().any(|column| matches!(column, Column::Code)) {
        return Err(
            "line 1: there is no column `code`; the first line names the columns".to_owned(),
        );
    }
    let mut rows: Vec<RowOf> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let organization =
            read_row(&columns, &record).map_err(|why| format!("line {line}: {why}"))?;
        if let Some(same) = rows
            .iter()
            .find(|row| row.organization.code == organization.code)
        {
            return Err(format!(
                "line {line}: the code {} stands on line {} already",
                organization.code, same.line
            ));
        }
        rows.push(RowOf { line, organization });
    }
    Ok(rows)
}

fn column(name: &str) -> Result<Column, String> {
    match name {
        "code" => Ok(Column::Code),
        "parent" => Ok(Column::Parent),
        _ => match name
            .strip_prefix("name_")
            .filter(|language| is_language_tag(language))
        {
            Some(language) => Ok(Column::Name(language.to_owned())),
            None => Err(format!(
                "line 1: {name:?} is not a column; columns are code, parent, name_ky, name_ru, …"
            )),
        },
    }
}

fn read_row(columns: &[Column], record: &csv::StringRecord) -> Result<OrganizationRecord, String> {
    let (mut code, mut parent, mut names) = (String::new(), None, Vec::new());
    for (column, cell) in columns
        .iter()
        .zip(record)
        .filter(|(_, cell)| !cell.is_empty())
    {
        match column {
            Column::Code => code = cell.to_owned(),
            Column::Parent => parent = Some(cell.to_owned()),
            Column::Name(language) => names.push((language.clone(), cell.to_owned())),
        }
    }
    check_name("code", &code)?;
    if names.is_empty() {
        return Err(format!("{code} has no name in any language"));
    }
    Ok(OrganizationRecord {
        code,
        parent,
        names: names.into_iter().collect::<Texts>(),
        version: 1,
    })
}

/// Whether this can be the short name of something, which `what` names: it stands in addresses and in answers.
pub(super) fn check_name(what: &str, text: &str) -> Result<(), String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > MAX_CODE_CHARS || !text.chars().all(is_part) {
        return Err(format!(
            "the {what} {text:?} must be 1 to {MAX_CODE_CHARS} letters a–z, digits, hyphens, dots or underscores"
        ));
    }
    Ok(())
}

/// Puts units behind the organisations they belong to. The error names the line (or whatever `place` calls it) at fault.
fn parents_first(
    rows: Vec<RowOf>,
    known: &[OrganizationRecord],
    place: &str,
) -> Result<Vec<OrganizationRecord>, String> {
    let mut parents: HashMap<&str, Option<&str>> = known
        .iter()
        .map(|one| (one.code.as_str(), one.parent.as_deref()))
        .collect();
    parents.extend(rows.iter().map(|row| {
        (
            row.organization.code.as_str(),
            row.organization.parent.as_deref(),
        )
    }));
    let mut depths = Vec::with_capacity(rows.len());
    for row in &rows {
        let depth = depth(&row.organization.code, &parents);
        depths.push(depth.map_err(|why| format!("{place} {}: {why}", row.line))?);
    }
    let organizations = rows.into_iter().map(|row| row.organization);
    let mut sorted: Vec<(usize, OrganizationRecord)> =
        depths.into_iter().zip(organizations).collect();
    sorted.sort_by_key(|(depth, _)| *depth);
    let sorted = sorted.into_iter().map(|(_, organization)| organization);
    Ok(sorted.collect())
}

/// How many organisations stand above this one.
fn depth(code: &str, parents: &HashMap<&str, Option<&str>>) -> Result<usize, String> {
    let (mut above, mut depth) = (code, 0);
    while let Some(parent) = parents.get(above).copied().flatten() {
        depth += 1;
        if !parents.contains_key(parent) {
            return Err(format!(
                "the parent {parent} of {above} is neither in this file nor known already"
            ));
        }
        if depth > parents.len() {
            return Err(format!("{code} belongs to itself by way of its parents"));
        }
        above = parent;
    }
    Ok(depth)
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
    use super::*;

    #[test]
    fn commas_and_semicolons_both_separate_and_empty_names_are_left_out() {
        for text in [
            "code,parent,name_ky,name_ru\nа-1,,,x\n",
            "code;parent;name_ky;name_ru\na-1;;;Имя\n",
        ] {
            let rows = read_rows(text);
            match rows {
                Ok(rows) => {
                    assert_eq!(rows[0].organization.names, Texts::from([("ru", "Имя")]));
                    assert_eq!(
                        (rows[0].line, rows[0].organization.parent.as_deref()),
                        (2, None)
                    );
                }
                // The first text has a Cyrillic а in its code.
                Err(why) => assert!(why.starts_with("line 2: the code"), "{why}"),
            }
        }
    }

    #[test]
    fn a_fault_names_its_line() {
        let no_name = read_rows("code,name_ru\na,А\nb,\n").unwrap_err();
        assert!(
            no_name.contains("line 3") && no_name.contains("no name"),
            "{no_name}"
        );
        let column = read_rows("code,nmae_ru\n").unwrap_err();
        assert!(column.contains("nmae_ru"), "{column}");
        let twice = read_rows("code,name_ru\na,А\na,Б\n").unwrap_err();
        assert!(
            twice.contains("line 3") && twice.contains("line 2"),
            "{twice}"
        );
    }

    #[test]
    fn units_are_put_behind_their_organisations_wherever_they_stand_in_the_file() {
        let rows = read_rows("code,parent,name_ru\nb,a,Б\na,,А\n").unwrap();
        let sorted = parents_first(rows, &[], "line").unwrap();
        let codes: Vec<&str> = sorted.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["a", "b"]);
        for (rows, fault) in [
            ("code,parent,name_ru\na,b,А\n", "belongs to itself"),
            ("code,parent,name_ru\nc,x,В\n", "neither in this file"),
        ] {
            let why = parents_first(read_rows(rows).unwrap(), &sorted, "line").unwrap_err();
            assert!(why.contains(fault) && why.contains("line 2"), "{why}");
        }
    }
}
