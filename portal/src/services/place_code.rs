//! New places under a code that is made up.

use pikir_contract::PlaceCode;

use crate::platform::entropy::Entropy;
use crate::storage::{AddedPlace, PlaceRecord, Storage, StorageError};

/// Symbols of a code that is made up: short to type, and one in a billion is taken.
const CODE_SYMBOLS: usize = 6;
/// Codes tried before giving up: that all are taken does not happen by chance.
const TRIES: usize = 8;

/// A new place's code, of symbols that are not mistaken for each other.
pub fn made_up(entropy: &Entropy) -> PlaceCode {
    // Crockford symbols in upper case are a place code.
    entropy
        .crockford(CODE_SYMBOLS)
        .parse()
        .expect("Crockford symbols")
}

/// Adds a place whose code was made up, under another one if that is taken; gives it as it was
/// added.
pub async fn add_with_free_code(
    storage: &Storage,
    entropy: &Entropy,
    mut place: PlaceRecord,
    now_ms: i64,
) -> Result<(AddedPlace, PlaceRecord), StorageError> {
    for _ in 1..TRIES {
        let added = storage.add_place(place.clone(), now_ms).await?;
        if added != AddedPlace::CodeTaken {
            return Ok((added, place));
        }
        place.code = made_up(entropy);
    }
    Ok((storage.add_place(place.clone(), now_ms).await?, place))
}
