//! Photos of reviews: `/photo/REVIEW/1` for everybody once they are published,
//! `/staff/photo/REVIEW/1` for moderators.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pikir_contract::Id;

use crate::app::AppState;
use crate::storage::Role;
use crate::web::frame::page::{Answer, Page, Reader};
use crate::web::staff::session::Staff;

/// Shows a published photo.
pub async fn show(
    State(app): State<AppState>,
    reader: Reader,
    Path((review, number)): Path<(String, String)>,
) -> Answer {
    photo(&app, reader.page(None), &review, &number, true).await
}

/// Shows a photo to whoever decides about it.
pub async fn show_to_staff(
    State(app): State<AppState>,
    staff: Staff,
    Path((review, number)): Path<(String, String)>,
) -> Answer {
    staff.may(Role::moderates)?;
    photo(&app, staff.page.clone(), &review, &number, false).await
}

async fn photo(app: &AppState, page: Page, review: &str, number: &str, only_shown: bool) -> Answer {
    let (Ok(review), Ok(number)) = (review.parse::<Id>(), number.parse()) else {
        return Ok(page.not_found());
    };
    let found = app.storage.photo(review, number, only_shown).await;
    Ok(match found.map_err(|error| page.clone().broken(&error))? {
        Some(file) => jpeg(file),
        None => page.not_found(),
    })
}

/// A moderator may hide it again: it is asked for anew each time.
fn jpeg(content: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    (StatusCode::OK, headers, content).into_response()
}
