//! Where organisations stand in lists, and how they and places are found by words.

use pikir_contract::Texts;
use rusqlite::{Connection, params_from_iter};

use super::{OrganizationRecord, PLACE_COLUMNS, PlaceRecord, read_organization, read_place};
use crate::domain::alphabet;
use crate::storage::{Storage, StorageError};

/// Words of a search that are looked for; more narrow nothing.
const MAX_WORDS: usize = 8;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Entries before it.
    pub skip: usize,
    /// Entries in it, at most.
    pub limit: usize,
}

/// What a list is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Every organisation.
    All,
    /// Organisations that stand below no other.
    Tops,
    /// The units directly below this one.
    Below(String),
    /// Those found by these words, each the beginning of one in a name or the code.
    Found(String),
}

/// A part of a list, and how much there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// What stands in this part.
    pub entries: Vec<T>,
    /// Entries of the whole list.
    pub total: usize,
}

impl Storage {
    /// A part of a list of organisations, in the order of the language's alphabet.
    pub async fn list_organizations(
        &self,
        language: &'static str,
        listing: Listing,
        part: Part,
    ) -> Result<Listed<OrganizationRecord>, StorageError> {
        self.sqlite
            .read(move |db| list(db, language, &listing, part))
            .await
    }

    /// Places found by words of their own or of their organisation's, with its name; all places
    /// without any word.
    pub async fn find_places(
        &self,
        language: &'static str,
        search: &str,
        limit: usize,
    ) -> Result<Vec<(PlaceRecord, Texts)>, StorageError> {
        let words = search_words(search);
        self.sqlite
            .read(move |db| places(db, language, &words, limit))
            .await
    }
}

fn search_words(search: &str) -> Vec<String> {
    alphabet::words(search)
        .into_iter()
        .take(MAX_WORDS)
        .collect()
}

/// The bounds between which words with these beginnings lie.
fn bounds(words: &[String]) -> impl Iterator<Item = String> {
    words
        .iter()
        .flat_map(|word| [word.clone(), format!("{word}{}", char::MAX)])
}

pub(in crate::storage) fn list(
    db: &Connection,
    language: &str,
    listing: &Listing,
    Part { skip, limit }: Part,
) -> Result<Listed<OrganizationRecord>, StorageError> {
    let (which, values) = match listing {
        Listing::All => ("TRUE".to_owned(), Vec::new()),
        Listing::Tops => ("n.parent = ?2".to_owned(), vec![String::new()]),
        Listing::Below(code) => ("n.parent = ?2".to_owned(), vec![code.clone()]),
        Listing::Found(search) => {
            let words = search_words(search);
            if words.is_empty() {
                return Ok(Listed {
                    entries: Vec::new(),
                    total: 0,
                });
            }
            let each: Vec<String> = (0..words.len())
                .map(|at| {
                    let (from, to) = (2 * at + 2, 2 * at + 3);
                    format!("SELECT code FROM words WHERE word >= ?{from} AND word < ?{to}")
                })
                .collect();
            let all = format!("n.code IN ({})", each.join(" INTERSECT "));
            (all, bounds(&words).collect())
        }
    };
    let mut values: Vec<String> = [language.to_owned()].into_iter().chain(values).collect();
    let mut counting = db.prepare_cached(&format!(
        "SELECT count(*) FROM name_order n WHERE n.lang = ?1 AND {which}"
    ))?;
    let total = counting.query_row(params_from_iter(&values), |row| row.get(0))?;
    let (at_limit, at_skip) = (values.len() + 1, values.len() + 2);
    values.extend([limit.to_string(), skip.to_string()]);
    let mut listing = db.prepare_cached(&format!(
        "SELECT o.code, o.parent, o.names, o.version
         FROM name_order n CROSS JOIN organizations o ON o.code = n.code
         WHERE n.lang = ?1 AND {which} ORDER BY n.sort_key, n.code
         LIMIT CAST(?{at_limit} AS INTEGER) OFFSET CAST(?{at_skip} AS INTEGER)"
    ))?;
    let entries = listing
        .query_and_then(params_from_iter(&values), read_organization)?
        .collect::<Result<_, _>>()?;
    Ok(Listed { entries, total })
}

fn places(
    db: &Connection,
    language: &str,
    words: &[String],
    limit: usize,
) -> Result<Vec<(PlaceRecord, Texts)>, StorageError> {
    let each: Vec<String> = (0..words.len())
        .map(|at| {
            let range = format!("w.word >= ?{} AND w.word < ?{}", 2 * at + 3, 2 * at + 4);
            format!(
                "SELECT code FROM (SELECT w.code FROM place_words w WHERE {range}
                 UNION SELECT q.code FROM words w JOIN places q ON q.organization = w.code WHERE {range})"
            )
        })
        .collect();
    let which = match each.is_empty() {
        true => String::new(),
        false => format!("WHERE p.code IN ({})", each.join(" INTERSECT ")),
    };
    let limit = limit.to_string();
    let values: Vec<String> = [language.to_owned(), limit]
        .into_iter()
        .chain(bounds(words))
        .collect();
    let mut found = db.prepare_cached(&format!(
        "SELECT {PLACE_COLUMNS}, o.names AS organization_names
         FROM places p JOIN organizations o ON o.code = p.organization
         JOIN name_order n ON n.code = p.organization AND n.lang = ?1
         {which} ORDER BY n.sort_key, p.organization, p.name, p.code LIMIT CAST(?2 AS INTEGER)"
    ))?;
    let read = |row: &rusqlite::Row<'_>| -> Result<_, StorageError> {
        let names = row.get::<_, String>("organization_names")?;
        Ok((read_place(row)?, serde_json::from_str(&names)?))
    };
    found
        .query_and_then(params_from_iter(&values), read)?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn storage(names: &[(&str, Option<&str>, &str)]) -> (tempfile::TempDir, Storage) {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(dir.path()).unwrap();
        let organization = |(code, parent, name): &(&str, Option<&str>, &str)| OrganizationRecord {
            code: (*code).to_owned(),
            parent: parent.map(str::to_owned),
            names: Texts::from([("ky", *name)]),
            version: 1,
        };
        let organizations = names.iter().map(organization).collect();
        storage
            .put_organizations(organizations, Vec::new())
            .await
            .unwrap();
        (dir, storage)
    }

    async fn codes(
        storage: &Storage,
        listing: Listing,
        skip: usize,
        limit: usize,
    ) -> (Vec<String>, usize) {
        let part = Part { skip, limit };
        let listed = storage
            .list_organizations("ky", listing, part)
            .await
            .unwrap();
        let codes = listed.entries.into_iter().map(|one| one.code);
        (codes.collect(), listed.total)
    }

    fn found(search: &str) -> Listing {
        Listing::Found(search.to_owned())
    }

    #[tokio::test]
    async fn lists_come_in_parts_in_the_order_of_the_alphabet() {
        let names = [
            ("b", None, "Өзгөн"),
            ("a", None, "Панфилов"),
            ("c", None, "Ош"),
            ("d", Some("a"), "Аламүдүн"),
        ];
        let (_dir, storage) = storage(&names).await;
        assert_eq!(
            codes(&storage, Listing::Tops, 0, 2).await,
            (vec!["c".into(), "b".into()], 3)
        );
        assert_eq!(
            codes(&storage, Listing::Tops, 2, 2).await,
            (vec!["a".into()], 3)
        );
        let below = Listing::Below("a".to_owned());
        assert_eq!(codes(&storage, below, 0, 9).await, (vec!["d".into()], 1));
    }

    #[tokio::test]
    async fn an_organisation_is_found_by_beginnings_of_words_and_by_its_code() {
        let names = [
            ("KG-1", None, "Өзгөн райондук бөлүмү"),
            ("KG-2", None, "Ош шаардык бөлүмү"),
        ];
        let (_dir, storage) = storage(&names).await;
        for (search, expected) in [
            ("озгон", &["KG-1"][..]),
            ("БӨЛ", &["KG-1", "KG-2"]),
            ("бол ош", &["KG-2"]),
            ("kg-2", &["KG-2"]),
            ("згөн", &[]),
            ("%", &[]),
        ] {
            let (mut codes, total) = codes(&storage, found(search), 0, 9).await;
            codes.sort();
            assert_eq!(
                (codes, total),
                (
                    expected.iter().map(|it| (*it).to_owned()).collect(),
                    expected.len()
                ),
                "{search}"
            );
        }
        let organization = OrganizationRecord {
            code: "KG-1".to_owned(),
            parent: None,
            names: Texts::from([("ky", "Талас")]),
            version: 1,
        };
        storage
            .put_organizations(vec![organization], Vec::new())
            .await
            .unwrap();
        assert_eq!(codes(&storage, found("озгон"), 0, 9).await.1, 0);
        assert_eq!(codes(&storage, found("талас"), 0, 9).await.1, 1);
    }

    #[tokio::test]
    async fn what_an_older_program_wrote_is_found_after_the_database_was_opened_anew() {
        let (dir, storage) = storage(&[("KG-1", None, "Өзгөн")]).await;
        let forget = |db: &Connection| {
            db.execute_batch(
                "DELETE FROM words; DELETE FROM name_order; UPDATE search_version SET version = 0",
            )?;
            Ok(())
        };
        storage.sqlite.write(forget).await.unwrap();
        assert_eq!(codes(&storage, found("озгон"), 0, 9).await.1, 0);
        drop(storage);
        let storage = Storage::open(dir.path()).unwrap();
        assert_eq!(codes(&storage, found("озгон"), 0, 9).await.1, 1);
        assert_eq!(codes(&storage, Listing::Tops, 0, 9).await.1, 1);
    }

    #[tokio::test]
    async fn thousands_of_organisations_are_listed_in_parts_in_the_order_of_their_numbers() {
        const NAMES: usize = 4_000;
        let names: Vec<(String, String)> = (0..NAMES)
            .map(|n| (format!("c-{n}"), format!("Бөлүм {n}")))
            .collect();
        let names: Vec<_> = names
            .iter()
            .map(|(code, name)| (code.as_str(), None, name.as_str()))
            .collect();
        let (_dir, storage) = storage(&names).await;
        let (first, total) = codes(&storage, found("бөлүм 39"), 0, 50).await;
        assert_eq!((first.len(), total), (50, 111));
        let (all, total) = codes(&storage, Listing::Tops, NAMES - 1, 50).await;
        assert_eq!((all, total), (vec![format!("c-{}", NAMES - 1)], NAMES));
    }
}
