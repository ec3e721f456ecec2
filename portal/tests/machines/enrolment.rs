//! How a machine becomes a terminal.

use std::time::Duration;

use pikir_contract::{Id, SealKey, SigningKey, TerminalConfig};
use pikir_portal::storage::{
    Asked, Begun, Decided, EnrolmentState, MAX_UNCLAIMED, MAX_UNCLAIMED_OF_A_CLIENT, NewEnrolment,
};
use serde_json::{Value, json};

use crate::support::*;

async fn begin(portal: &Portal, terminal: &Terminal) -> Value {
    let answer = terminal
        .post_as_machine(portal, ENROLMENTS, &terminal.enrolment())
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn poll(portal: &Portal, terminal: &Terminal, pending: &Value) -> Answer {
    terminal
        .post_as_machine(
            portal,
            POLL,
            &json!({"device_code": pending["device_code"]}),
        )
        .await
}

async fn poll_error(portal: &Portal, terminal: &Terminal, pending: &Value) -> String {
    let answer = poll(portal, terminal, pending).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.json()["error"].as_str().unwrap().to_owned()
}

async fn approve(portal: &Portal, pending: &Value, place: &str) -> Decided {
    let code = pending["user_code"].as_str().unwrap();
    let (state, place) = (&portal.state, place.parse().unwrap());
    let new_id = state.entropy.id(state.clock.now());
    state
        .storage
        .approve_enrolment(code, &place, "technician", new_id, state.clock.unix_ms())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_technician_approves_and_the_terminal_gets_its_id_and_configuration() {
    let portal = Portal::start().await;
    let terminal = Terminal::new(1);
    let pending = begin(&portal, &terminal).await;
    assert_eq!(
        (&pending["expires_in"], &pending["interval"]),
        (&json!(900), &json!(5))
    );
    assert_eq!(
        pending["verification_uri"],
        "https://pikir.example/activate"
    );
    let code = pending["user_code"].as_str().unwrap();
    assert_eq!(code.len(), 9, "{code}");
    assert!(
        pending["verification_uri_complete"]
            .as_str()
            .unwrap()
            .ends_with(code)
    );

    assert_eq!(
        poll_error(&portal, &terminal, &pending).await,
        "authorization_pending"
    );
    assert_eq!(approve(&portal, &pending, PLACE).await, Decided::Done);
    let result = poll(&portal, &terminal, &pending).await.ok();
    let config = TerminalConfig::from_value(&result["config"]).unwrap();
    assert_eq!(config.place.code.to_string(), PLACE);
    assert_eq!(config.qr.base_url, "https://pikir.example");

    portal.clock.advance(Duration::from_secs(3600));
    assert_eq!(
        poll(&portal, &terminal, &pending).await.ok(),
        result,
        "an answer that was lost is given again"
    );
}

#[tokio::test]
async fn polling_faster_than_the_interval_is_told_to_slow_down() {
    let portal = Portal::start().await;
    let terminal = Terminal::new(1);
    let pending = begin(&portal, &terminal).await;
    assert_eq!(
        poll_error(&portal, &terminal, &pending).await,
        "authorization_pending"
    );
    portal.clock.advance(Duration::from_secs(2));
    assert_eq!(poll_error(&portal, &terminal, &pending).await, "slow_down");
    portal.clock.advance(Duration::from_secs(5));
    assert_eq!(
        poll_error(&portal, &terminal, &pending).await,
        "authorization_pending"
    );
}

#[tokio::test]
async fn a_refused_and_an_expired_enrolment_are_told_apart() {
    let portal = Portal::start().await;
    let (refused, late) = (Terminal::new(1), Terminal::new(2));
    let (refused_code, late_code) = (begin(&portal, &refused).await, begin(&portal, &late).await);
    let now = portal.state.clock.unix_ms();
    let code = refused_code["user_code"].as_str().unwrap();
    assert_eq!(
        portal
            .state
            .storage
            .deny_enrolment(code, "technician", now)
            .await
            .unwrap(),
        Decided::Done
    );
    assert_eq!(
        poll_error(&portal, &refused, &refused_code).await,
        "access_denied"
    );
    assert_eq!(
        approve(&portal, &refused_code, PLACE).await,
        Decided::NotWaiting
    );

    portal.clock.advance(Duration::from_secs(900));
    assert_eq!(
        poll_error(&portal, &late, &late_code).await,
        "expired_token"
    );
    assert_eq!(
        approve(&portal, &late_code, PLACE).await,
        Decided::NotWaiting
    );
    let code = late_code["user_code"].as_str().unwrap();
    let shown = portal
        .state
        .storage
        .enrolment(code, portal.state.clock.unix_ms())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.state, EnrolmentState::Expired);
    assert_eq!(
        poll_error(&portal, &late, &json!({"device_code": "never given out"})).await,
        "expired_token"
    );
}

#[tokio::test]
async fn only_the_key_that_asked_can_poll() {
    let portal = Portal::start().await;
    let pending = begin(&portal, &Terminal::new(1)).await;
    poll(&portal, &Terminal::new(2), &pending)
        .await
        .problem(401);
}

#[tokio::test]
async fn asking_again_makes_the_former_code_void() {
    let portal = Portal::start().await;
    let terminal = Terminal::new(1);
    let (former, latter) = (
        begin(&portal, &terminal).await,
        begin(&portal, &terminal).await,
    );
    assert_eq!(approve(&portal, &former, PLACE).await, Decided::NotWaiting);
    assert_eq!(approve(&portal, &latter, PLACE).await, Decided::Done);
}

/// Lets a number of machines of one client wait, each a moment after the one before.
async fn flood(portal: &Portal, client: u8, count: u64) {
    for number in 0..count {
        portal.clock.advance(Duration::from_millis(1));
        let mut device_hash = [client; 32];
        device_hash[..8].copy_from_slice(&number.to_be_bytes());
        let asked = Asked {
            device_hash,
            user_code: &format!("{client}-{number}"),
            client: [client; 16],
            now_ms: portal.state.clock.unix_ms(),
        };
        let machine = NewEnrolment {
            public_key: device_hash.to_vec(),
            seal_key: vec![1; 32],
            model: String::new(),
            serial: String::new(),
            software: String::new(),
        };
        let begun = portal.state.storage.begin_enrolment(asked, machine);
        assert_eq!(begun.await.unwrap(), Begun::Waiting);
    }
}

fn waiting(portal: &Portal) -> u64 {
    let query = "SELECT count(*) FROM enrolments";
    portal
        .database()
        .query_row(query, [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_flood_of_one_client_takes_nobody_else_s_place_and_has_an_end() {
    let portal = Portal::start().await;
    let before = Terminal::new(1);
    let pending = begin(&portal, &before).await;
    flood(&portal, 7, MAX_UNCLAIMED_OF_A_CLIENT + 100).await;
    assert_eq!(waiting(&portal), MAX_UNCLAIMED_OF_A_CLIENT + 1);
    let after = begin(&portal, &Terminal::new(2)).await;
    assert_eq!(approve(&portal, &after, PLACE).await, Decided::Done);
    assert_eq!(approve(&portal, &pending, PLACE).await, Decided::Done);
    let shown = |code: &'static str| portal.state.storage.enrolment(code, NOW_MS);
    assert!(
        shown("7-99").await.unwrap().is_none(),
        "the oldest gave way"
    );
    assert!(shown("7-100").await.unwrap().is_some());
}

#[tokio::test]
async fn a_terminal_that_still_asks_outlives_a_flood_of_its_own_network() {
    let portal = Portal::start().await;
    let terminal = Terminal::new(1);
    let pending = begin(&portal, &terminal).await;
    portal
        .database()
        .execute("UPDATE enrolments SET client = ?1", [[7_u8; 16]])
        .unwrap();
    for _ in 0..3 {
        flood(&portal, 7, MAX_UNCLAIMED_OF_A_CLIENT / 2).await;
        portal.clock.advance(Duration::from_secs(5));
        assert_eq!(
            poll_error(&portal, &terminal, &pending).await,
            "authorization_pending"
        );
    }
    assert_eq!(approve(&portal, &pending, PLACE).await, Decided::Done);
}

#[tokio::test]
async fn many_clients_that_ask_for_many_leave_a_place_for_the_next() {
    let portal = Portal::start().await;
    let fill = "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
        INSERT INTO enrolments (device_hash, user_code, public_key, seal_key, model, serial, software, created_at,
            expires_at, state, client)
        SELECT randomblob(32), 'full-' || i, randomblob(32), x'00', '', '', '', ?1 + i, ?1 + 900000, 'pending',
            CAST(printf('%016d', i % 40) AS BLOB) FROM n";
    portal.database().execute(fill, [NOW_MS]).unwrap();
    assert_eq!(waiting(&portal), MAX_UNCLAIMED);
    let pending = begin(&portal, &Terminal::new(1)).await;
    assert_eq!(waiting(&portal), MAX_UNCLAIMED);
    assert_eq!(approve(&portal, &pending, PLACE).await, Decided::Done);
}

#[tokio::test]
async fn what_nobody_claimed_is_forgotten_an_hour_after_it_expired() {
    let portal = Portal::start().await;
    flood(&portal, 7, 10).await;
    portal.clock.advance(Duration::from_secs(15 * 60 + 3_601));
    begin(&portal, &Terminal::new(1)).await;
    assert_eq!(waiting(&portal), 1);
}

#[tokio::test]
async fn the_device_code_and_the_token_are_kept_only_as_hashes() {
    let portal = Portal::start().await;
    let pending = begin(&portal, &Terminal::new(1)).await;
    let token = portal.token(PLACE).await;
    let files: Vec<u8> = ["portal.db", "portal.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(portal.dir.path().join(name)).unwrap())
        .collect();
    let holds = |secret: &str| {
        files
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(
        holds(pending["user_code"].as_str().unwrap()),
        "the search finds what is there"
    );
    assert!(!holds(pending["device_code"].as_str().unwrap()));
    assert!(!holds(&token));
}

#[tokio::test]
async fn a_token_enrols_at_once_and_only_once() {
    let portal = Portal::start().await;
    let token = portal.token(PLACE).await;
    let first = Terminal::new(1).try_token(&portal, &token).await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = Terminal::new(1).try_token(&portal, &token).await;
    assert_eq!(
        first.json(),
        again.json(),
        "the same machine asks again because the answer was lost"
    );

    let refused = Terminal::new(2)
        .try_token(&portal, &token)
        .await
        .problem(403);
    assert_eq!(refused["type"], "enrolment-token-refused");
    Terminal::new(2)
        .try_token(&portal, "never made")
        .await
        .problem(403);
    let late = portal.token(PLACE).await;
    portal.clock.advance(Duration::from_secs(86_400));
    Terminal::new(2)
        .try_token(&portal, &late)
        .await
        .problem(403);
    assert_eq!(portal.state.storage.terminals().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_keeps_its_id_and_moves_to_the_new_place() {
    let portal = Portal::start().await;
    let mut terminal = portal.terminal(1).await;
    let id = terminal.id;
    terminal.hand_in(&portal, 1..=2).await;
    portal.clock.advance(Duration::from_secs(3600));
    let token = portal.token(OTHER_PLACE).await;
    terminal.enrol_with(&portal, &token).await;
    assert_eq!(terminal.id, id);
    assert_eq!(portal.only_terminal().await.place.to_string(), OTHER_PLACE);

    // Its journal goes on. What was rated before the move counts where it was rated.
    let now = portal.state.clock.unix_ms();
    let delivery = json!({
        "terminal": id, "clock": {"boot": terminal.boot, "up_ms": 7_200_000, "wall": "1970-01-01T00:00:00Z", "synced": false},
        "events": [terminal.rating(3, 5), terminal.event(4, "rating", &json!({
            "up_ms": 7_200_000, "score": 5, "lang": "ky", "input": "touch"}))],
    });
    assert_all(
        &terminal.post(&portal, EVENTS, &delivery).await.ok(),
        "accepted",
    );
    let places: Vec<(u64, String, i64)> = portal
        .database()
        .prepare("SELECT seq, place, rated_at FROM ratings WHERE seq > 2 ORDER BY seq")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(places[0].1, PLACE);
    assert_eq!(places[1], (4, OTHER_PLACE.to_owned(), now));
}

#[tokio::test]
async fn a_new_seal_key_is_taken_until_the_first_event_and_not_after_it() {
    let portal = Portal::start().await;
    let mut terminal = portal.terminal(1).await;
    terminal.seal_key = SealKey::from_bytes([77; 32]);
    let token = portal.token(PLACE).await;
    terminal.enrol_with(&portal, &token).await;
    assert_all(&terminal.hand_in(&portal, 1..=3).await, "accepted");

    let kept = std::mem::replace(&mut terminal.seal_key, SealKey::from_bytes([78; 32]));
    let token = portal.token(PLACE).await;
    terminal.enrol_with(&portal, &token).await;
    terminal.seal_key = kept;
    assert_all(&terminal.hand_in(&portal, 4..=5).await, "accepted");
}

#[tokio::test]
async fn a_retired_terminal_cannot_enrol_again_with_its_key() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    portal.retire(&terminal).await;
    let token = portal.token(PLACE).await;
    assert_eq!(
        terminal.try_token(&portal, &token).await.problem(403)["type"],
        "terminal-retired"
    );
    let asked = terminal
        .post_as_machine(&portal, ENROLMENTS, &terminal.enrolment())
        .await;
    assert_eq!(asked.problem(403)["type"], "terminal-retired");
    assert_eq!(
        Terminal::new(2).try_token(&portal, &token).await.status,
        200,
        "the token was not spent"
    );
}

#[tokio::test]
async fn an_enrolment_must_be_signed_with_the_key_it_names() {
    let portal = Portal::start().await;
    let (terminal, other) = (Terminal::new(1), SigningKey::from_bytes(&[2; 32]));
    let body = terminal.enrolment().to_string().into_bytes();
    let wrong = signed(
        &other,
        &terminal.public_key(),
        "POST",
        ENROLMENTS,
        body.clone(),
        &[],
    );
    portal.send(wrong).await.problem(401);
    let named_otherwise = signed(
        &other,
        &Terminal::new(2).public_key(),
        "POST",
        ENROLMENTS,
        body.clone(),
        &[],
    );
    portal.send(named_otherwise).await.problem(401);
    let not_a_key = signed(
        &terminal.key,
        &Id::from_parts(1, [1; 10]).to_string(),
        "POST",
        ENROLMENTS,
        body,
        &[],
    );
    portal.send(not_a_key).await.problem(401);
    let unsigned = axum::http::Request::post(ENROLMENTS)
        .body(terminal.enrolment().to_string().into())
        .unwrap();
    portal.send(unsigned).await.problem(401);
}

#[tokio::test]
async fn a_request_that_lacks_something_says_what() {
    let portal = Portal::start().await;
    let terminal = Terminal::new(1);
    let mut request = terminal.enrolment();
    request.as_object_mut().unwrap().remove("software");
    let problem = terminal
        .post_as_machine(&portal, ENROLMENTS, &request)
        .await
        .problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("software"),
        "{problem}"
    );
    let mut request = terminal.enrolment();
    request["seal_key"] = json!("AAAA");
    let problem = terminal
        .post_as_machine(&portal, ENROLMENTS, &request)
        .await
        .problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("seal_key"),
        "{problem}"
    );
}
