//! The rules for everybody; reversing a mark and reconciling for staff.

use axum::http::StatusCode;
use pikir_contract::{BootId, Event, EventBody, Id, PlaceCode, SealKey};
use pikir_portal::domain::ingest::{Keys, judge};
use pikir_portal::storage::{Delivered, Delivery, Role, Sending};
use serde_json::json;

use crate::support::{PLACE, Portal, USER_CODE};

/// A terminal that has handed in these ratings: score and flags of each.
async fn hand_in(portal: &Portal, ratings: &[(u8, &[&str])]) -> Id {
    portal.add_waiting_terminal().await;
    let storage = &portal.app.storage;
    let (id, now_ms) = (Id::from_parts(5, [5; 10]), portal.app.clock.unix_ms());
    let place: PlaceCode = PLACE.parse().unwrap();
    storage
        .approve_enrolment(USER_CODE, &place, "technician", id, now_ms - 60_000)
        .await
        .unwrap();
    let terminal = storage.terminal(id).await.unwrap().unwrap();
    let boot: BootId = "019a9b3c-0000-7000-8000-000000000002".parse().unwrap();
    let seal_key = SealKey::from_bytes([2; 32]);
    let event = |(index, (score, flags)): (usize, &(u8, &[&str]))| {
        let seq = index as u64 + 1;
        let mut random = [0; 10];
        random[9] = index as u8;
        let body = json!({
            "id": Id::from_parts(seq, random), "boot": boot, "up_ms": seq * 6000, "wall": "1970-01-01T00:00:01Z",
            "synced": false, "score": score, "lang": "ky", "input": "keypad", "flags": flags,
        });
        let seal = seal_key
            .advance(seq - 1)
            .seal(seq, "rating", &body)
            .unwrap();
        Event {
            seq,
            kind: "rating".to_owned(),
            body,
            seal,
        }
    };
    let events: Vec<Event> = ratings.iter().enumerate().map(event).collect();
    assert!(
        events
            .iter()
            .all(|event| EventBody::parse("rating", &event.body).is_ok())
    );
    let mut keys = Keys::new(seal_key.clone(), []);
    let delivery = Delivery {
        terminal: terminal.key,
        events: judge(&mut keys, &events).unwrap(),
        seal_key,
        ratchet: keys.at().clone(),
        marks: Vec::new(),
        boots: Vec::new(),
        sending: Sending {
            boot,
            up_ms: 60_000,
            now: true,
        },
        received_at: now_ms,
    };
    let delivered = storage.deliver(delivery).await.unwrap();
    assert!(matches!(delivered, Delivered::Kept { .. }));
    id
}

#[tokio::test]
async fn the_rules_are_public_in_every_language_with_their_limits() {
    let portal = Portal::new().await;
    for lang in ["ky", "ru", "en", "be", "kk"] {
        let page = portal.browser().get(&format!("/rules?lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK);
        page.assert_says(&format!("<html lang=\"{lang}\">"));
        for placeholder in ["{seconds}", "{count}", "{tolerance}", "{spread}"] {
            page.assert_does_not_say(placeholder);
        }
        page.assert_does_not_say("<script");
    }
    let page = portal.browser().get("/rules?lang=en").await;
    page.assert_says("Less than 2 seconds after the rating before it");
    page.assert_says("More than 10 ratings within 60 seconds");
    page.assert_says("to 60 thousandths of a second");
    page.assert_says("10 ratings in a row whose touches lie within 3 thousandths");
}

#[tokio::test]
async fn the_public_page_says_how_many_each_rule_left_out_and_how_long_terminals_ran() {
    let portal = Portal::new().await;
    hand_in(
        &portal,
        &[
            (5, &[]),
            (4, &[]),
            (1, &["burst"]),
            (1, &["burst", "closed"]),
        ],
    )
    .await;
    let page = portal.browser().get("/o/KG-1?lang=en").await;
    page.assert_says("<b>4.50</b>");
    page.assert_says("Not counted: 2 marked as doubtful, 0 taken back.");
    page.assert_says("<li>Too many at once: 2</li>");
    page.assert_says("<li>Outside opening hours: 1</li>");
    page.assert_says("<b>90\u{a0}%</b><span>of the time its terminals ran</span>");
    portal
        .browser()
        .get("/?lang=en")
        .await
        .assert_says("4.50 out of 5 · ratings: 2 · terminals running: 90\u{a0}% of the time");
}

#[tokio::test]
async fn a_moderator_lets_a_rating_count_again_for_a_reason_and_leaves_it_out_again() {
    let portal = Portal::new().await;
    let id = hand_in(&portal, &[(5, &[]), (1, &["burst"]), (2, &["closed"])]).await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let list = moderator.get("/staff/exclusions?lang=en").await;
    assert_eq!(list.body.matches("type=\"checkbox\"").count(), 2);
    let only = moderator.get("/staff/exclusions?lang=en&rule=burst").await;
    assert_eq!(only.body.matches("type=\"checkbox\"").count(), 1);
    let (csrf, rating) = (only.hidden("csrf"), format!("{id} 2 burst"));
    only.assert_says(&rating);

    let form = |reason: &'static str| {
        [
            ("csrf", csrf.clone()),
            ("rule", "burst".to_owned()),
            ("rating", rating.clone()),
            ("reason", reason.to_owned()),
        ]
    };
    let post = async |form: &[(&str, String)]| {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
        moderator.post("/staff/exclusions", &form).await
    };
    let refused = post(&form(" ")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_says("Give a reason of at most 300 characters.");
    refused.assert_says(" checked");
    let nothing = post(&form("x")[..2]).await;
    nothing.assert_says("Choose at least one rating.");

    let done = post(&form("A school class, <asked>")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.location(), "/staff/exclusions?rule=burst");
    moderator
        .get("/staff/exclusions?lang=en&rule=burst")
        .await
        .assert_says("Nothing here.");
    let reversed = moderator.get("/staff/exclusions?state=reversed").await;
    reversed.assert_says("Counted again by moderator on");
    reversed.assert_says("A school class, &#60;asked&#62;");
    let public = portal.browser().get("/o/KG-1?lang=en").await;
    public.assert_says("<b>3.00</b>");

    let mut again = form("It was an employee").to_vec();
    again.push(("state", "reversed".to_owned()));
    assert_eq!(post(&again).await.status, StatusCode::SEE_OTHER);
    moderator
        .get("/staff/exclusions?lang=en")
        .await
        .assert_says("Left out again by moderator on");
}

#[tokio::test]
async fn exclusions_need_a_moderator_and_the_form_s_own_token() {
    let portal = Portal::new().await;
    let id = hand_in(&portal, &[(1, &["burst"])]).await;
    let technician = portal.signed_in(Role::Technician).await;
    assert_eq!(
        technician.get("/staff/exclusions").await.status,
        StatusCode::FORBIDDEN
    );
    let moderator = portal.signed_in(Role::Moderator).await;
    let rating = format!("{id} 1 burst");
    let form = [("csrf", "x"), ("rating", &*rating), ("reason", "y")];
    assert_eq!(
        moderator.post("/staff/exclusions", &form).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        portal.browser().get("/staff/exclusions").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_technician_reconciles_all_terminals_and_one_of_them_by_day() {
    let portal = Portal::new().await;
    let id = hand_in(&portal, &[(5, &[]), (1, &["burst"]), (2, &[])]).await;
    let technician = portal.signed_in(Role::Technician).await;
    let all = technician.get("/staff/reconciliation?lang=en").await;
    all.assert_says(&format!("/staff/reconciliation?terminal={id}&#38;from="));
    all.assert_says("<td class=\"num\" data-h=\"Taken\">3</td>");
    all.assert_says("<td class=\"num\" data-h=\"Counted\">2</td>");
    all.assert_says("Everything that was taken is here.");
    let one = technician
        .get(&format!("/staff/reconciliation?lang=en&terminal={id}"))
        .await;
    one.assert_says("Asia/Bishkek");
    one.assert_says("<td class=\"num\" data-h=\"Doubtful\">1</td>");
    let none = technician
        .get("/staff/reconciliation?lang=en&from=2020-01-01&to=2020-01-02")
        .await;
    none.assert_says("<td class=\"num\" data-h=\"Taken\">0</td>");
    let stranger = Id::from_parts(9, [9; 10]);
    let missing = technician
        .get(&format!("/staff/reconciliation?terminal={stranger}"))
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(
        portal
            .signed_in(Role::Moderator)
            .await
            .get("/staff/reconciliation")
            .await
            .status,
        StatusCode::FORBIDDEN
    );
}
