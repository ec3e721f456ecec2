//! The portal judges ratings itself, whatever terminals flag and however their events arrive.

use std::collections::BTreeSet;

use pikir_contract::rules::{MAX_UNDO_S, WITHDRAWAL_GRACE_MS};
use pikir_contract::{BootId, Event};
use pikir_portal::domain::hours::OpeningHours;
use pikir_portal::storage::{ExclusionDecision, ExclusionFilter, ExclusionKey, ExclusionOf};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const HOUR_MS: u64 = 3_600_000;

/// A rating by a key, without any flag.
fn keyed(terminal: &Terminal, seq: u64, up_ms: u64) -> Event {
    let members = json!({"score": 1, "lang": "ky", "input": "keypad", "up_ms": up_ms});
    terminal.event(seq, "rating", &members)
}

fn withdrawal(terminal: &Terminal, seq: u64, of: u64, up_ms: u64) -> Event {
    let members = json!({"rating": terminal.event_id(of), "up_ms": up_ms});
    terminal.event(seq, "withdrawal", &members)
}

/// Every exclusion that stands: seq and rule.
async fn excluded(portal: &Portal) -> BTreeSet<(u64, &'static str)> {
    let filter = ExclusionFilter::default();
    let found = portal.state.storage.exclusions(filter, 0, 10_000).await;
    let found = found.unwrap().into_iter();
    let seq_of = |key: ExclusionKey| match key.of {
        ExclusionOf::Rating { seq, .. } => seq,
        ExclusionOf::Review(id) => panic!("no review was sent: {id}"),
    };
    found
        .map(|it| (seq_of(it.key), it.key.rule.as_str()))
        .collect()
}

async fn by_rule(portal: &Portal, rule: &str) -> Vec<u64> {
    let found = excluded(portal).await.into_iter();
    found
        .filter(|(_, of)| *of == rule)
        .map(|(seq, _)| seq)
        .collect()
}

async fn set_hours(portal: &Portal, hours: &str) {
    let storage = &portal.state.storage;
    let hours = match hours {
        "" => OpeningHours::default(),
        hours => hours.parse().unwrap(),
    };
    storage
        .set_hours(&PLACE.parse().unwrap(), hours)
        .await
        .unwrap();
    storage.judge_all(NOW_MS).await.unwrap();
}

#[tokio::test]
async fn of_five_hundred_keys_pressed_ten_a_second_without_a_flag_the_first_alone_counts() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let events: Vec<Event> = (1..=500)
        .map(|seq| keyed(&terminal, seq, 10_000 + seq * 100))
        .collect();
    assert_all(&terminal.deliver(&portal, &events).await.ok(), "accepted");
    let summary = portal.summary().await;
    assert_eq!(summary["total"], 1);
    assert_eq!(summary["flagged_by_rule"]["repeat"], 499);
    assert_eq!(summary["flagged_by_rule"]["burst"], 490);
}

#[tokio::test]
async fn the_eleventh_rating_of_a_minute_is_a_burst_whichever_delivery_brings_it() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    for seq in 1..=11 {
        let event = keyed(&terminal, seq, seq * 5_000);
        terminal.deliver(&portal, &[event]).await.ok();
    }
    assert_eq!(by_rule(&portal, "burst").await, [11]);
    assert_eq!(portal.summary().await["total"], 10);
}

#[tokio::test]
async fn a_withdrawal_takes_back_within_its_time_and_a_later_one_is_kept_and_shown() {
    let limit_ms = MAX_UNDO_S * 1_000 + WITHDRAWAL_GRACE_MS;
    let month_ms = 30 * 24 * HOUR_MS;
    for (after_ms, takes_back) in [
        (0, true),
        (4_000, true),
        (limit_ms, true),
        (limit_ms + 1, false),
        (month_ms, false),
    ] {
        for rating_first in [true, false] {
            let portal = Portal::start().await;
            let terminal = portal.terminal(1).await;
            let rating = keyed(&terminal, 1, 10_000);
            let back = withdrawal(&terminal, 2, 1, 10_000 + after_ms);
            let (one, two) = if rating_first {
                (rating, back)
            } else {
                (back, rating)
            };
            terminal.deliver(&portal, &[one]).await.ok();
            assert_all(&terminal.deliver(&portal, &[two]).await.ok(), "accepted");
            let summary = portal.summary().await;
            assert_eq!(summary["withdrawn"], u64::from(takes_back), "{after_ms}");
            assert_eq!(summary["total"], u64::from(!takes_back), "{after_ms}");
            let shown = portal.only_terminal().await.late_withdrawals;
            assert_eq!(shown, u64::from(!takes_back), "{after_ms}");
        }
    }
}

#[tokio::test]
async fn a_withdrawal_of_another_boot_or_of_another_terminals_rating_takes_nothing_back() {
    let portal = Portal::start().await;
    let (terminal, other) = (portal.terminal(1).await, portal.terminal(2).await);
    let mut rebooted = withdrawal(&terminal, 2, 1, 10_001).body;
    rebooted["boot"] = json!(BootId::from_uuid(uuid::Uuid::from_bytes([7; 16])));
    let events = [
        keyed(&terminal, 1, 10_000),
        terminal.sealed(2, "withdrawal", rebooted),
    ];
    terminal.deliver(&portal, &events).await.ok();
    let foreign = json!({"rating": terminal.event_id(1), "up_ms": 10_001});
    let foreign = other.event(1, "withdrawal", &foreign);
    other.deliver(&portal, &[foreign]).await.ok();
    let summary = portal.summary().await;
    assert_eq!(
        (&summary["total"], &summary["withdrawn"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn whoever_corrects_a_slip_is_not_doubted_also_if_the_withdrawal_comes_last() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let ratings = [keyed(&terminal, 1, 10_000), keyed(&terminal, 3, 11_500)];
    terminal.deliver(&portal, &ratings).await.ok();
    assert_eq!(by_rule(&portal, "repeat").await, [3]);
    let back = withdrawal(&terminal, 2, 1, 11_000);
    terminal.deliver(&portal, &[back]).await.ok();
    assert_eq!(by_rule(&portal, "repeat").await, [] as [u64; 0]);
    assert_eq!(portal.summary().await["total"], 1);
}

#[tokio::test]
async fn a_rating_outside_the_hours_does_not_count_once_hours_and_time_are_known() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    // The boot began at 01:00 UTC on Sunday 2026-11-22, 07:00 in Bishkek.
    let events = [
        keyed(&terminal, 1, HOUR_MS / 2),
        keyed(&terminal, 2, HOUR_MS - 1),
    ];
    terminal.deliver(&portal, &events).await.ok();
    assert_eq!(portal.summary().await["total"], 2, "nobody knows the hours");
    set_hours(&portal, "sun 08:00-12:00").await;
    assert_eq!(by_rule(&portal, "closed").await, [1]);
    set_hours(&portal, "mon-fri 08:00-12:00; 2026-11-22 07:40-12:00").await;
    assert_eq!(by_rule(&portal, "closed").await, [] as [u64; 0]);
    set_hours(&portal, "sun 07:00-12:00; 2026-11-22 closed").await;
    assert_eq!(by_rule(&portal, "closed").await, [1, 2]);
    set_hours(&portal, "").await;
    assert_eq!(portal.summary().await["total"], 2);
}

#[tokio::test]
async fn hours_of_the_organisation_and_its_calendar_decide_and_a_reversal_stays() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let storage = &portal.state.storage;
    let events = [
        keyed(&terminal, 1, HOUR_MS / 2),
        keyed(&terminal, 2, HOUR_MS - 1),
    ];
    terminal.deliver(&portal, &events).await.ok();
    let hours = "mon-fri 09:00-18:00".parse().unwrap();
    storage.set_organization_hours("con", hours).await.unwrap();
    storage.judge_all(NOW_MS).await.unwrap();
    assert_eq!(by_rule(&portal, "closed").await, [1, 2]);
    let key = ExclusionKey {
        of: ExclusionOf::Rating {
            terminal: terminal.id,
            seq: 1,
        },
        rule: pikir_portal::domain::rules::Rule::Closed,
    };
    let decision = ExclusionDecision {
        reversed: true,
        reason: "open for the election".to_owned(),
        decided_by: "aida".to_owned(),
        decided_at: NOW_MS,
    };
    storage
        .decide_exclusions(vec![key], decision)
        .await
        .unwrap();
    let longer = "mon-sun 00:00-24:00; 2026-11-22 closed".parse().unwrap();
    storage.set_organization_hours("con", longer).await.unwrap();
    storage.judge_all(NOW_MS).await.unwrap();
    assert_eq!(by_rule(&portal, "closed").await, [2]);
    assert_eq!(portal.summary().await["total"], 1);
}

#[tokio::test]
async fn what_a_terminal_flagged_stays_whatever_the_portal_finds() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let members =
        json!({"score": 1, "lang": "ky", "input": "keypad", "flags": ["closed", "repeat"]});
    let flagged = terminal.event(1, "rating", &members);
    terminal.deliver(&portal, &[flagged]).await.ok();
    set_hours(&portal, "mon-sun 00:00-24:00").await;
    assert_eq!(
        excluded(&portal).await,
        [(1, "closed"), (1, "repeat")].into()
    );
}

/// What a lobby did: the score is of no matter.
#[derive(Clone, Debug)]
enum Deed {
    Rate {
        gap_ms: u64,
        touch: Option<(u16, u16)>,
        reboots: bool,
    },
    TakeBack {
        after_ms: u64,
        before: usize,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let gap_ms = prop_oneof![
        Just(100),
        Just(1_999),
        Just(2_000),
        Just(3_000),
        Just(12_864),
        0..90_000_u64
    ];
    let touch = prop::option::of(prop_oneof![
        Just((300, 700)),
        Just((301, 700)),
        (0..1000_u16, 0..1000_u16)
    ]);
    prop_oneof![
        8 => (gap_ms, touch, prop::bool::weighted(0.03))
            .prop_map(|(gap_ms, touch, reboots)| Deed::Rate { gap_ms, touch, reboots }),
        1 => (prop_oneof![0..2_000_u64, Just(960_000), Just(960_001)], 0..3_usize)
            .prop_map(|(after_ms, before)| Deed::TakeBack { after_ms, before }),
    ]
}

fn journal(terminal: &Terminal, deeds: &[Deed]) -> Vec<Event> {
    let (mut boot, mut up_ms, mut rated) = (terminal.boot, 1_000, Vec::new());
    let body = |seq: u64, boot: BootId, members: Value| {
        let mut body = terminal.head(seq);
        body["boot"] = json!(boot);
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        body
    };
    let mut events = Vec::new();
    for (deed, seq) in deeds.iter().zip(1..) {
        let event = match deed {
            Deed::Rate {
                gap_ms,
                touch,
                reboots,
            } => {
                if *reboots {
                    boot = BootId::from_uuid(uuid::Uuid::from_u128(u128::from(seq)));
                    up_ms = 1_000;
                }
                up_ms += gap_ms;
                rated.push((seq, up_ms));
                let mut members =
                    json!({"score": 3, "lang": "ky", "input": "touch", "up_ms": up_ms});
                if let Some((x, y)) = touch {
                    (members["x"], members["y"]) = (json!(x), json!(y));
                }
                terminal.sealed(seq, "rating", body(seq, boot, members))
            }
            Deed::TakeBack { after_ms, before } => {
                let of = rated.iter().rev().nth(*before).or(rated.last());
                let (of, at) = of.copied().unwrap_or((seq, up_ms));
                up_ms = up_ms.max(at + after_ms);
                let members = json!({"rating": terminal.event_id(of), "up_ms": up_ms});
                terminal.sealed(seq, "withdrawal", body(seq, boot, members))
            }
        };
        events.push(event);
    }
    events
}

type Judged = (BTreeSet<(u64, &'static str)>, Value);

async fn judged_after(deeds: &[Deed], order: &[usize], sizes: &[usize]) -> Judged {
    let portal = Portal::start().await;
    set_hours(&portal, "sun 07:30-07:40").await;
    let terminal = portal.terminal(1).await;
    let mut events = journal(&terminal, deeds);
    let mut ordered: Vec<(usize, Event)> = events.drain(..).enumerate().collect();
    ordered.sort_by_key(|(at, _)| order.get(*at).copied().unwrap_or(*at));
    let mut rest: Vec<Event> = ordered.into_iter().map(|(_, event)| event).collect();
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let mut part: Vec<Event> = rest.drain(..size.min(rest.len())).collect();
        part.sort_by_key(|event| event.seq);
        if !part.is_empty() {
            terminal.deliver(&portal, &part).await.ok();
        }
    }
    (
        excluded(&portal).await,
        portal.summary().await["flagged_by_rule"].clone(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_split_into_deliveries_in_any_order_leads_to_the_same_judgement(
        (deeds, order) in prop::collection::vec(deed(), 1..60).prop_flat_map(|deeds| {
            let order: Vec<usize> = (0..deeds.len()).collect();
            (Just(deeds), Just(order).prop_shuffle())
        }),
        sizes in prop::collection::vec(1..12_usize, 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let whole = judged_after(&deeds, &[], &[]).await;
            let in_order = judged_after(&deeds, &[], &sizes).await;
            prop_assert_eq!(&whole, &in_order);
            let shuffled = judged_after(&deeds, &order, &sizes).await;
            prop_assert_eq!(&whole, &shuffled);
            Ok(())
        })?;
    }
}
