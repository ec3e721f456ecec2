//! Photos that came with reviews.

use pikir_contract::Id;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::storage::{Storage, StorageError};

/// A photo as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The picture as a JPEG file without any metadata.
    pub jpeg: Vec<u8>,
}

impl Storage {
    /// A photo of a review as a JPEG file, counted from 1; `only_shown`: only if everybody may see
    /// it.
    pub async fn photo(
        &self,
        review: Id,
        number: u8,
        only_shown: bool,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.sqlite
            .read(move |db| find(db, review, number, only_shown))
            .await
    }

    /// How many photos wait for a moderator.
    pub async fn waiting_photos(&self) -> Result<u64, StorageError> {
        let sql = "SELECT coalesce(sum(photos), 0) FROM reviews WHERE photos > 0 AND state = 'new'";
        self.sqlite
            .read(move |db| Ok(db.query_row(sql, [], |row| row.get(0))?))
            .await
    }
}

/// The photos of a review in their order.
pub(in crate::storage) fn of(db: &Connection, review: &str) -> Result<Vec<Photo>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT width, height, jpeg FROM photos WHERE review = ?1 ORDER BY number",
    )?;
    let photo = |row: &Row<'_>| {
        Ok(Photo {
            width: row.get(0)?,
            height: row.get(1)?,
            jpeg: row.get(2)?,
        })
    };
    Ok(statement
        .query_map([review], photo)?
        .collect::<Result<_, _>>()?)
}

/// Puts other photos in the place of a review's; nobody has looked at them yet.
pub(in crate::storage) fn replace(
    db: &Connection,
    review: &str,
    photos: &[Photo],
) -> Result<(), StorageError> {
    db.prepare_cached("DELETE FROM photos WHERE review = ?1")?
        .execute([review])?;
    db.prepare_cached("UPDATE reviews SET photos = ?2, photos_shown = 0 WHERE id = ?1")?
        .execute((review, photos.len()))?;
    insert(db, review, photos)
}

pub(in crate::storage) fn insert(
    db: &Connection,
    review: &str,
    photos: &[Photo],
) -> Result<(), StorageError> {
    let mut statement = db.prepare_cached(
        "INSERT INTO photos (review, number, width, height, jpeg) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (number, photo) in (1_i64..).zip(photos) {
        statement.execute((review, number, photo.width, photo.height, &photo.jpeg))?;
    }
    Ok(())
}

fn find(
    db: &Connection,
    review: Id,
    number: u8,
    only_shown: bool,
) -> Result<Option<Vec<u8>>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT jpeg FROM photos JOIN reviews ON reviews.id = photos.review
         WHERE review = ?1 AND number = ?2 AND (photos_shown OR NOT ?3)",
    )?;
    let found = statement.query_row((review.to_string(), number, only_shown), |row| row.get(0));
    Ok(found.optional()?)
}
