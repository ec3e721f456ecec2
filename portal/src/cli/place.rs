//! `pikir-portal place`: where terminals stand and posters hang.

use std::fmt::Write;

use clap::Subcommand;
use pikir_contract::{PlaceCode, Texts, is_language_tag};
use serde_json::{Value, json};

use super::{CliError, Common, note};
use crate::domain::hours::{NightHours, OpeningHours};
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::services::place_code;
use crate::services::terminal_config;
use crate::storage::{AddedPlace, DEFAULT_TIMEZONE, PlaceRecord, Storage};

/// Bytes of a presence key.
const PRESENCE_KEY_BYTES: usize = 32;

/// `pikir-portal place`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a place and print its short code
    Add(Add),
    /// Set when a place is open: ratings outside these hours do not count, and its terminals are to run within them
    Hours {
        /// The place's short code
        code: PlaceCode,
        /// Such as "mon-fri 08:30-17:30; sat 09:00-13:00"; none, and no --night either: not known
        hours: Option<OpeningHours>,
        /// When the screens are dimmed, such as "20:00-07:00", or never; not given: as before
        #[arg(long, value_name = "FROM-TO")]
        night: Option<NightHours>,
    },
    /// Show the places there are
    List {
        /// Only those of this organisation
        #[arg(long, value_name = "CODE")]
        organization: Option<String>,
    },
}

/// `pikir-portal place add`
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Organisation the place belongs to (its code)
    #[arg(long, value_name = "CODE")]
    organization: String,
    /// What people call the place, such as "Hall 1, window 4"
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Office or department within the organisation
    #[arg(long, value_name = "TEXT")]
    unit: Option<String>,
    /// Short code for the QR address (Crockford base32); made up if not given
    #[arg(long, value_name = "PLACECODE")]
    code: Option<PlaceCode>,
    /// Question to ask there, by language; may be repeated
    #[arg(long, value_name = "LANG=TEXT", value_parser = parse_question)]
    question: Vec<(String, String)>,
    /// Languages to offer, in this order
    #[arg(long, value_name = "LANG,…", value_delimiter = ',', default_value = "ky,ru,en", value_parser = parse_language)]
    languages: Vec<String>,
    /// Language shown first [default: the first of --languages]
    #[arg(long, value_name = "LANG", value_parser = parse_language)]
    default_language: Option<String>,
    /// Time zone in which its days are counted (IANA)
    #[arg(long, value_name = "ZONE", default_value = DEFAULT_TIMEZONE, value_parser = parse_timezone)]
    timezone: String,
    /// When it is open, such as "mon-fri 08:30-17:30; sat 09:00-13:00"
    #[arg(long, value_name = "HOURS")]
    hours: Option<OpeningHours>,
}

fn parse_timezone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("is no time zone that this machine knows, such as Asia/Bishkek".to_owned()),
    }
}

fn parse_language(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_language_tag(text) {
        Ok(text.to_owned())
    } else {
        Err("is not a language tag such as ky or ru".to_owned())
    }
}

fn parse_question(text: &str) -> Result<(String, String), String> {
    let (language, question) = text
        .split_once('=')
        .ok_or("must be LANG=TEXT, such as ru=\"Вы довольны?\"")?;
    match question.trim() {
        "" => Err("has no text behind the =".to_owned()),
        question => Ok((parse_language(language)?, question.to_owned())),
    }
}

/// Runs `pikir-portal place`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    match command {
        Command::Add(add) => run_add(add, common).await,
        Command::Hours { code, hours, night } => run_hours(&code, hours, night, common).await,
        Command::List { organization } => {
            let places = common.storage()?.places(organization.as_deref()).await?;
            let list: Vec<Value> = places.iter().map(as_json).collect();
            common.answer(&list, table(&places))
        }
    }
}

async fn run_hours(
    code: &PlaceCode,
    hours: Option<OpeningHours>,
    night: Option<NightHours>,
    common: &Common,
) -> Result<(), CliError> {
    let storage = common.storage()?;
    // Whoever sets the night alone says nothing about the hours.
    if hours.is_some() || night.is_none() {
        storage.set_hours(code, hours.unwrap_or_default()).await?;
    }
    if let Some(night) = night {
        storage.set_night(code, night).await?;
    }
    let Some((place, _)) = storage.place(code).await? else {
        return Err(CliError::failed(format_args!(
            "there is no place {code}; `pikir-portal place list` shows those there are"
        )));
    };
    let (hours, night) = (place.hours.to_string(), place.night.to_string());
    let known = if hours.is_empty() {
        "not known"
    } else {
        &hours
    };
    common.answer(
        &json!({"code": code, "hours": hours, "night": night}),
        format_args!("{code}: {known}; night: {night}"),
    )
}

async fn run_add(add: Add, common: &Common) -> Result<(), CliError> {
    let place = new_place(add)?;
    let storage = common.storage()?;
    let place = insert(&storage, place).await?;
    common.answer(&as_json(&place), &place.code)?;
    if !common.json {
        note(format_args!(
            "Added {} ({}).",
            place.name, place.organization
        ));
        let without_words: Vec<&str> = place
            .languages
            .iter()
            .map(String::as_str)
            .filter(|offered| !terminal_config::languages().any(|known| known == *offered))
            .collect();
        if !without_words.is_empty() {
            note(format_args!(
                "There are no words of the scale in {} yet.",
                without_words.join(", ")
            ));
        }
    }
    Ok(())
}

/// The place as it is to be, and the code that was wished for.
fn new_place(add: Add) -> Result<(Option<PlaceCode>, PlaceRecord), CliError> {
    let Add {
        organization,
        name,
        unit,
        code,
        question,
        languages,
        default_language,
        timezone,
        hours,
    } = add;
    let default_language = default_language
        .or_else(|| languages.first().cloned())
        .unwrap_or_default();
    if !languages.contains(&default_language) {
        return Err(CliError::usage(format_args!(
            "--default-language {default_language} is not among --languages {}",
            languages.join(",")
        )));
    }
    if let Some((index, twice)) = languages
        .iter()
        .enumerate()
        .find(|(index, tag)| languages[..*index].contains(tag))
    {
        return Err(CliError::usage(format_args!(
            "--languages names {twice} twice (again as number {})",
            index + 1
        )));
    }
    if name.trim().is_empty() {
        return Err(CliError::usage(
            "--name is empty; say what people call the place",
        ));
    }
    let entropy = Entropy::system();
    let place = PlaceRecord {
        code: code
            .clone()
            .unwrap_or_else(|| place_code::made_up(&entropy)),
        organization,
        unit: unit
            .map(|unit| unit.trim().to_owned())
            .filter(|unit| !unit.is_empty()),
        name: name.trim().to_owned(),
        question: question.into_iter().collect::<Texts>(),
        languages,
        default_language,
        presence_key: entropy.bytes::<PRESENCE_KEY_BYTES>().to_vec(),
        timezone,
        hours: hours.unwrap_or_default(),
        night: NightHours::default(),
        version: 1,
    };
    Ok((code, place))
}

async fn insert(
    storage: &Storage,
    (wished, place): (Option<PlaceCode>, PlaceRecord),
) -> Result<PlaceRecord, CliError> {
    let now_ms = Clock::system().unix_ms();
    let (added, place) = if wished.is_some() {
        (storage.add_place(place.clone(), now_ms).await?, place)
    } else {
        place_code::add_with_free_code(storage, &Entropy::system(), place, now_ms).await?
    };
    match (added, wished) {
        (AddedPlace::Added, _) => Ok(place),
        (AddedPlace::UnknownOrganization, _) => Err(CliError::failed(format_args!(
            "there is no organisation {}; `pikir-portal organization list` shows those there are",
            place.organization
        ))),
        (AddedPlace::CodeTaken, Some(code)) => Err(CliError::failed(format_args!(
            "the code {code} is in use; choose another or leave it out"
        ))),
        (AddedPlace::CodeTaken, None) => Err(CliError::failed(
            "no free code was found; give one with --code",
        )),
    }
}

fn as_json(place: &PlaceRecord) -> Value {
    json!({
        "code": place.code,
        "organization": place.organization,
        "unit": place.unit,
        "name": place.name,
        "languages": place.languages,
        "default_language": place.default_language,
        "question": place.question,
        "timezone": place.timezone,
        "hours": place.hours.to_string(),
        "night": place.night.to_string(),
    })
}

fn table(places: &[PlaceRecord]) -> String {
    if places.is_empty() {
        return "No places yet: `pikir-portal place add` adds one.".to_owned();
    }
    let mut text = format!("{:<12}  {:<24}  PLACE\n", "CODE", "ORGANISATION");
    for place in places {
        let unit = place
            .unit
            .as_ref()
            .map(|unit| format!("{unit}: "))
            .unwrap_or_default();
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{:<12}  {:<24}  {unit}{}",
            place.code.to_string(),
            place.organization,
            place.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: Command,
    }

    #[tokio::test]
    async fn night_and_opening_hours_are_set_apart() {
        let dir = tempfile::tempdir().unwrap();
        let data = format!("--data-dir={}", dir.path().display());
        let place = async |words: &[&str]| {
            let words = ["place", &data].into_iter().chain(words.iter().copied());
            let line = Line::try_parse_from(words).unwrap();
            run(line.command, &line.common).await
        };
        let unknown = place(&["hours", "B4XK", "--night", "20:00-07:00"]).await;
        assert!(matches!(unknown, Err(CliError::Failed(why)) if why.contains("no place B4XK")));
        let storage = Storage::open(dir.path()).unwrap();
        let organization = crate::storage::OrganizationRecord {
            code: "con".to_owned(),
            parent: None,
            names: Texts::from([("ru", "А")]),
            version: 1,
        };
        storage
            .put_organizations(vec![organization], Vec::new())
            .await
            .unwrap();
        place(&["add", "--organization=con", "--name=x", "--code=B4XK"])
            .await
            .unwrap();
        for (words, hours, night) in [
            (&["mon 08:00-17:00"][..], "mon 08:00-17:00", "never"),
            (&["--night=20:00-07:00"], "mon 08:00-17:00", "20:00-07:00"),
            (&["tue 08:00-17:00"], "tue 08:00-17:00", "20:00-07:00"),
            (&[], "", "20:00-07:00"),
            (&["--night=never"], "", "never"),
        ] {
            place(&[&["hours", "B4XK"], words].concat()).await.unwrap();
            let found = storage.place(&"B4XK".parse().unwrap()).await.unwrap();
            let (place, _) = found.unwrap();
            let shown = (place.hours.to_string(), place.night.to_string());
            assert_eq!(shown, (hours.to_owned(), night.to_owned()), "{words:?}");
        }
    }
}
