//! Photos that came with reviews.

use pikir_contract::Id;
use rusqlite::{Connection, OptionalExtension};

use crate::storage::{NewReview, Storage, StorageError};

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
    /// A photo of a review as a JPEG file, counted from 1; `only_shown`: only if everybody may see it.
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

pub(in crate::storage) fn insert(db: &Connection, review: &NewReview) -> Result<(), StorageError> {
    let mut statement = db.prepare_cached(
        "INSERT INTO photos (review, number, width, height, jpeg) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (number, photo) in (1_i64..).zip(&review.photos) {
        statement.execute((
            review.id.to_string(),
            number,
            photo.width,
            photo.height,
            &photo.jpeg,
        ))?;
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
