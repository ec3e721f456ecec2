//! The pages' languages: which one a reader gets, and the texts in it.
//!
//! Texts stand in templates and handlers in English;
//! `translations/<tag>/LC_MESSAGES/pikir-portal.po` translates them.

pub mod po;
pub mod reconciliation;

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pikir_contract::{Score, Texts, Time, score_word};

/// A language of the pages.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Lang {
    /// Kyrgyz.
    Ky,
    /// Russian.
    Ru,
    /// English.
    En,
    /// Belarusian.
    Be,
    /// Kazakh.
    Kk,
}

impl Lang {
    /// Every language, in the order readers see them.
    pub const ALL: [Self; 5] = [Self::Ky, Self::Ru, Self::En, Self::Be, Self::Kk];
    /// Used where neither the reader nor the place says anything: most readers understand it.
    pub const FALLBACK: Self = Self::Ru;

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ky => "ky",
            Self::Ru => "ru",
            Self::En => "en",
            Self::Be => "be",
            Self::Kk => "kk",
        }
    }

    /// The language's own name in two parts: what a narrow button shows, and the rest.
    pub fn own_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Ky => ("Кыр", "гызча"),
            Self::Ru => ("Рус", "ский"),
            Self::En => ("Eng", "lish"),
            Self::Be => ("Бел", "аруская"),
            Self::Kk => ("Қаз", "ақша"),
        }
    }

    /// The language of a tag, by its first part and in any case (`ky-KG`, `RU`).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.trim();
        Self::ALL
            .into_iter()
            .find(|lang| lang.tag().eq_ignore_ascii_case(primary))
    }

    /// The language an `Accept-Language` header likes best (RFC 9110 §12.5.4), if it names one of
    /// ours.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, u32)> = None;
        for part in header.split(',') {
            let mut pieces = part.split(';');
            let Some(lang) = pieces.next().and_then(Self::from_tag) else {
                continue;
            };
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1000, thousandths);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((lang, weight));
            }
        }
        best.map(|(lang, _)| lang)
    }

    fn source(self) -> &'static str {
        match self {
            Self::Ky => include_str!("../../translations/ky/LC_MESSAGES/pikir-portal.po"),
            Self::Ru => include_str!("../../translations/ru/LC_MESSAGES/pikir-portal.po"),
            Self::En => include_str!("../../translations/en/LC_MESSAGES/pikir-portal.po"),
            Self::Be => include_str!("../../translations/be/LC_MESSAGES/pikir-portal.po"),
            Self::Kk => include_str!("../../translations/kk/LC_MESSAGES/pikir-portal.po"),
        }
    }
}

/// A weight such as `0.8` in thousandths; 0 if it is none.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), digits.parse::<u32>()) {
        (Ok(whole @ 0..=1), Ok(part)) => (whole * 1000 + part).min(1000),
        _ => 0,
    }
}

type Catalog = HashMap<String, String>;

static CATALOGS: LazyLock<HashMap<Lang, Catalog>> = LazyLock::new(|| {
    // The files are part of the program and a test reads each: an error here shows English rather
    // than stopping.
    let catalog = |lang: Lang| {
        po::parse(lang.source())
            .unwrap_or_default()
            .into_iter()
            .collect()
    };
    Lang::ALL
        .into_iter()
        .map(|lang| (lang, catalog(lang)))
        .collect()
});

/// Texts, numbers and dates in one language.
#[derive(Clone, Copy, Debug)]
pub struct Locale(pub Lang);

impl Locale {
    /// The language's tag, for `lang` attributes.
    pub fn tag(&self) -> &'static str {
        self.0.tag()
    }

    /// The translation of an English text, or the text itself.
    pub fn t<'text>(&self, text: &'text str) -> &'text str {
        CATALOGS
            .get(&self.0)
            .and_then(|catalog| catalog.get(text))
            .map_or(text, String::as_str)
    }

    /// The translation with `{name}` replaced.
    pub fn with(&self, text: &str, name: &str, value: impl ToString) -> String {
        self.t(text)
            .replace(&format!("{{{name}}}"), &value.to_string())
    }

    /// The translation with two names replaced.
    pub fn with2(
        &self,
        text: &str,
        name: &str,
        value: impl ToString,
        other: &str,
        second: impl ToString,
    ) -> String {
        self.with(text, name, value)
            .replace(&format!("{{{other}}}"), &second.to_string())
    }

    /// The official word of a score.
    pub fn word(&self, score: Score) -> &'static str {
        // A test holds that the table has every language.
        score_word(score, self.tag()).unwrap_or_default()
    }

    /// Of what a place or its organisation says, the text in this language, else in the place's
    /// own, else in any: what its terminals show.
    pub fn at_place<'texts>(&self, texts: &'texts Texts, default_language: &str) -> &'texts str {
        texts.get(self.tag(), default_language).unwrap_or_default()
    }

    /// Of texts given by language (an organisation's name), the one in this language or the
    /// nearest.
    pub fn choose<'texts>(&self, texts: &'texts Texts) -> &'texts str {
        texts
            .get(self.tag(), Lang::FALLBACK.tag())
            .unwrap_or_default()
    }

    /// A whole number with its thousands apart.
    pub fn number(&self, number: &u64) -> String {
        let digits = number.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(if self.0 == Lang::En { ',' } else { '\u{a0}' });
            }
            text.push(digit);
        }
        text
    }

    /// A mean given in hundredths; a dash if there is none.
    pub fn average(&self, hundredths: Option<u64>) -> String {
        let point = if self.0 == Lang::En { '.' } else { ',' };
        hundredths.map_or_else(
            || "–".to_owned(),
            |mean| format!("{}{point}{:02}", mean / 100, mean % 100),
        )
    }

    /// A share given in thousandths, as a whole percentage; the last per cent must be earned. A
    /// dash if there is none.
    pub fn percent(&self, per_mille: Option<u64>) -> String {
        per_mille.map_or_else(|| "–".to_owned(), |share| format!("{}\u{a0}%", share / 10))
    }

    /// A minute (milliseconds since 1970) in a time zone; in UTC where the zone is not known.
    pub fn minute(&self, unix_ms: i64, zone: &str) -> String {
        let Ok(moment) = Timestamp::from_millisecond(unix_ms) else {
            return String::new();
        };
        let moment = moment.to_zoned(zone_or_utc(zone));
        format!("{} {}", self.day(moment.date()), moment.strftime("%H:%M"))
    }

    /// The day of a moment in a time zone; in UTC where the zone is not known.
    pub fn date(&self, time: Time, zone: &str) -> String {
        self.day(time.timestamp().to_zoned(zone_or_utc(zone)).date())
    }

    /// A day of the calendar.
    pub fn day(&self, day: jiff::civil::Date) -> String {
        match self.0 {
            Lang::En => day.strftime("%-d %b %Y").to_string(),
            _ => day.strftime("%d.%m.%Y").to_string(),
        }
    }
}

fn zone_or_utc(zone: &str) -> TimeZone {
    TimeZone::get(zone).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_language_that_we_have_is_chosen() {
        assert_eq!(
            Lang::accepted("de-DE,de;q=0.9,be;q=0.3,ky-KG;q=0.7"),
            Some(Lang::Ky)
        );
        assert_eq!(Lang::accepted("en;q=0.5, RU"), Some(Lang::Ru));
        assert_eq!(Lang::accepted("kk;q=0, fr"), None);
        assert_eq!(Lang::accepted("en;q=x, be;q=0.001"), Some(Lang::Be));
        assert_eq!(Lang::accepted(""), None);
    }

    #[test]
    fn numbers_and_averages_are_written_as_the_language_writes_them() {
        assert_eq!(Locale(Lang::Ru).number(&1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(Locale(Lang::En).number(&1_234), "1,234");
        assert_eq!(Locale(Lang::Ky).average(Some(405)), "4,05");
        assert_eq!(Locale(Lang::En).average(Some(433)), "4.33");
        assert_eq!(Locale(Lang::En).average(None), "–");
    }

    #[test]
    fn a_day_is_the_one_at_the_place() {
        let evening: Time = "2026-11-21T20:30:00Z".parse().unwrap();
        let date = |zone| Locale(Lang::En).date(evening, zone);
        assert_eq!(date("Asia/Bishkek"), "22 Nov 2026");
        assert_eq!(date("Europe/Minsk"), "21 Nov 2026");
        assert_eq!(date("Nowhere/Here"), "21 Nov 2026");
    }

    #[test]
    fn the_question_and_the_scale_are_there_in_every_language_of_the_pages() {
        for lang in Lang::ALL {
            assert!(pikir_contract::question(lang.tag()).is_some(), "{lang:?}");
            assert!(
                Score::ALL
                    .iter()
                    .all(|&score| !Locale(lang).word(score).is_empty())
            );
        }
    }

    #[test]
    fn an_untranslated_text_stays_english() {
        assert_eq!(Locale(Lang::Ky).t("No such text"), "No such text");
        assert_eq!(Locale(Lang::Ky).t("Send"), "Жөнөтүү");
    }
}
