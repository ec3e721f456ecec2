//! What takes turns with the question while nobody is there: the announcements of the portal, then
//! the day's ratings.

use pikir_contract::{Announcement, AnnouncementKind, TerminalConfig};

use super::turns;
use crate::view::Room;
use crate::view::{NewsView, Slide};
use crate::visit::Visit;

/// What can be told, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// What has a place on the screen.
    pub room: Room,
    /// The day's ratings, where they are to be told.
    pub ratings: Option<u32>,
    /// The true time (Unix milliseconds), where it is known.
    pub unix_ms: Option<i64>,
}

/// The slide of this moment; `None`: the question.
#[must_use]
pub fn now(visit: &Visit, config: &TerminalConfig, telling: Telling, now_ms: u64) -> Option<Slide> {
    let alone_ms = visit.alone_ms(now_ms)?;
    let at = turns::slide(alone_ms, all(config, telling).count())?;
    all(config, telling)
        .nth(at)
        .map(|told| told.slide(config, visit.language()))
}

/// How long until another slide is shown (milliseconds); `None`: nothing changes.
#[must_use]
pub fn until_turn_ms(
    visit: &Visit,
    config: &TerminalConfig,
    telling: Telling,
    now_ms: u64,
) -> Option<u64> {
    turns::until_turn_ms(visit.alone_ms(now_ms)?, all(config, telling).count())
}

/// The first announcement, whether there is room for it or not: it can be heard.
#[must_use]
pub fn first(config: &TerminalConfig, unix_ms: Option<i64>, language: &str) -> Option<NewsView> {
    let first = announcements(config, unix_ms).next();
    first.map(|announcement| view(config, announcement, language))
}

#[derive(Clone, Copy)]
enum Told<'a> {
    Announcement(&'a Announcement),
    Ratings(u32),
}

impl Told<'_> {
    fn slide(self, config: &TerminalConfig, language: &str) -> Slide {
        match self {
            Self::Announcement(announcement) => Slide::News(view(config, announcement, language)),
            Self::Ratings(count) => Slide::Ratings(count),
        }
    }
}

fn all(config: &TerminalConfig, telling: Telling) -> impl Iterator<Item = Told<'_>> {
    let announcements = announcements(config, telling.unix_ms)
        .filter(move |_| telling.room == Room::Whole)
        .map(Told::Announcement);
    let ratings = telling.ratings.filter(|_| telling.room != Room::None);
    announcements.chain(ratings.map(Told::Ratings))
}

/// The announcements that still hold, as far as the time is known.
fn announcements(
    config: &TerminalConfig,
    unix_ms: Option<i64>,
) -> impl Iterator<Item = &Announcement> {
    config.announcements.iter().filter(move |announcement| {
        let until_ms = announcement.until.map(|until| until.unix_ms());
        until_ms
            .zip(unix_ms)
            .is_none_or(|(until_ms, unix_ms)| unix_ms < until_ms)
    })
}

fn view(config: &TerminalConfig, announcement: &Announcement, language: &str) -> NewsView {
    let text = |texts| config.text(texts, language).unwrap_or_default().to_owned();
    NewsView {
        answer: announcement.kind == AnnouncementKind::Answer,
        title: text(&announcement.title),
        text: text(&announcement.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::present;
    use crate::config::configuration::Configuration;
    use crate::limits::{NEWS_AFTER_MS, NEWS_TURN_MS};
    use crate::platform::clock::{Clock as _, TestClock};
    use crate::platform::entropy::{Entropy as _, TestEntropy};
    use crate::visit::{Event, Stamp};
    use serde_json::json;

    const LATER: i64 = 1_800_000_000_000;

    fn configuration(announcements: serde_json::Value) -> Configuration {
        let document = TerminalConfig::from_value(&json!({
            "version": 1, "organization": {"code": "o", "name": {"ky": "Борбор", "ru": "Центр"}},
            "place": {"code": "7K3M9P", "name": "2-зал"}, "languages": ["ky", "ru"], "default_language": "ky",
            "qr": {"base_url": "https://otzyv.example"}, "announcements": announcements,
        }));
        Configuration {
            document: document.unwrap(),
            etag: None,
            hours: None,
            night: None,
            zone: None,
            presence_keys: Vec::new(),
        }
    }

    fn with_news() -> Configuration {
        configuration(json!([
            {"title": {"ky": "Эски"}, "text": {"ky": "Текст"}, "kind": "answer", "until": "2026-01-01T00:00:00Z"},
            {"title": {"ky": "Жаңы"}, "text": {"ky": "Текст"}, "kind": "news"},
        ]))
    }

    fn telling(room: Room, ratings: Option<u32>) -> Telling {
        Telling {
            room,
            ratings,
            unix_ms: Some(LATER),
        }
    }

    fn name(slide: Option<Slide>) -> Option<String> {
        slide.map(|slide| match slide {
            Slide::News(news) => news.title,
            Slide::Ratings(count) => count.to_string(),
        })
    }

    /// The slides of the first turns, questions between them left out.
    fn turns(config: &Configuration, telling: Telling) -> Vec<String> {
        let visit = Visit::new(present::rules(config), None);
        let at = |turn| NEWS_AFTER_MS + turn * NEWS_TURN_MS;
        (0..8)
            .filter_map(|turn| name(now(&visit, &config.document, telling, at(turn))))
            .collect()
    }

    #[test]
    fn news_are_told_when_nobody_is_there_until_they_are_over_and_a_touch_ends_them() {
        let configuration = with_news();
        let mut visit = Visit::new(present::rules(&configuration), None);
        let title = |visit: &Visit, now_ms: u64, unix_ms: Option<i64>| {
            let telling = Telling {
                unix_ms,
                ..telling(Room::Whole, None)
            };
            name(now(visit, &configuration.document, telling, now_ms))
        };
        assert_eq!(title(&visit, NEWS_AFTER_MS - 1, Some(LATER)), None);
        assert_eq!(
            title(&visit, NEWS_AFTER_MS, Some(LATER)).as_deref(),
            Some("Жаңы")
        );
        assert_eq!(
            title(&visit, NEWS_AFTER_MS, None).as_deref(),
            Some("Эски"),
            "nobody knows the time"
        );

        let clock = TestClock::new("7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(), 0);
        clock.advance_ms(NEWS_AFTER_MS);
        let stamp = Stamp {
            at: clock.reading(),
            id: TestEntropy::new(7).id(0),
        };
        let _ = visit.step(
            Event::Touched(crate::visit::doubt::Point { x: 5, y: 5 }),
            &stamp,
        );
        assert_eq!(title(&visit, stamp.at.up_ms, Some(LATER)), None);
        assert!(title(&visit, stamp.at.up_ms + NEWS_AFTER_MS, Some(LATER)).is_some());
    }

    #[test]
    fn the_days_ratings_come_after_the_news_and_also_where_there_are_none() {
        let counted = telling(Room::Whole, Some(12));
        assert_eq!(turns(&with_news(), counted), ["Жаңы", "12", "Жаңы", "12"]);
        let none = configuration(json!([]));
        assert_eq!(turns(&none, counted), ["12"; 4]);
        assert_eq!(turns(&none, telling(Room::Whole, None)), [""; 0]);
    }

    #[test]
    fn a_small_panel_tells_the_days_ratings_alone_and_a_dark_one_nothing() {
        assert_eq!(
            turns(&with_news(), telling(Room::Line, Some(12))),
            ["12"; 4]
        );
        assert_eq!(turns(&with_news(), telling(Room::None, Some(12))), [""; 0]);
        let visit = Visit::new(present::rules(&with_news()), None);
        let wakes = |telling| until_turn_ms(&visit, &with_news().document, telling, 0);
        assert_eq!(
            wakes(telling(Room::None, Some(12))),
            None,
            "nor does it wake"
        );
        assert_eq!(wakes(telling(Room::Line, None)), None);
        assert_eq!(wakes(telling(Room::Line, Some(12))), Some(NEWS_AFTER_MS));
    }

    #[test]
    fn the_first_that_still_holds_can_be_heard() {
        let document = with_news().document;
        let heard = |unix_ms| first(&document, unix_ms, "ky").map(|news| news.title);
        assert_eq!(heard(Some(LATER)).as_deref(), Some("Жаңы"));
        assert_eq!(heard(None).as_deref(), Some("Эски"));
    }
}
