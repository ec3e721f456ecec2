//! What is given at an organisation holds at its units and places, and follows when it changes.

use pikir_contract::{TerminalConfig, Texts};
use pikir_portal::domain::schedule::DayKind;
use pikir_portal::storage::{
    CalendarDay, Inherits, Languages, OrganizationRecord, Setting, Settings,
};

use crate::support::*;

async fn unit(portal: &Portal, code: &str, parent: &str) {
    let organization = OrganizationRecord {
        code: code.to_owned(),
        parent: Some(parent.to_owned()),
        names: Texts::from([("ru", code)]),
        version: 1,
    };
    let storage = &portal.state.storage;
    storage
        .put_organizations(vec![organization], Vec::new())
        .await
        .unwrap();
}

/// Adds a place of the unit that inherits everything.
async fn place(portal: &Portal, organization: &str, code: &str) {
    portal.add_place(organization, code).await;
    let settings = Settings {
        timezone: Setting::Inherited,
        languages: Setting::Inherited,
        ..Settings::default()
    };
    set_place(portal, code, settings).await;
}

async fn set_place(portal: &Portal, code: &str, settings: Settings) {
    let storage = &portal.state.storage;
    assert!(
        storage
            .set_place(&code.parse().unwrap(), settings)
            .await
            .unwrap()
    );
}

fn timezone(zone: &str) -> Settings {
    Settings {
        timezone: Setting::Own(zone.to_owned()),
        ..Settings::default()
    }
}

async fn at(portal: &Portal, code: &str) -> (String, Vec<String>, Inherits) {
    let found = portal.state.storage.place(&code.parse().unwrap()).await;
    let (place, _) = found.unwrap().unwrap();
    (place.timezone, place.languages, place.inherits)
}

#[tokio::test]
async fn time_zone_and_languages_come_from_the_nearest_that_says_them_and_follow() {
    let portal = Portal::start().await;
    unit(&portal, "con-2", "con").await;
    unit(&portal, "con-2-a", "con-2").await;
    place(&portal, "con-2-a", "BN1T").await;
    let storage = &portal.state.storage;
    let settings = Settings {
        languages: Setting::Own(Languages {
            offered: vec!["kk".to_owned(), "ru".to_owned()],
            default: "ru".to_owned(),
        }),
        ..timezone("Asia/Almaty")
    };
    assert!(storage.set_organization("con", settings).await.unwrap());
    let (zone, languages, inherits) = at(&portal, "BN1T").await;
    assert_eq!(
        (&*zone, languages),
        ("Asia/Almaty", vec!["kk".to_owned(), "ru".to_owned()])
    );
    assert!(inherits.timezone && inherits.languages);
    let usual = storage.usual("con-2-a").await.unwrap();
    assert_eq!(
        (&*usual.timezone, &*usual.languages.default),
        ("Asia/Almaty", "ru")
    );
    storage
        .set_organization("con-2", timezone("Europe/Minsk"))
        .await
        .unwrap();
    assert_eq!(at(&portal, "BN1T").await.0, "Europe/Minsk");
    set_place(&portal, "BN1T", timezone("Asia/Tashkent")).await;
    storage
        .set_organization("con-2", timezone("Europe/Berlin"))
        .await
        .unwrap();
    assert_eq!(at(&portal, "BN1T").await.0, "Asia/Tashkent");
    let back = Settings {
        timezone: Setting::Inherited,
        ..Settings::default()
    };
    set_place(&portal, "BN1T", back).await;
    assert_eq!(at(&portal, "BN1T").await.0, "Europe/Berlin");
    // Places whose time zone is their own have kept it.
    assert_eq!(at(&portal, PLACE).await.0, "Asia/Bishkek");
}

#[tokio::test]
async fn a_unit_that_is_moved_inherits_from_where_it_stands_now() {
    let portal = Portal::start().await;
    for code in ["con-2", "con-3"] {
        unit(&portal, code, "con").await;
    }
    unit(&portal, "con-x", "con-2").await;
    place(&portal, "con-x", "BN1T").await;
    let storage = &portal.state.storage;
    storage
        .set_organization("con-3", timezone("Asia/Almaty"))
        .await
        .unwrap();
    assert_eq!(at(&portal, "BN1T").await.0, "Asia/Bishkek");
    unit(&portal, "con-x", "con-3").await;
    assert_eq!(at(&portal, "BN1T").await.0, "Asia/Almaty");
}

#[tokio::test]
async fn hours_and_holidays_of_the_organisation_reach_the_terminals_of_its_units() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let storage = &portal.state.storage;
    let hours = async || {
        let document = terminal.get(&portal, CONFIG, &[]).await.ok();
        let config = TerminalConfig::from_value(&document).unwrap();
        let hours = config.hours.unwrap();
        let dates: Vec<String> = hours
            .exceptions
            .iter()
            .map(|it| format!("{} {}", it.date, it.open.len()))
            .collect();
        (hours.open.len(), dates, hours.offsets[0].minutes)
    };
    assert_eq!(hours().await, (0, vec![], 360));
    let own = "mon-fri 08:30-17:30; 2026-12-26 09:00-13:00; 2026-12-31 closed";
    storage
        .set_organization_hours("con", own.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        hours().await,
        (
            1,
            vec!["2026-12-26 1".to_owned(), "2026-12-31 0".to_owned()],
            360
        )
    );
    let day = |date: &str, kind| CalendarDay {
        date: date.parse().unwrap(),
        kind,
        names: Texts::default(),
    };
    let days = vec![
        day("2026-12-31", Some(DayKind::Short)),
        day("2027-01-07", Some(DayKind::Holiday)),
        day("2027-01-09", Some(DayKind::Working)),
    ];
    let dry = storage
        .put_calendar("kg", days.clone(), true)
        .await
        .unwrap();
    let done = storage.put_calendar("kg", days, false).await.unwrap();
    assert_eq!((dry, done.added), (done, 3));
    assert_eq!(hours().await.1.len(), 2, "nobody keeps this calendar yet");
    let settings = Settings {
        calendar: Setting::Own("kg".to_owned()),
        ..Settings::default()
    };
    storage.set_organization("con", settings).await.unwrap();
    let expected = [
        "2026-12-26 1",
        "2026-12-31 0",
        "2027-01-07 0",
        "2027-01-09 1",
    ];
    assert_eq!(hours().await.1, expected);
    // A counter that is open on holidays keeps no calendar.
    let settings = Settings {
        calendar: Setting::Own(String::new()),
        ..Settings::default()
    };
    set_place(&portal, PLACE, settings).await;
    assert_eq!(hours().await.1, expected[..2]);
    let ordinary = vec![day("2027-01-07", None), day("2027-01-08", None)];
    let done = storage.put_calendar("kg", ordinary, false).await.unwrap();
    assert_eq!((done.removed, done.unchanged), (1, 1));
}

#[tokio::test]
async fn a_terminal_of_a_country_with_summer_time_is_told_each_change_ahead() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    set_place(&portal, PLACE, timezone("Europe/Berlin")).await;
    let document = terminal.get(&portal, CONFIG, &[]).await.ok();
    let hours = TerminalConfig::from_value(&document)
        .unwrap()
        .hours
        .unwrap();
    let minutes: Vec<i16> = hours.offsets.iter().map(|it| it.minutes).collect();
    assert_eq!(minutes, [60, 120, 60]);
    assert!(hours.offsets[0].from.unix_ms() <= NOW_MS);
    assert!(hours.offsets.is_sorted_by_key(|it| it.from));
}
