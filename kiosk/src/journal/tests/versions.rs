//! Journals of other versions of the program.

use super::*;

/// A journal with one rating that a program from the future has opened.
fn fill_as_a_newer_program(desk: &Desk) {
    drop(desk.filled(1));
    rusqlite::Connection::open(desk.path())
        .unwrap()
        .execute(
            "INSERT INTO schema_history VALUES (4, 'future', '9.0.0')",
            [],
        )
        .unwrap();
}

#[test]
fn a_journal_of_a_newer_program_is_refused_with_a_clear_message_and_left_alone() {
    let desk = Desk::new();
    fill_as_a_newer_program(&desk);
    let message = Journal::open(&desk.path()).err().unwrap().to_string();
    assert!(
        message.contains("newer version of pikir-kiosk"),
        "{message}"
    );
}

#[test]
fn a_journal_of_the_first_version_keeps_everything_and_learns_where_its_boots_begin() {
    let desk = Desk::new();
    let mut old = rusqlite::Connection::open(desk.path()).unwrap();
    crate::journal::file::schema::create_version(&mut old, 1).unwrap();
    // As the library left it that kept the history of the first journals.
    old.execute_batch(
        "DROP TABLE schema_history;
         CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
         INSERT INTO refinery_schema_history VALUES (1, 'journal', '2026-01-31T12:00:00.123Z', '17');",
    )
    .unwrap();
    let boots = [
        "11111111-1111-4222-8333-444455556666",
        "22222222-1111-4222-8333-444455556666",
    ];
    for seq in 1..=4 {
        let body = format!(r#"{{"boot":"{}","id":"{}"}}"#, boots[seq / 3], seq);
        old.execute(
            "INSERT INTO events (seq, kind, body, seal, fate) VALUES (?1, 'rating', ?2, ?3, ?4)",
            rusqlite::params![
                seq as i64,
                body,
                [7_u8; 16],
                (seq == 2).then_some("rejected")
            ],
        )
        .unwrap();
    }
    old.execute_batch(&format!(
        "INSERT INTO chain (id, terminal, next_seq, ratchet, received_through)
             VALUES (1, '{}', 6, zeroblob(32), 2);
         INSERT INTO boots VALUES ('{}', 77, 'synced');
         INSERT INTO events VALUES (5, 'notice', 'not JSON', zeroblob(16), NULL, NULL);",
        desk.entropy.id(1),
        boots[0]
    ))
    .unwrap();
    let rows = |connection: &rusqlite::Connection, sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells: Result<Vec<_>, _> = (0..columns)
                .map(|i| {
                    row.get::<_, rusqlite::types::Value>(i)
                        .map(|v| format!("{v:?}"))
                })
                .collect();
            cells.map(|cells| cells.join(" "))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    let events = "SELECT * FROM events ORDER BY seq";
    let chain = "SELECT id, terminal, next_seq, ratchet, received_through FROM chain";
    let before = (rows(&old, events), rows(&old, chain));
    drop(old);
    let journal = Journal::open(&desk.path()).unwrap();
    let connection = journal.connection();
    assert_eq!((rows(connection, events), rows(connection, chain)), before);
    assert_eq!(journal.offsets().unwrap()[0].offset_ms, 77);
    assert_eq!(
        rows(
            connection,
            "SELECT first_seq, offset_ms FROM boots ORDER BY boot"
        ),
        ["Integer(1) Integer(77)", "Integer(3) Null"]
    );
}

#[test]
fn the_running_terminal_neither_sets_a_newer_journal_aside_nor_writes_to_it() {
    let desk = Desk::new();
    fill_as_a_newer_program(&desk);
    let keeper = desk.keeper();
    let fault = keeper.published().fault.unwrap().detail;
    assert!(fault.contains("newer version of pikir-kiosk"), "{fault}");
    assert!(!desk.dir.path().join("damaged").exists());
    assert!(desk.path().exists());
}

#[test]
fn a_damaged_entry_in_the_history_of_the_schema_is_damage_and_not_a_newer_program() {
    for change in [
        "UPDATE schema_history SET version = 7 WHERE version = 2",
        "UPDATE schema_history SET version = 7 WHERE version = 3",
        "INSERT INTO schema_history VALUES (33, 'rating', '{}')",
        "UPDATE schema_history SET name = 'sur5ival' WHERE version = 2",
        "DELETE FROM schema_history WHERE version = 2",
        "DELETE FROM schema_history WHERE version = 3",
        "DELETE FROM schema_history",
        "DROP TABLE schema_history",
    ] {
        let desk = Desk::new();
        drop(desk.filled(1));
        let connection = rusqlite::Connection::open(desk.path()).unwrap();
        connection.execute(change, []).unwrap();
        drop(connection);
        let error = Journal::open(&desk.path()).err().unwrap();
        assert!(error.is_damage(), "{change}: {error}");
    }
}
