//! A journal that comes on a stick.

use pikir_portal::services::journal_file::{ImportError, Imported, import};
use pikir_portal::storage::Integrity;
use serde_json::json;

use crate::support::*;

async fn take(portal: &Portal, file: &str) -> (Imported, Result<(), ImportError>) {
    let mut done = Imported::default();
    let result = import(&portal.state.storage, file.as_bytes(), NOW_MS, &mut done).await;
    (done, result)
}

#[tokio::test]
async fn an_imported_journal_lands_once_by_whichever_road_it_comes() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    terminal
        .deliver(&portal, &terminal.ratings(1..=600)[..500])
        .await
        .ok();
    let journal = journal_file(&terminal, &terminal.ratings(1..=1200));
    let (done, result) = take(&portal, &journal).await;
    result.unwrap();
    assert_eq!(
        (done.accepted, done.duplicate, done.received_through),
        (700, 500, 1200)
    );
    let (again, _) = take(&portal, &journal).await;
    assert_eq!((again.accepted, again.duplicate), (0, 1200));
    assert_all(&terminal.hand_in(&portal, 1199..=1200).await, "duplicate");
    assert_all(&terminal.hand_in(&portal, 1201..=1201).await, "accepted");
    assert_eq!(portal.summary().await["total"], 1201);
    assert_eq!(portal.only_terminal().await.integrity, Integrity::Intact);
}

#[tokio::test]
async fn the_exporting_clock_dates_the_ratings_where_it_was_right() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    take(&portal, &journal_file(&terminal, &terminal.ratings(1..=1)))
        .await
        .1
        .unwrap();
    let dated =
        portal
            .database()
            .query_row("SELECT rated_at, time_quality FROM ratings", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            });
    assert_eq!(
        dated.unwrap(),
        (NOW_MS - 3_600_000 + 1_000, "synced".to_owned())
    );
}

#[tokio::test]
async fn a_changed_line_is_reported_not_kept_and_the_true_event_can_still_come() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=5);
    events[2].body["score"] = json!(5);
    let (done, result) = take(&portal, &journal_file(&terminal, &events)).await;
    result.unwrap();
    assert_eq!(
        (done.accepted, done.changed, done.changed_at.as_slice()),
        (4, 1, [(4, 3)].as_slice())
    );
    assert_eq!(done.received_through, 2);
    assert_all(&terminal.hand_in(&portal, 3..=3).await, "accepted");
    assert_eq!(portal.only_terminal().await.integrity, Integrity::Intact);
}

#[tokio::test]
async fn a_changed_line_of_an_event_already_held_does_not_flag_the_terminal() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let mut events = terminal.ratings(1..=3);
    terminal.deliver(&portal, &events).await.ok();
    events[1].body["score"] = json!(1);
    let (done, _) = take(&portal, &journal_file(&terminal, &events)).await;
    assert_eq!((done.changed, done.duplicate), (1, 2));
    assert_eq!(portal.only_terminal().await.integrity, Integrity::Intact);
}

#[tokio::test]
async fn a_broken_line_stops_the_import_after_everything_before_it() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let whole = journal_file(&terminal, &terminal.ratings(1..=10));
    let cut = &whole[..whole.len() - 20];
    let (done, result) = take(&portal, cut).await;
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("line 11") && error.contains("cut off"),
        "{error}"
    );
    assert_eq!((done.accepted, done.received_through), (9, 9));
}

#[tokio::test]
async fn lines_that_were_moved_or_lie_far_ahead_stop_the_import() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let moved = journal_file(
        &terminal,
        &[
            terminal.rating(1, 5),
            terminal.rating(3, 5),
            terminal.rating(2, 5),
        ],
    );
    let (done, result) = take(&portal, &moved).await;
    assert!(result.unwrap_err().to_string().contains("line 4"));
    assert_eq!(done.accepted, 2);
    let mut far = terminal.rating(4, 5);
    far.seq = 5_000_000;
    let (_, result) = take(&portal, &journal_file(&terminal, &[far])).await;
    assert!(result.unwrap_err().to_string().contains("5000000"));
}

#[tokio::test]
async fn a_file_that_is_no_journal_of_this_portal_says_so() {
    let portal = Portal::start().await;
    let stranger = Terminal::new(7);
    let unknown = take(&portal, &journal_file(&stranger, &[]))
        .await
        .1
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("does not know the terminal"), "{unknown}");
    for wrong in ["", "hello\n", "{\"pikir_journal\": 1}\n", "{}\n"] {
        let error = take(&portal, wrong).await.1.unwrap_err().to_string();
        assert!(error.starts_with("line 1: "), "{error}");
    }
    let newer = journal_file(&stranger, &[]).replace("\"pikir_journal\":1", "\"pikir_journal\":2");
    assert!(
        take(&portal, &newer)
            .await
            .1
            .unwrap_err()
            .to_string()
            .contains("newer")
    );
}
