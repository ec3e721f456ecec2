//! What lists and the search find of organisations and places, kept beside them.

use pikir_contract::Texts;
use rusqlite::Connection;

use crate::domain::alphabet;
use crate::storage::StorageError;

/// Whose name stands where a language has none of its own: the pages' fallback.
const FALLBACK_LANGUAGE: &str = "ru";

/// Makes an organisation found, and puts it in its place in the lists.
pub(in crate::storage) fn index_organization(
    db: &Connection,
    code: &str,
    parent: Option<&str>,
    names: &Texts,
) -> Result<(), StorageError> {
    db.prepare_cached("DELETE FROM words WHERE code = ?1")?
        .execute([code])?;
    db.prepare_cached("DELETE FROM name_order WHERE code = ?1")?
        .execute([code])?;
    let mut words = alphabet::words(code);
    for (_, name) in names.iter() {
        words.append(&mut alphabet::words(name));
    }
    let mut insert = db.prepare_cached("INSERT INTO words (word, code) VALUES (?1, ?2)")?;
    for word in words {
        insert.execute((word, code))?;
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO name_order (lang, parent, sort_key, code) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let parent = parent.unwrap_or_default();
    for language in alphabet::languages() {
        let name = names.get(language, FALLBACK_LANGUAGE).unwrap_or_default();
        let key = alphabet::sort_key(language, name);
        insert.execute((language, parent, key, code))?;
    }
    Ok(())
}

/// Makes a new place found by its code and these texts.
pub(in crate::storage) fn index_place(
    db: &Connection,
    code: &str,
    texts: [&str; 2],
) -> Result<(), StorageError> {
    let text = format!("{} {code}", texts.join(" "));
    let mut insert = db.prepare_cached("INSERT INTO place_words (word, code) VALUES (?1, ?2)")?;
    for word in alphabet::words(&text) {
        insert.execute((word, code))?;
    }
    Ok(())
}

/// Makes anew what was made another way, or before there was any.
pub(in crate::storage) fn refresh(connection: &mut Connection) -> Result<(), StorageError> {
    let version = alphabet::version();
    let transaction = connection.transaction()?;
    let made: Option<i64> =
        transaction.query_row("SELECT max(version) FROM search_version", [], |row| {
            row.get(0)
        })?;
    if made == Some(version) {
        return Ok(());
    }
    transaction.execute_batch(
        "DELETE FROM search_version; DELETE FROM words; DELETE FROM place_words; DELETE FROM name_order;",
    )?;
    transaction.execute(
        "INSERT INTO search_version (version) VALUES (?1)",
        [version],
    )?;
    {
        let mut all = transaction.prepare("SELECT code, parent, names FROM organizations")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let (code, parent): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let names: Texts = serde_json::from_str(&row.get::<_, String>(2)?)?;
            index_organization(&transaction, &code, parent.as_deref(), &names)?;
        }
        let mut all = transaction.prepare("SELECT code, name, ifnull(unit, '') FROM places")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let [code, name, unit]: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            index_place(&transaction, &code, [&name, &unit])?;
        }
    }
    transaction.commit()?;
    Ok(())
}
