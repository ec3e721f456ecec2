//! The database itself: opening it, and sharing commits.

use std::path::{Path, PathBuf};

use super::*;

fn count(storage: &Storage) -> impl Future<Output = Result<u64, StorageError>> + '_ {
    storage
        .sqlite
        .read(|db| Ok(db.query_row("SELECT count(*) FROM organizations", [], |row| row.get(0))?))
}

fn insert(code: &str) -> impl FnOnce(&rusqlite::Connection) -> Result<(), StorageError> + use<> {
    let code = code.to_owned();
    move |db| {
        db.execute(
            "INSERT INTO organizations (code, names) VALUES (?1, '{}')",
            [code],
        )?;
        Ok(())
    }
}

#[tokio::test]
async fn a_write_that_fails_takes_nothing_of_the_others_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    let fails = storage.sqlite.write(|db| -> Result<(), StorageError> {
        insert("lost")(db)?;
        Err(StorageError::unreadable("on purpose"))
    });
    let panics = storage.sqlite.write(|db| -> Result<(), StorageError> {
        insert("lost too")(db)?;
        panic!("on purpose")
    });
    let (one, failed, panicked, two) = tokio::join!(
        storage.sqlite.write(insert("one")),
        fails,
        panics,
        storage.sqlite.write(insert("two"))
    );
    one.unwrap();
    two.unwrap();
    assert!(matches!(failed, Err(StorageError::Unreadable(_))));
    assert!(panicked.unwrap_err().to_string().contains("on purpose"));
    assert_eq!(count(&storage).await.unwrap(), 2);
}

#[tokio::test]
async fn what_was_written_is_there_when_the_database_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    Storage::open(dir.path())
        .unwrap()
        .sqlite
        .write(insert("one"))
        .await
        .unwrap();
    assert_eq!(count(&Storage::open(dir.path()).unwrap()).await.unwrap(), 1);
}

#[test]
fn a_missing_data_directory_is_named_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let error = Storage::open(&dir.path().join("nowhere"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("nowhere") && error.contains("install -d"),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    let newer = |db: &rusqlite::Connection| {
        db.execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )?;
        Ok(())
    };
    storage.sqlite.write(newer).await.unwrap();
    drop(storage);
    let error = Storage::open(dir.path()).unwrap_err();
    assert!(matches!(error, StorageError::Newer { .. }), "{error}");
}

/// The database as a program without the newest migration leaves it.
async fn of_an_older_program(dir: &Path) -> PathBuf {
    let storage = Storage::open(dir).unwrap();
    let forget = |db: &rusqlite::Connection| {
        db.execute(
            "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)",
            [],
        )?;
        Ok(())
    };
    storage.sqlite.write(forget).await.unwrap();
    dir.join(DATABASE_FILE)
}

#[tokio::test]
async fn a_command_beside_an_older_database_changes_nothing_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = of_an_older_program(dir.path()).await;
    let schema = || {
        let db = rusqlite::Connection::open(&path).unwrap();
        let count = "SELECT (SELECT max(version) FROM refinery_schema_history), count(*) FROM sqlite_schema";
        db.query_row(count, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .unwrap()
    };
    let before = schema();
    let error = Storage::open_file(&path, Migrating::No).unwrap_err();
    assert!(matches!(error, StorageError::Older { .. }), "{error}");
    assert!(
        error.to_string().contains("pikir-portal migrate"),
        "{error}"
    );
    assert_eq!(schema(), before);
}

#[tokio::test]
async fn a_schema_is_not_changed_under_a_program_that_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let running = Storage::open(dir.path()).unwrap();
    let path = of_an_older_program(dir.path()).await;
    let error = Storage::migrate_file(&path).unwrap_err();
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
    count(&running).await.unwrap();
}

#[test]
fn a_command_makes_a_new_database_and_opens_it_beside_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = file_in(dir.path()).unwrap();
    let open = || Storage::open_file(&path, Migrating::No).unwrap();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        let _all: Vec<Storage> = all.into_iter().map(|one| one.join().unwrap()).collect();
    });
    let again = Storage::migrate_file(&path).unwrap();
    assert_eq!(again.from, Some(again.to));
}

#[tokio::test]
async fn pages_that_take_long_hold_up_neither_deliveries_nor_the_watchdog() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    let (go_on, slow) = std::sync::mpsc::channel::<()>();
    let slow = std::sync::Arc::new(std::sync::Mutex::new(slow));
    let pages: Vec<_> = (0..50)
        .map(|_| {
            let (storage, slow) = (storage.clone(), std::sync::Arc::clone(&slow));
            tokio::spawn(async move {
                let wait = move |_: &rusqlite::Connection| {
                    // An error says that all may go on.
                    let _ = slow.lock().unwrap().recv();
                    Ok(())
                };
                storage.sqlite.read(wait).await
            })
        })
        .collect();
    for lane in [Lane::Health, Lane::Terminals] {
        storage.in_lane(lane).check().await.unwrap();
    }
    drop(go_on);
    for page in pages {
        page.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_page_that_nobody_waits_for_any_more_keeps_its_reader_until_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let health = Storage::open(dir.path()).unwrap().in_lane(Lane::Health);
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let reading = tokio::spawn({
        let health = health.clone();
        async move {
            let slow = move |_: &rusqlite::Connection| {
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok(())
            };
            health.sqlite.read(slow).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    let mut next = std::pin::pin!(health.check());
    assert!(
        futures_poll_once(next.as_mut()).await.is_none(),
        "the only reader is still in use"
    );
    go_on.send(()).unwrap();
    next.await.unwrap();
}

/// What a future says when it is asked once.
async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn the_database_is_readable_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _storage = Storage::open(dir.path()).unwrap();
    for name in [DATABASE_FILE, "portal.db-wal"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// What a portal held before its rules were published becomes exclusions, boots and notices.
#[test]
fn what_was_kept_before_is_brought_along() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    for migration in [
        include_str!("../../migrations/V1__terminals.sql"),
        include_str!("../../migrations/V2__people.sql"),
    ] {
        db.execute_batch(migration).unwrap();
    }
    db.execute_batch(
        r#"INSERT INTO organizations (code, names) VALUES ('con', '{}');
        INSERT INTO places VALUES ('B4XK', 'con', NULL, 'Hall', '{}', '["ky"]', 'ky', x'00', 1, 0);
        INSERT INTO terminals (key, id, public_key, place, model, serial, software, enrolled_at, seal_key, ratchet_key)
            VALUES (1, 'a', x'01', 'B4XK', 'Pi', '7', '1', 0, x'00', x'00'), (2, 'b', x'02', 'B4XK', 'Pi', '7', '1', 5, x'00', x'00');
        INSERT INTO placements VALUES (1, 0, 'B4XK');
        INSERT INTO boots VALUES (1, 'boot', 1000, 'synced');
        INSERT INTO events VALUES
            (1, 1, 'notice', '{"boot":"boot","up_ms":5,"what":"boot"}', x'00', 'accepted', NULL, 9),
            (1, 2, 'rating', '{"boot":"boot","up_ms":50,"x":300,"y":700}', x'00', 'accepted', NULL, 9),
            (1, 3, 'rating', '[]', x'00', 'malformed', 'is not an object', 9),
            (1, 4, 'smile', '{"boot":4,"up_ms":"late"}', x'00', 'accepted', NULL, 9);
        INSERT INTO ratings VALUES
            (1, 2, 'id', 'B4XK', 'con', 5, 'ky', 'touch', NULL, '["burst","mood"]', 1, 0, 'boot', 50, 1050, 'synced');"#,
    )
    .unwrap();
    db.execute_batch(include_str!("../../migrations/V3__counting.sql"))
        .unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(
        texts("SELECT rule || ' ' || found_by || ' ' || made_at FROM exclusions ORDER BY rule"),
        ["burst terminal 9", "other terminal 9"]
    );
    assert_eq!(
        texts(
            "SELECT format('%s %d-%d %d-%d %d %d', boot, first_seq, last_seq, from_up_ms, to_up_ms, offset_ms,
                 uncertainty_ms) FROM boot_runs"
        ),
        ["boot 1-2 5-50 1000 1000"]
    );
    assert_eq!(
        texts("SELECT format('%d %d %d', x, y, uncertainty_ms) FROM ratings"),
        ["300 700 1000"]
    );
    assert_eq!(texts("SELECT what FROM notices"), ["boot"]);
    assert_eq!(
        texts("SELECT CAST(follows AS TEXT) FROM terminals WHERE key = 2"),
        ["1"]
    );
}

/// How SQLite goes about this: one line for each table and each sorting.
async fn plan(storage: &Storage, sql: String, parameters: usize) -> Vec<String> {
    let explain = move |db: &rusqlite::Connection| {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let parameters = rusqlite::params_from_iter(vec!["x"; parameters]);
        let rows = statement.query_map(parameters, |row| row.get("detail"))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    storage.sqlite.read(explain).await.unwrap()
}

#[tokio::test]
async fn the_figures_of_answers_are_read_from_indexes_that_hold_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    let [services, given @ ..] = answers::queries(answers::Standing::OnSite);
    let services = plan(&storage, services, 1).await;
    let by_service = "SEARCH ratings USING COVERING INDEX ratings_by_service (organization=? AND withdrawn=? AND flagged=?";
    assert!(
        services.iter().any(|line| line.starts_with(by_service)),
        "{services:#?}"
    );
    for sql in given {
        let plan = plan(&storage, sql, 1).await;
        let answered = "SEARCH r USING COVERING INDEX ratings_answered (organization=? AND withdrawn=? AND flagged=?)";
        assert!(plan.contains(&answered.to_owned()), "{plan:#?}");
    }
}

#[tokio::test]
async fn lists_of_comments_are_read_in_order_from_their_own_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path()).unwrap();
    for order in ["ASC", "DESC"] {
        let plan = plan(&storage, review_lists::to_read(order, 10), 2).await;
        for expected in [
            "SEARCH reviews USING INDEX reviews_to_read (state=? AND id<?)",
            "SEARCH a USING INDEX answered_to_moderate (state=? AND id<?)",
            "SEARCH r USING INDEX ratings_by_event (terminal=? AND event_id=?)",
        ] {
            assert!(plan.contains(&expected.to_owned()), "{plan:#?}");
        }
        // Only the two pages together are sorted.
        let sorted = plan.iter().filter(|line| line.contains("ORDER BY"));
        assert_eq!(sorted.count(), 1, "{plan:#?}");
    }
    let plan = plan(&storage, review_lists::published(10), 2).await;
    for expected in [
        "SEARCH reviews USING INDEX reviews_published (organization=? AND id<?)",
        "SEARCH r USING INDEX ratings_answered (organization=? AND withdrawn=? AND flagged=?)",
    ] {
        assert!(plan.iter().any(|line| line == expected), "{plan:#?}");
    }
}

/// The database of a portal as the program before the phone's marks left it: one review with each
/// way of coming.
fn before_assurance(path: &std::path::Path) {
    let mut db = rusqlite::Connection::open(path).unwrap();
    let to_v9 = schema::embedded::migrations::runner().set_target(refinery::Target::Version(9));
    to_v9.run(&mut db).unwrap();
    db.execute_batch(
        r#"INSERT INTO organizations (code, names) VALUES ('con', '{}');
        INSERT INTO places (code, organization, name, question, languages, default_language, presence_key, created_at)
            VALUES ('B4XK', 'con', 'Hall', '{}', '["ky"]', 'ky', x'00', 0);
        INSERT INTO terminals (key, id, public_key, place, model, serial, software, enrolled_at, seal_key, ratchet_key)
            VALUES (1, '019a9b3c-0000-7000-8000-000000000001', x'01', 'B4XK', 'Pi', '7', '1', 0, x'00', x'00');
        INSERT INTO ratings (terminal, seq, event_id, place, organization, score, lang, input, flags, flagged, boot, up_ms,
                rated_at, time_quality)
            VALUES (1, 2, 'id', 'B4XK', 'con', 5, 'ky', 'touch', '["burst"]', 1, 'boot', 50, 1050, 'synced');
        INSERT INTO exclusions (terminal, seq, rule, found_by, made_at) VALUES (1, 2, 'burst', 'terminal', 9);
        INSERT INTO exclusion_decisions VALUES (7, 1, 2, 'burst', 1, 'A school class', 'aida', 10);
        INSERT INTO answered (terminal, rating, criteria, reasons, comment, id, state, reason, created_at)
            VALUES (1, 'id', '{}', '[]', 'said', 'x', 'declined', 'insult', 1050);
        INSERT INTO reviews (id, status_code, nonce, place, organization, channel, on_site, score, comment, lang, state,
                created_at, photos)
            VALUES ('a', 'A', 'a', 'B4XK', 'con', 'phone', 1, 5, 'kept', 'ky', 'published', 1, 1),
                   ('b', 'B', 'b', 'B4XK', 'con', 'phone', 0, 4, NULL, 'ky', 'new', 1, 0),
                   ('c', 'C', 'c', 'B4XK', 'con', 'poster', 0, 3, NULL, 'ky', 'new', 1, 0);
        INSERT INTO photos VALUES ('a', 1, 4, 3, x'FFD8');"#,
    )
    .unwrap();
}

#[tokio::test]
async fn reviews_from_before_keep_what_was_proven_then_and_everything_that_hangs_on_them() {
    let dir = tempfile::tempdir().unwrap();
    before_assurance(&dir.path().join(DATABASE_FILE));
    let storage = Storage::open(dir.path()).unwrap();
    let texts = async |sql: &'static str| -> Vec<String> {
        let read = move |db: &rusqlite::Connection| {
            let mut statement = db.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        storage.sqlite.read(read).await.unwrap()
    };
    assert_eq!(
        texts("SELECT format('%s %s %d %s', id, assurance, score, coalesce(comment, '-')) FROM reviews ORDER BY id").await,
        ["a on_site 5 kept", "b code 4 -", "c code 3 -"]
    );
    assert_eq!(
        texts("SELECT format('%s %s', e.rule, d.reason) FROM exclusions e
               JOIN exclusion_decisions d ON d.exclusion = e.number WHERE e.terminal = 1 AND e.seq = 2")
        .await,
        ["burst A school class"]
    );
    assert_eq!(texts("SELECT reason FROM answered").await, ["insult"]);
    let photos =
        texts("SELECT hex(jpeg) FROM photos JOIN reviews ON reviews.id = photos.review").await;
    assert_eq!(photos, ["FFD8"]);
    let dangling = texts("SELECT \"table\" || ' ' || parent FROM pragma_foreign_key_check").await;
    assert_eq!(dangling, [] as [&str; 0]);
}
