//! The phone page behind the QR code: five faces, reasons, a comment, and more for who wants to say more.
//!
//! `/Q/CODE` or `/Q/CODE/TOKEN`. The token proves presence; without a valid one the review is taken all the same and
//! is only not marked as written on site. No cookie, no name, no address is kept.

mod form;
mod link;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use pikir_contract::{MAX_COMMENT_CHARS, Score, base64url_decode, base64url_encode};
use tokio::sync::Semaphore;

use self::link::Visit;
use super::picture::{MAX_PHOTO_BYTES, MAX_PHOTOS, PictureFault, encode_anew};
use super::review;
use crate::app::AppState;
use crate::domain::text;
use crate::storage::{NewReview, Offer, Photo, ReviewChannel};
use crate::web::frame::i18n::Lang;
use crate::web::frame::look;
use crate::web::frame::page::{Answer, Page, Reader, see_other};
use crate::web::frame::throttle::{ClientAddress, Limits};
use form::{BeyondMeasure, FileFault, Typed};
use view::Faults;

pub use view::place_line;

/// Random bytes of a nonce.
const NONCE_BYTES: usize = 16;
/// Photos that may wait for a moderator, about 1 GiB: beyond that reviews are taken without.
const MAX_WAITING_PHOTOS: u64 = 4_000;
/// Photos that are decoded at the same time: each takes memory and a processor.
const DECODERS: usize = 2;

/// Said when there is no room for photos.
const BUSY: &str = "Photos cannot be accepted at the moment. Please send the review without them.";

static DECODING: Semaphore = Semaphore::const_new(DECODERS);

/// Bytes a form with photos may send: files that are somewhat too large still come in whole, so that the page can say so.
pub const MAX_FORM_BYTES: usize = MAX_PHOTOS * MAX_PHOTO_BYTES + (12 << 20);

/// Shows the form.
pub async fn show(
    State(app): State<AppState>,
    reader: Reader,
    Path(path): Path<HashMap<String, String>>,
) -> Answer {
    let visit = self::link::find(&app, &reader, path).await?;
    let page = reader.page(Lang::from_tag(&visit.place.default_language));
    let nonce = base64url_encode(&app.entropy.bytes::<NONCE_BYTES>());
    let seen = if visit.is_present(app.clock.unix_s()) {
        visit.mark_seen(&nonce, app.clock.unix_s())
    } else {
        String::new()
    };
    let typed = Typed {
        nonce,
        seen,
        ..Typed::default()
    };
    let faults = Faults::default();
    Ok(view::form(StatusCode::OK, page, &visit, typed, &faults))
}

/// Takes the form.
pub async fn send(
    State(app): State<AppState>,
    Extension(limits): Extension<Arc<Limits>>,
    ClientAddress(address): ClientAddress,
    mut reader: Reader,
    Path(path): Path<HashMap<String, String>>,
    typed: Result<Typed, BeyondMeasure>,
) -> Answer {
    if let Ok(typed) = &typed {
        reader.chosen = Lang::from_tag(&typed.speak)
            .or(Lang::from_tag(&typed.lang))
            .or(reader.chosen);
        reader.query.retain(|(name, _)| !look::is_setting(name));
        reader.query.extend(typed.look.iter().cloned());
    }
    let visit = self::link::find(&app, &reader, path).await?;
    let page = reader.page(Lang::from_tag(&visit.place.default_language));
    let now_ms = app.clock.unix_ms();
    if let Some(seconds) = limits.reviews.wait_s(&address, now_ms) {
        let text = "Very many reviews came from this network in a short time. Nothing was lost: go back and send it again in a few minutes.";
        return Ok(page.wait(seconds, "A moment, please", text));
    }
    limits.reviews.count(&address, now_ms);
    let Ok(mut typed) = typed else {
        return Ok(too_large(page));
    };
    typed.comment = text::lines(&typed.comment);
    if !is_nonce(&typed.nonce) {
        typed.nonce = base64url_encode(&app.entropy.bytes::<NONCE_BYTES>());
    }
    if typed.action == "look" || !typed.speak.is_empty() {
        let faults = Faults::default();
        return Ok(view::form(StatusCode::OK, page, &visit, typed, &faults));
    }
    let length = typed.comment.chars().count();
    let score = typed.score.parse().ok().and_then(Score::new);
    let mut faults = Faults {
        missing_score: score.is_none(),
        too_long: (length > MAX_COMMENT_CHARS).then_some(length),
        photos: None,
    };
    let photos = if faults.any() {
        Ok(Vec::new())
    } else {
        photos(&app, &limits, &address, &mut typed)
            .await
            .map_err(|error| page.clone().broken(&error))?
    };
    match (score, photos) {
        (Some(score), Ok(photos)) if !faults.any() => {
            keep(&app, page, visit, score, typed, photos).await
        }
        (_, photos) => {
            faults.photos = photos.err();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(view::form(status, page, &visit, typed, &faults))
        }
    }
}

fn too_large(page: Page) -> Response {
    let text = "Please go back and shorten the comment, or send the review without photos.";
    page.message(
        StatusCode::PAYLOAD_TOO_LARGE,
        "That was too much",
        text,
        None,
    )
}

/// The photos as they are kept, or what is wrong with them (English, a key into the translations).
async fn photos(
    app: &AppState,
    limits: &Limits,
    address: &str,
    typed: &mut Typed,
) -> Result<Result<Vec<Photo>, &'static str>, crate::storage::StorageError> {
    match typed.file_fault {
        Some(FileFault::TooLarge) => {
            return Ok(Err(
                "The photo is larger than {max} MB. Please choose a smaller one or send the review without it.",
            ));
        }
        Some(FileFault::TooMany) => {
            return Ok(Err(
                "At most {count} photos can be sent. Please choose again.",
            ));
        }
        Some(FileFault::Empty) => {
            return Ok(Err(
                "The file is empty. Please choose the photo again or send the review without it.",
            ));
        }
        Some(FileFault::Busy) => return Ok(Err(BUSY)),
        None => {}
    }
    if typed.files.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let now_ms = app.clock.unix_ms();
    let busy = limits.photos.wait_s(address, now_ms).is_some()
        || app.storage.waiting_photos().await? >= MAX_WAITING_PHOTOS;
    if busy {
        return Ok(Err(BUSY));
    }
    let mut kept = Vec::new();
    for file in std::mem::take(&mut typed.files) {
        limits.photos.count(address, now_ms);
        // The semaphore is never closed; without a permit the photo is decoded all the same.
        let _permit = DECODING.acquire().await.ok();
        let encoded = tokio::task::spawn_blocking(move || encode_anew(&file)).await;
        // A decoder that panics has met a file which is no picture.
        match encoded.unwrap_or(Err(PictureFault::NoPicture)) {
            Ok(photo) => kept.push(photo),
            Err(PictureFault::NoPicture) => {
                return Ok(Err(
                    "This file is no photo that can be read here. Please choose a JPEG, PNG or WebP picture, or send the review without it.",
                ));
            }
            Err(PictureFault::TooManyPixels) => {
                return Ok(Err(
                    "The photo has too many pixels. Please choose a smaller one or send the review without it.",
                ));
            }
        }
    }
    Ok(Ok(kept))
}

async fn keep(
    app: &AppState,
    page: Page,
    visit: Visit,
    score: Score,
    typed: Typed,
    photos: Vec<Photo>,
) -> Answer {
    let now_s = app.clock.unix_s();
    let has_comment = visit.offer.asks_comment() && !typed.comment.is_empty();
    let review = NewReview {
        id: app.entropy.id(app.clock.now()),
        status_code: review::new_status_code(&app.entropy),
        on_site: visit.is_present(now_s) || visit.was_seen(&typed.nonce, &typed.seen, now_s),
        channel: if visit.token.is_some() {
            ReviewChannel::Phone
        } else {
            ReviewChannel::Poster
        },
        service: service(&visit.offer, &typed),
        criteria: criteria(&visit.offer, &typed),
        reasons: reasons(&visit.offer, &typed, score),
        nonce: typed.nonce,
        place: visit.place.code,
        score,
        comment: has_comment.then_some(typed.comment),
        photos,
        lang: page.l.tag().to_owned(),
        created_at: app.clock.now(),
    };
    let code = app
        .storage
        .add_review(review)
        .await
        .map_err(|error| page.clone().broken(&error))?;
    Ok(see_other(&format!(
        "/r/{}?thanks=1&{}",
        review::written(&code),
        page.keep
    )))
}

fn service(offer: &Offer, typed: &Typed) -> Option<String> {
    let mut services = offer.content.services.iter();
    let chosen = services.find(|service| service.key == typed.service);
    chosen.map(|service| service.key.clone())
}

/// Those that are asked and have a score.
fn criteria(offer: &Offer, typed: &Typed) -> BTreeMap<String, Score> {
    let asked = |key: &str| {
        let mut criteria = offer.content.questionnaire.criteria.iter();
        criteria.any(|criterion| criterion.key == key)
    };
    typed
        .criteria
        .iter()
        .filter(|(key, _)| asked(key))
        .filter_map(|(key, score)| Some((key.clone(), Score::new(score.parse().ok()?)?)))
        .collect()
}

/// Those that belong to the score: where the page shows only these, one that was chosen before the score changed is
/// still sent.
fn reasons(offer: &Offer, typed: &Typed, score: Score) -> Vec<String> {
    let offered = offer.content.questionnaire.reasons.iter();
    offered
        .filter(|reason| reason.scores.contains(&score) && typed.reasons.contains(&reason.key))
        .map(|reason| reason.key.clone())
        .collect()
}

fn is_nonce(text: &str) -> bool {
    base64url_decode(text).is_ok_and(|bytes| bytes.len() == NONCE_BYTES)
}
