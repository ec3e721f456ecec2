//! `pikir-portal place`: where terminals stand and posters hang.

use std::fmt::Write;

use clap::Subcommand;
use pikir_contract::{PlaceCode, Texts};
use serde_json::{Value, json};

use super::settings::{self, checked_languages, parse_language, parse_timezone};
use super::{CliError, Common, check_calendar, no_organization, note};
use crate::domain::hours::{NightHours, OpeningHours};
use crate::domain::text;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::services::place_code;
use crate::services::terminal_config;
use crate::storage::{
    AddedPlace, Inherits, Languages, PRESENCE_KEY_BYTES, PlaceRecord, Storage, Usual,
};

/// `pikir-portal place`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a place and print its short code
    Add(Add),
    /// Set when a place is open: ratings outside these hours do not count, and its terminals are to
    /// run within them
    ///
    /// They hold for all that was rated there; a change from a day on is written "…; since
    /// 2027-06-01; mon-fri 09:00-18:00".
    Hours {
        /// The place's short code
        code: PlaceCode,
        /// Such as "mon-fri 08:30-12:00,13:00-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed";
        /// none, and no --night either: as its organisation
        hours: Option<OpeningHours>,
        /// When the screens are dimmed, such as "20:00-07:00", or never; not given: as before
        #[arg(long, value_name = "FROM-TO")]
        night: Option<NightHours>,
    },
    /// Change what a place has of its own
    Set {
        /// The place's short code
        code: PlaceCode,
        #[command(flatten)]
        settings: settings::Args,
    },
    /// Give a place another key for the codes on its screens: the former one proves presence only
    /// until its terminals have fetched it
    RotateKey {
        /// The place's short code
        code: PlaceCode,
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
    /// Languages to offer, in this order [default: those of its organisation, else ky,ru,en]
    #[arg(long, value_name = "LANG,…", value_delimiter = ',', value_parser = parse_language)]
    languages: Vec<String>,
    /// Language shown first [default: the first of --languages]
    #[arg(long, value_name = "LANG", value_parser = parse_language)]
    default_language: Option<String>,
    /// Time zone in which its days are counted (IANA) [default: that of its organisation, else
    /// Asia/Bishkek]
    #[arg(long, value_name = "ZONE", value_parser = parse_timezone)]
    timezone: Option<String>,
    /// When it is open, such as "mon-fri 08:30-17:30; sat 09:00-13:00" [default: as its
    /// organisation]
    #[arg(long, value_name = "HOURS")]
    hours: Option<OpeningHours>,
}

fn parse_question(given: &str) -> Result<(String, String), String> {
    let (language, question) = given
        .split_once('=')
        .ok_or("must be LANG=TEXT, such as ru=\"Вы довольны?\"")?;
    match text::line(question) {
        question if question.is_empty() => Err("has no text behind the =".to_owned()),
        question => Ok((parse_language(language)?, question)),
    }
}

/// Runs `pikir-portal place`.
pub async fn run(command: Command, common: &Common) -> Result<(), CliError> {
    match command {
        Command::Add(add) => run_add(add, common).await,
        Command::Hours { code, hours, night } => run_hours(&code, hours, night, common).await,
        Command::Set { code, settings } => run_set(&code, settings, common).await,
        Command::RotateKey { code } => {
            let now_ms = Clock::system().unix_ms();
            if !common.storage()?.rotate_presence_key(&code, now_ms).await? {
                return Err(no_place(&code));
            }
            common.answer(
                &json!({"code": code, "rotated": true}),
                format_args!(
                    "{code} has another key; its terminals fetch it with their configuration"
                ),
            )
        }
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
        storage.judge_all(Clock::system().unix_ms()).await?;
    }
    if let Some(night) = night {
        storage.set_night(code, night).await?;
    }
    let Some((place, _)) = storage.place(code).await? else {
        return Err(no_place(code));
    };
    let inherits = storage.schedule(code).await?.is_some();
    let (hours, night) = (place.hours.to_string(), place.night.to_string());
    let known = if hours.is_empty() {
        if inherits {
            "as its organisation"
        } else {
            "not known"
        }
    } else {
        &hours
    };
    common.answer(
        &json!({"code": code, "hours": hours, "night": night}),
        format_args!("{code}: {known}; night: {night}"),
    )
}

fn no_place(code: &PlaceCode) -> CliError {
    CliError::failed(format_args!(
        "there is no place {code}; `pikir-portal place list` shows those there are"
    ))
}

async fn run_set(
    code: &PlaceCode,
    settings: settings::Args,
    common: &Common,
) -> Result<(), CliError> {
    let storage = common.storage()?;
    let Some((place, _)) = storage.place(code).await? else {
        return Err(no_place(code));
    };
    check_calendar(&storage, settings.calendar()).await?;
    let now = Languages {
        offered: place.languages,
        default: place.default_language,
    };
    let settings = settings.settings(Some(now))?;
    storage.set_place(code, settings).await?;
    storage.judge_all(Clock::system().unix_ms()).await?;
    let Some((place, _)) = storage.place(code).await? else {
        return Err(no_place(code));
    };
    let languages = place.languages.join(",");
    let text = format!("{code}: {}; {languages}", place.timezone);
    common.answer(&as_json(&place), text)
}

async fn run_add(add: Add, common: &Common) -> Result<(), CliError> {
    let storage = common.storage()?;
    let usual = storage.usual(&add.organization).await?;
    let place = new_place(add, usual)?;
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

/// The place as it is to be, where this is usual, and the code that was wished for.
fn new_place(add: Add, usual: Usual) -> Result<(Option<PlaceCode>, PlaceRecord), CliError> {
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
    let inherits = Inherits {
        timezone: timezone.is_none(),
        languages: languages.is_empty() && default_language.is_none(),
    };
    let languages = match (languages.is_empty(), default_language) {
        (true, None) => usual.languages,
        (true, default) => checked_languages(usual.languages.offered, default)?,
        (false, default) => checked_languages(languages, default)?,
    };
    let name = text::line(&name);
    if name.is_empty() {
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
            .map(|unit| text::line(&unit))
            .filter(|unit| !unit.is_empty()),
        name,
        question: question.into_iter().collect::<Texts>(),
        languages: languages.offered,
        default_language: languages.default,
        presence_key: entropy.bytes::<PRESENCE_KEY_BYTES>().to_vec(),
        timezone: timezone.unwrap_or(usual.timezone),
        hours: hours.unwrap_or_default(),
        night: NightHours::default(),
        inherits,
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
        (AddedPlace::UnknownOrganization, _) => Err(no_organization(&place.organization)),
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
        "inherits": {"timezone": place.inherits.timezone, "languages": place.inherits.languages},
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
