//! What doubt does to a visit: flags, hints and notices, and nothing else.

use proptest::prelude::*;

use super::histories::{Ledger, act, event_of};
use super::*;
use crate::limits::{IDLE_WARNING_MS, LEFT_GUARD_MS};

/// The panel touches a face at its period until that is noticed.
fn haunt(lobby: &mut Lobby) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..5 {
        lobby.clock.advance_ms(12_864);
        effects.extend(lobby.step(Event::Touched(FACE)));
    }
    effects
}

fn check_needed(lobby: &Lobby) -> bool {
    match lobby.screen() {
        ScreenView::Rate(rate) => rate.check_needed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_phantom_touch_is_told_to_the_technician_and_its_ratings_are_flagged_until_it_stops() {
    let mut lobby = Lobby::new();
    let detail =
        "phantom touch at 500,500 (per mille) every 12.864 s; ratings from there are flagged";
    assert_eq!(haunt(&mut lobby), [Effect::Maintenance(detail.into())]);
    assert!(check_needed(&lobby));
    let tap = lobby.tap(5);
    assert_eq!(flags(&saved(&mut lobby, tap)), ["periodic"]);
    let beside = Some(Point { x: 300, y: 500 });
    for touched in [beside, None] {
        let tap = lobby.after(5_000).after(LEFT_GUARD_MS).tap(1);
        let new = saved(&mut lobby, Tap { touched, ..tap });
        assert_eq!(flags(&new), [""; 0], "another point, or a key");
    }

    let mut lobby = Lobby::new();
    haunt(&mut lobby);
    let deadline = lobby.visit.deadline(lobby.clock.up_ms()).unwrap();
    lobby.clock.advance_ms(deadline - lobby.clock.up_ms());
    let detail = "phantom touch at 500,500 (per mille) has stopped; ratings from there count again";
    assert_eq!(
        lobby.step(Event::Tick),
        [Effect::Maintenance(detail.into())]
    );
    assert!(!check_needed(&lobby));
    assert_eq!(flags(&lobby.rate(5).unwrap()), [""; 0]);
}

#[test]
fn whoever_touches_the_screen_ends_the_news_and_a_phantom_does_not() {
    let mut lobby = Lobby::new();
    haunt(&mut lobby);
    let alone_ms = |lobby: &Lobby| lobby.visit.alone_ms(lobby.clock.up_ms()).unwrap();
    let before_ms = alone_ms(&lobby);
    lobby.clock.advance_ms(12_864);
    assert_eq!(lobby.step(Event::Touched(FACE)), []);
    assert_eq!(alone_ms(&lobby), before_ms + 12_864);
    let _ = lobby.step(Event::Touched(Point { x: 300, y: 500 }));
    assert_eq!(alone_ms(&lobby), 0);
}

#[test]
fn a_touch_that_rates_nothing_keeps_no_language() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Language("ru".into()));
    lobby
        .clock
        .advance_ms(rules().idle_ms + IDLE_WARNING_MS - 1);
    assert_eq!(lobby.step(Event::Touched(FACE)), []);
    lobby.after(1);
    assert_eq!(lobby.visit.language(), "ky");
}

#[test]
fn a_rating_is_flagged_as_closed_only_where_the_true_time_is_known() {
    let mut lobby = Lobby::new();
    let _ = lobby.step(Event::Rules(Box::new(Rules {
        hours: never_open(),
        ..rules()
    })));
    for (true_ms, expected) in [(None, &[][..]), (Some(1_800_000_000_000), &["closed"])] {
        let tap = lobby.after(5_000).after(LEFT_GUARD_MS).tap(4);
        let new = saved(&mut lobby, Tap { true_ms, ..tap });
        assert_eq!(flags(&new), expected);
    }
}

/// Rates, and the disk answers.
fn saved(lobby: &mut Lobby, tap: Tap) -> NewEvent {
    let new = lobby.step(Event::Rate(tap)).pop().map(appended).unwrap();
    let _ = lobby.step(Event::Appended(new.id));
    assert!(lobby.thanked());
    new
}

/// Open for one minute of the week, which is none of these tests'.
fn never_open() -> Option<crate::visit::doubt::OpeningHours> {
    let hours = pikir_contract::Hours {
        timezone: "UTC".into(),
        open: vec![pikir_contract::OpenHours {
            days: vec![pikir_contract::Weekday::Mon],
            from: "00:00".parse().unwrap(),
            to: "00:01".parse().unwrap(),
        }],
        night: None,
        exceptions: Vec::new(),
        offsets: Vec::new(),
    };
    crate::visit::doubt::OpeningHours::new(jiff::tz::TimeZone::UTC, &hours)
}

fn flags(new: &NewEvent) -> Vec<&'static str> {
    match &new.content {
        Content::Rating { flags, .. } => flags.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same without what doubt may add.
fn undoubted(new: NewEvent) -> NewEvent {
    match new.content {
        Content::Rating {
            score,
            lang,
            input,
            gap_ms,
            touched,
            flags: _,
        } => NewEvent {
            content: Content::Rating {
                score,
                lang,
                input,
                gap_ms,
                touched,
                flags: Vec::new(),
            },
            ..new
        },
        _ => new,
    }
}

proptest! {
    /// A lobby where every rating is doubtful takes, thanks and shows what an undoubted one does.
    #[test]
    fn doubt_changes_neither_what_is_taken_nor_what_is_shown(acts in prop::collection::vec(act(), 1..60)) {
        let mut lobbies = [Lobby::asking(), Lobby::asking()];
        let _ = haunt(&mut lobbies[0]);
        // Step by step the same, so that both give the same ids.
        for _ in 0..5 {
            lobbies[1].after(12_864);
        }
        for (lobby, hours) in lobbies.iter_mut().zip([never_open(), None]) {
            let _ = lobby.step(Event::Rules(Box::new(Rules { hours, ..asking_rules() })));
        }
        let mut ledgers = [Ledger::default(), Ledger::default()];
        for act in acts {
            let mut done = Vec::new();
            for (at, (lobby, ledger)) in lobbies.iter_mut().zip(&mut ledgers).enumerate() {
                let event = match event_of(act.clone(), lobby, ledger) {
                    Some(Event::Rate(tap)) => {
                        let _ = lobby.step(if at == 0 { Event::Touched(FACE) } else { Event::Tick });
                        Event::Rate(Tap { touched: Some(FACE), true_ms: (at == 0).then_some(1_800_000_000_000), ..tap })
                    }
                    event => event.unwrap_or(Event::Tick),
                };
                // Where there are two, the answer of the visitor before comes first.
                let new = lobby.step(event).pop().map(appended);
                if let Some(NewEvent { content: Content::Rating { flags, .. }, .. }) = &new {
                    prop_assert_eq!(flags.contains(&"periodic") && flags.contains(&"closed"), at == 0);
                }
                ledger.asked.extend(new.clone());
                let screen = match lobby.screen() {
                    ScreenView::Rate(rate) => ScreenView::Rate(RateView { check_needed: false, ..rate }),
                    other => other,
                };
                done.push((new.map(undoubted), screen, lobby.visit.language().to_owned()));
            }
            prop_assert_eq!(&done[0], &done[1]);
        }
    }
}
