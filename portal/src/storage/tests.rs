//! The database itself: opening it, and sharing commits.

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
