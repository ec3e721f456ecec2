//! `pikir-portal calendar`: holidays, moved working days and short ones.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use pikir_contract::{Texts, is_language_tag};
use serde_json::{Value, json};

use super::organization::check_code;
use super::{CliError, Common, note};
use crate::domain::hours::parse_date;
use crate::domain::schedule::DayKind;
use crate::platform::clock::Clock;
use crate::storage::{CalendarDay, Setting, Settings};

/// A day that is like every other again.
const ORDINARY: &str = "ordinary";

/// `pikir-portal calendar`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add or change days of a calendar from a CSV file
    ///
    /// The first line names the columns: date, kind, and name_LANG for each language, such as
    /// date,kind,name_ky,name_ru. Kinds: holiday (closed), working (open as on the last day before
    /// it from Monday to Friday), short (closes an hour earlier), ordinary (like every other day:
    /// takes it out). Days that are not named stay. Lines that begin with # say where the days come
    /// from. Either the whole file is taken or nothing of it.
    Import {
        /// CSV file
        file: PathBuf,
        /// Name of the calendar [default: that of the file, kg for kg.csv]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Organisation that keeps this calendar from now on, with its units, unless they keep
        /// another
        #[arg(long, value_name = "CODE")]
        organization: Option<String>,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the days of every calendar, or of one
    List {
        /// Name of the calendar
        name: Option<String>,
    },
}

/// Runs `pikir-portal calendar`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    match command {
        Command::Import {
            file,
            name,
            organization,
            dry_run,
        } => {
            let name = match name {
                Some(name) => name,
                None => stem(&file),
            };
            check_code("name", &name).map_err(CliError::usage)?;
            import(&file, &name, organization.as_deref(), dry_run, common).await
        }
        Command::List { name } => {
            let days = common.storage()?.calendar_days(name.as_deref()).await?;
            let list: Vec<Value> = days.iter().map(|(name, day)| as_json(name, day)).collect();
            common.answer(&list, table(&days))
        }
    }
}

fn stem(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

async fn import(
    file: &Path,
    name: &str,
    organization: Option<&str>,
    dry_run: bool,
    common: &Common,
) -> Result<(), CliError> {
    let at = |why: String| CliError::usage(format_args!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| at(error.to_string()))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| at("is not UTF-8; save the table as CSV UTF-8".to_owned()))?;
    let days = read_days(text.trim_start_matches('\u{feff}')).map_err(at)?;
    let storage = common.storage()?;
    if let Some(code) = organization
        && storage.organization(code).await?.is_none()
    {
        return Err(super::no_organization(code));
    }
    let done = storage.put_calendar(name, days, dry_run).await?;
    if let Some(code) = organization.filter(|_| !dry_run) {
        let settings = Settings {
            calendar: Setting::Own(name.to_owned()),
            ..Settings::default()
        };
        storage.set_organization(code, settings).await?;
    }
    storage.judge_all(Clock::system().unix_ms()).await?;
    if !dry_run && storage.calendar_users(name).await? == 0 {
        note(format_args!(
            "Nobody keeps this calendar yet: `pikir-portal organization set CODE --calendar {name}`."
        ));
    }
    let would = if dry_run { "would be " } else { "" };
    common.answer(
        &done,
        format_args!(
            "{name}: {would}{} added, {} changed, {} removed, {} as before",
            done.added, done.changed, done.removed, done.unchanged
        ),
    )
}

enum Column {
    Date,
    Kind,
    Name(String),
}

fn column(name: &str) -> Result<Column, String> {
    match name {
        "date" => Ok(Column::Date),
        "kind" => Ok(Column::Kind),
        _ => match name
            .strip_prefix("name_")
            .filter(|tag| is_language_tag(tag))
        {
            Some(language) => Ok(Column::Name(language.to_owned())),
            None => Err(format!(
                "{name:?} is not a column; columns are date, kind, name_ky, name_ru, …"
            )),
        },
    }
}

fn read_days(text: &str) -> Result<Vec<CalendarDay>, String> {
    let header = text
        .lines()
        .find(|line| !line.starts_with('#') && !line.trim().is_empty())
        .unwrap_or_default();
    let semicolons = header.contains(';') && !header.contains(',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let columns = names.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|before| before == name) {
            return Err(format!("the column {name} stands there twice"));
        }
    }
    for needed in ["date", "kind"] {
        if !names.iter().any(|name| name == needed) {
            return Err(format!(
                "there is no column {needed}; the first line names the columns"
            ));
        }
    }
    let mut days = Vec::new();
    let mut lines = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let day = read_day(&columns, &record).map_err(|why| format!("line {line}: {why}"))?;
        if let Some(before) = lines.insert(day.date, line) {
            return Err(format!(
                "line {line}: {} stands on line {before} already",
                day.date
            ));
        }
        days.push(day);
    }
    Ok(days)
}

fn read_day(columns: &[Column], record: &csv::StringRecord) -> Result<CalendarDay, String> {
    let (mut date, mut kind, mut names) = ("", "", Vec::new());
    for (column, cell) in columns.iter().zip(record) {
        match column {
            Column::Date => date = cell,
            Column::Kind => kind = cell,
            Column::Name(_) if cell.is_empty() => {}
            Column::Name(language) => names.push((language.clone(), cell.to_owned())),
        }
    }
    let date = parse_date(date).map_err(|error| error.to_string())?;
    let kind = match kind {
        ORDINARY => None,
        kind => Some(DayKind::parse(kind).ok_or_else(|| {
            format!("{kind:?} is no kind; kinds are holiday, working, short, {ORDINARY}")
        })?),
    };
    let names = names.into_iter().collect::<Texts>();
    Ok(CalendarDay { date, kind, names })
}

fn as_json(name: &str, day: &CalendarDay) -> Value {
    json!({
        "calendar": name,
        "date": day.date.to_string(),
        "kind": day.kind.map(DayKind::as_str),
        "name": day.names,
    })
}

fn table(days: &[(String, CalendarDay)]) -> String {
    if days.is_empty() {
        return "No days yet: `pikir-portal calendar import` adds some.".to_owned();
    }
    let mut text = format!("{:<12}  {:<10}  {:<8}  NAME\n", "CALENDAR", "DATE", "KIND");
    for (name, day) in days {
        let called = day.names.get("ru", "ky").unwrap_or_default();
        let kind = day.kind.map_or(ORDINARY, DayKind::as_str);
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{name:<12}  {:<10}  {kind:<8}  {called}",
            day.date.to_string()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_with_their_names_and_lines_that_say_where_they_come_from_are_not() {
        let text = "# by decree\ndate,kind,name_ky,name_ru\n2027-01-07,holiday,Рождество,\n2027-01-09,working,,\n2027-01-11,ordinary,,\n";
        for text in [text.to_owned(), text.replace(',', ";")] {
            let days = read_days(&text).unwrap();
            let kinds: Vec<_> = days.iter().map(|day| day.kind).collect();
            assert_eq!(
                kinds,
                [Some(DayKind::Holiday), Some(DayKind::Working), None]
            );
            assert_eq!(days[0].names, Texts::from([("ky", "Рождество")]));
        }
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, why) in [
            (
                "date,kind\n2027-02-29,holiday\n",
                "line 2: \"2027-02-29\" is no date",
            ),
            (
                "date,kind\n2027-01-07,feast\n",
                "line 2: \"feast\" is no kind",
            ),
            (
                "date,kind\n2027-01-07,holiday\n2027-01-07,short\n",
                "line 3: 2027-01-07 stands on line 2",
            ),
            ("date,knid\n", "\"knid\" is not a column"),
            ("date,kind,kind\n", "twice"),
            ("date,name_ru\n", "no column kind"),
            ("", "no column date"),
        ] {
            let found = read_days(text).unwrap_err();
            assert!(found.contains(why), "{text:?}: {found}");
        }
    }

    #[test]
    fn the_calendars_of_this_repository_are_read_and_hold_every_year_they_name() {
        for (text, years) in [
            (
                include_str!("../../../assets/calendars/kg.csv"),
                ["2026", "2027"],
            ),
            (
                include_str!("../../../assets/calendars/by.csv"),
                ["2026", "2027"],
            ),
        ] {
            let days = read_days(text).unwrap();
            for year in years {
                let of_year = days
                    .iter()
                    .filter(|day| day.date.to_string().starts_with(year));
                let holidays = of_year.filter(|day| day.kind == Some(DayKind::Holiday));
                assert!(holidays.count() >= 8, "{year}");
            }
        }
    }
}
