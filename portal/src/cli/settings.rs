//! `… set`: what organisations and places have of their own, and what they inherit.

use pikir_contract::is_language_tag;

use super::CliError;
use crate::storage::{Languages, Setting, Settings};

/// Gives a setting back, so that it is that of the organisation above.
const INHERITED: &str = "inherited";
/// Keeps no calendar.
const NONE: &str = "none";

/// What `organization set` and `place set` change. What is not given stays as it is; `inherited`
/// takes that of the organisation above.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Time zone in which days are counted (IANA), such as Asia/Almaty, or inherited
    #[arg(long, value_name = "ZONE", value_parser = parse_own_timezone)]
    timezone: Option<Own<String>>,
    /// Languages to offer, in this order, such as kk,ru, or inherited
    #[arg(long, value_name = "LANG,…", value_parser = parse_own_languages)]
    languages: Option<Own<Vec<String>>>,
    /// Language shown first [default: the first of --languages]
    #[arg(long, value_name = "LANG", value_parser = parse_language)]
    default_language: Option<String>,
    /// Calendar of holidays to keep (`calendar list` shows those there are), none, or inherited
    #[arg(long, value_name = "NAME")]
    calendar: Option<String>,
}

/// A value of its own; `None`: it is inherited.
type Own<T> = Inheritable<T>;

/// See [`Own`].
#[derive(Clone, Debug)]
struct Inheritable<T>(Option<T>);

impl Args {
    /// The changes, for somebody who has these languages now.
    pub fn settings(self, now: Option<Languages>) -> Result<Settings, CliError> {
        if self.timezone.is_none()
            && self.languages.is_none()
            && self.default_language.is_none()
            && self.calendar.is_none()
        {
            return Err(CliError::usage(
                "nothing is to be set; give --timezone, --languages, --default-language or --calendar",
            ));
        }
        let languages = match (self.languages, self.default_language) {
            (None, None) => Setting::Kept,
            (Some(Inheritable(None)), None) => Setting::Inherited,
            (Some(Inheritable(None)), Some(_)) => {
                return Err(CliError::usage(
                    "--default-language goes with languages of its own; leave it out",
                ));
            }
            (Some(Inheritable(Some(offered))), default) => {
                Setting::Own(checked_languages(offered, default)?)
            }
            (None, Some(default)) => {
                let offered = now.map(|now| now.offered).unwrap_or_default();
                Setting::Own(checked_languages(offered, Some(default))?)
            }
        };
        Ok(Settings {
            timezone: match self.timezone {
                None => Setting::Kept,
                Some(Inheritable(own)) => own.map_or(Setting::Inherited, Setting::Own),
            },
            languages,
            calendar: match self.calendar.as_deref() {
                None => Setting::Kept,
                Some(INHERITED) => Setting::Inherited,
                Some(NONE) => Setting::Own(String::new()),
                Some(calendar) => Setting::Own(calendar.to_owned()),
            },
        })
    }

    /// The calendar that is named.
    pub fn calendar(&self) -> Option<&str> {
        let named = self.calendar.as_deref();
        named.filter(|name| ![INHERITED, NONE].contains(name))
    }
}

/// Languages without one that is named twice, and one of them to show first.
pub fn checked_languages(
    offered: Vec<String>,
    default: Option<String>,
) -> Result<Languages, CliError> {
    let default = default
        .or_else(|| offered.first().cloned())
        .unwrap_or_default();
    if !offered.contains(&default) {
        return Err(CliError::usage(format_args!(
            "--default-language {default} is not among --languages {}",
            offered.join(",")
        )));
    }
    if let Some((index, twice)) = offered
        .iter()
        .enumerate()
        .find(|(index, tag)| offered[..*index].contains(tag))
    {
        return Err(CliError::usage(format_args!(
            "--languages names {twice} twice (again as number {})",
            index + 1
        )));
    }
    Ok(Languages { offered, default })
}

/// A time zone that this machine knows.
pub fn parse_timezone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("is no time zone that this machine knows, such as Asia/Bishkek".to_owned()),
    }
}

/// A language tag.
pub fn parse_language(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_language_tag(text) {
        Ok(text.to_owned())
    } else {
        Err("is not a language tag such as ky or ru".to_owned())
    }
}

fn parse_own_timezone(text: &str) -> Result<Own<String>, String> {
    match text {
        INHERITED => Ok(Inheritable(None)),
        zone => parse_timezone(zone).map(|zone| Inheritable(Some(zone))),
    }
}

fn parse_own_languages(text: &str) -> Result<Own<Vec<String>>, String> {
    match text {
        INHERITED => Ok(Inheritable(None)),
        list => {
            let tags: Result<_, _> = list.split(',').map(parse_language).collect();
            tags.map(|tags| Inheritable(Some(tags)))
        }
    }
}
