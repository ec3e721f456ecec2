//! The phone page behind the QR code: five faces, reasons, a comment, and more for who wants to say
//! more.
//!
//! `/Q/CODE` or `/Q/CODE/TOKEN`. The token proves presence; without a valid one the review is taken
//! all the same and counts in another figure. Only a form that this portal gave out for this place
//! is taken ([`mark`]); whoever sends another gets the form again, filled in. No cookie, no name,
//! no address is kept.

mod form;
mod link;
mod mark;
mod networks;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use pikir_contract::{MAX_COMMENT_CHARS, Score};

use self::link::Visit;
use super::picture::{self, MAX_PHOTO_BYTES, MAX_PHOTOS, PictureFault};
use super::review;
use crate::app::AppState;
use crate::domain::text;
use crate::i18n::Lang;
use crate::platform::proxies::ClientIp;
use crate::storage::{Assurance, NetworkDigest, NewReview, Offer, Photo, StorageError};
use crate::web::frame::look;
use crate::web::frame::page::{Answer, Page, Reader, see_other};
use crate::web::frame::throttle::{ClientAddress, Limits};
use crate::web::staff::session::is_own_request;
use form::{BeyondMeasure, FileFault, Typed};
use mark::{Came, Mark, Marks};
use networks::Networks;
use view::Faults;

pub use view::place_line;

/// A browser may show the form once more when the visitor goes back, and asks anew otherwise.
const KEPT_FOR_BACK: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Photos that may wait for a moderator, about 1 GiB: beyond that reviews are taken without.
const MAX_WAITING_PHOTOS: u64 = 4_000;

/// Said when there is no room for photos.
const BUSY: &str = "Photos cannot be accepted at the moment. Please send the review without them.";
/// Said when a photo stopped coming.
const CUT_SHORT: &str =
    "The photo did not come through. Please choose it again or send the review without it.";

/// Bytes a form with photos may send: files that are somewhat too large still come in whole, so
/// that the page can say so.
pub const MAX_FORM_BYTES: usize = MAX_PHOTOS * MAX_PHOTO_BYTES + (12 << 20);

/// What the phone page keeps in memory: what its forms are marked with, and today's networks.
#[derive(Debug, Default)]
pub struct Desk {
    marks: Marks,
    networks: Networks,
}

/// Who sends a form.
pub struct Sender {
    ip: Option<IpAddr>,
    address: String,
    /// Nothing says that another site's page sent it.
    is_own: bool,
    desk: Arc<Desk>,
    limits: Arc<Limits>,
}

impl FromRequestParts<AppState> for Sender {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &AppState,
    ) -> Result<Self, ExtensionRejection> {
        let Ok(ClientIp(ip)) = ClientIp::from_request_parts(parts, app).await;
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        Ok(Self {
            ip,
            address,
            is_own: is_own_request(app, &parts.headers),
            desk: Extension::from_request_parts(parts, app).await?.0,
            limits: Extension::from_request_parts(parts, app).await?.0,
        })
    }
}

/// Shows the form. A browser may show it again when the visitor goes back, with what was typed: it
/// is still the same form then, and sending it again changes the review.
pub async fn show(
    State(app): State<AppState>,
    Extension(desk): Extension<Arc<Desk>>,
    reader: Reader,
    headers: HeaderMap,
    Path(path): Path<HashMap<String, String>>,
) -> Answer {
    let visit = self::link::find(&app, &reader, path).await?;
    let page = reader.page(Lang::from_tag(&visit.place.default_language));
    let came = visit.came(
        self::link::followed_a_link(&reader, &headers),
        app.clock.unix_s(),
    );
    let mark = desk.marks.give(&app, &visit.place.code, came).await;
    let typed = Typed {
        mark: mark.map_err(|error| page.clone().broken(&error))?,
        ..Typed::default()
    };
    let mut response = view::form(StatusCode::OK, page, &visit, typed, &Faults::default());
    response.headers_mut().insert(CACHE_CONTROL, KEPT_FOR_BACK);
    Ok(response)
}

/// Takes the form.
pub async fn send(
    State(app): State<AppState>,
    sender: Sender,
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
    let Ok(mut typed) = typed else {
        return Ok(too_large(page));
    };
    typed.comment = text::lines(&typed.comment);
    let broken = |error| page.clone().broken(&error);
    let mark = mark(&app, &sender, &reader, &visit, &mut typed)
        .await
        .map_err(broken)?;
    if typed.action == "look" || !typed.speak.is_empty() {
        let faults = Faults::default();
        return Ok(view::form(StatusCode::OK, page, &visit, typed, &faults));
    }
    let length = typed.comment.chars().count();
    let score = typed.score.parse().ok().and_then(Score::new);
    let mut faults = Faults {
        unmarked: mark.is_none(),
        missing_score: score.is_none(),
        too_long: (length > MAX_COMMENT_CHARS).then_some(length),
        ..Faults::default()
    };
    if !faults.any() {
        let slowed = sender
            .limits
            .reviews
            .slow(&sender.address, app.clock.unix_ms());
        faults.busy_s = slowed.await.err();
    }
    let photos = if faults.any() {
        Ok(Vec::new())
    } else {
        photos(&app, &sender.limits, &sender.address, &mut typed)
            .await
            .map_err(broken)?
    };
    match (score, mark, photos) {
        (Some(score), Some(mark), Ok(photos)) if !faults.any() => {
            let network = sender.ip.map(|ip| {
                let place = &visit.place.code;
                sender.desk.networks.digest(&app, place, ip)
            });
            let sent = Sent {
                score,
                mark,
                network,
                photos,
            };
            keep(&app, page, visit, typed, sent).await
        }
        (_, _, photos) => {
            faults.photos = photos.err();
            Ok(view::form(faults.status(), page, &visit, typed, &faults))
        }
    }
}

/// The mark of the form as it came, if it is this portal's own for this place, and no other site's
/// page sent it. Otherwise the form is to be shown again, with a new one.
async fn mark(
    app: &AppState,
    sender: &Sender,
    reader: &Reader,
    visit: &Visit,
    typed: &mut Typed,
) -> Result<Option<Mark>, StorageError> {
    let (marks, place) = (&sender.desk.marks, &visit.place.code);
    if sender.is_own
        && let Some(mark) = marks.read(app, place, &typed.mark).await?
    {
        return Ok(Some(mark));
    }
    // A page elsewhere may hand on a token that somebody else has scanned.
    let came = match sender.is_own {
        true => visit.came(self::link::is_link(reader), app.clock.unix_s()),
        false => Came::ByLink,
    };
    typed.mark = marks.give(app, place, came).await?;
    Ok(None)
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
) -> Result<Result<Vec<Photo>, &'static str>, StorageError> {
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
        Some(FileFault::CutShort) => return Ok(Err(CUT_SHORT)),
        None => {}
    }
    if typed.files.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let now_ms = app.clock.unix_ms();
    // Counted before anything is waited for, so that many at the same moment do not slip through.
    let too_many = typed
        .files
        .iter()
        .any(|_| limits.photos.attempt(address, now_ms).is_some());
    if too_many || app.storage.waiting_photos().await? >= MAX_WAITING_PHOTOS {
        return Ok(Err(BUSY));
    }
    let mut kept = Vec::new();
    for file in std::mem::take(&mut typed.files) {
        match picture::take(file).await {
            Ok(photo) => kept.push(photo),
            Err(PictureFault::Busy) => return Ok(Err(BUSY)),
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

/// What a form says besides what was typed.
struct Sent {
    score: Score,
    mark: Mark,
    network: Option<NetworkDigest>,
    photos: Vec<Photo>,
}

async fn keep(app: &AppState, page: Page, visit: Visit, typed: Typed, sent: Sent) -> Answer {
    let has_comment = visit.offer.asks_comment() && !typed.comment.is_empty();
    let assurance = sent.mark.assurance(app.clock.unix_s());
    let review = NewReview {
        id: app.entropy.id(app.clock.now()),
        status_code: review::new_status_code(&app.entropy),
        nonce: sent.mark.nonce(),
        step: sent.mark.step().filter(|_| assurance == Assurance::OnSite),
        assurance,
        network: sent.network,
        service: service(&visit.offer, &typed),
        criteria: criteria(&visit.offer, &typed),
        reasons: reasons(&visit.offer, &typed, sent.score),
        place: visit.place.code,
        score: sent.score,
        comment: has_comment.then_some(typed.comment),
        photos: sent.photos,
        lang: page.l.tag().to_owned(),
        created_at: app.clock.now(),
    };
    let kept = app
        .storage
        .add_review(review)
        .await
        .map_err(|error| page.clone().broken(&error))?;
    Ok(see_other(&format!(
        "/r/{}?thanks={}&{}",
        review::written(&kept.status_code),
        if kept.changed { review::CHANGED } else { "1" },
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

/// Those that belong to the score: where the page shows only these, one that was chosen before the
/// score changed is still sent.
fn reasons(offer: &Offer, typed: &Typed, score: Score) -> Vec<String> {
    let offered = offer.content.questionnaire.reasons.iter();
    offered
        .filter(|reason| reason.scores.contains(&score) && typed.reasons.contains(&reason.key))
        .map(|reason| reason.key.clone())
        .collect()
}
