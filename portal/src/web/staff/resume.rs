//! What somebody typed while their session ended is not lost: it waits in the sign-in form and
//! comes back into its own.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::drafts::{Kept, page_of, parse, path_of};
use super::session::{is_own_request, secret_of, token_fits};
use super::signin;
use crate::app::AppState;
use crate::platform::entropy::secret_hash;
use crate::storage::StorageError;
use crate::web::frame::page::{Page, Reader, see_other};

/// Bytes a form may send: a comment far beyond its limit still fits, so that it comes back to be
/// shortened.
pub const MAX_FORM_BYTES: usize = 256 * 1024;

/// Lets forms through whose sender is signed in. Another is kept: the sender signs in, and finds it
/// as it was.
pub async fn keep_typed(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(reader) = Reader::from_request_parts(&mut parts, &app).await;
    let Ok(body) = to_bytes(body, MAX_FORM_BYTES).await else {
        return reader.page(None).failed(StatusCode::PAYLOAD_TOO_LARGE);
    };
    match kept(&app, &parts, &body).await {
        Ok(None) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Some(kept)) => match signed_in(&app, &parts).await {
            Ok(true) => back_to(&app, &parts, kept, &reader.page(None)).await,
            Ok(false) => signin::again(&app, &reader, &parts.headers, kept),
            Err(error) => reader.page(None).broken(&error).into_response(),
        },
        Err(error) => reader.page(None).broken(&error).into_response(),
    }
}

async fn signed_in(app: &AppState, parts: &Parts) -> Result<bool, StorageError> {
    let Some(secret) = secret_of(app, &parts.headers) else {
        return Ok(false);
    };
    let found = app
        .storage
        .session(secret_hash(&secret), app.clock.now())
        .await?;
    Ok(found.is_some())
}

/// The form, where it cannot be taken now and comes from this portal's own page.
async fn kept(app: &AppState, parts: &Parts, body: &Bytes) -> Result<Option<Kept>, StorageError> {
    let site = parts.headers.get("sec-fetch-site");
    let certainly_own = site.is_some_and(|site| site == "same-origin");
    let Some(fields) = parse(body)
        .await
        .filter(|_| is_own_request(app, &parts.headers))
    else {
        return Ok(None);
    };
    let token = fields.iter().find(|(name, _)| name == "csrf");
    let fits = secret_of(app, &parts.headers)
        .zip(token)
        .is_some_and(|(secret, (_, token))| token_fits(&secret, token));
    // Somebody who signed in anew beside this page sends the former session's token.
    let is_current = signed_in(app, parts).await? && (fits || !certainly_own);
    Ok((!is_current).then(|| Kept {
        next: page_of(parts.uri.path(), &fields),
        fields: String::from_utf8_lossy(body).into_owned(),
    }))
}

async fn back_to(app: &AppState, parts: &Parts, kept: Kept, page: &Page) -> Response {
    let Some(secret) = secret_of(app, &parts.headers) else {
        return see_other(&kept.next);
    };
    match app
        .storage
        .keep_draft(secret_hash(&secret), path_of(&kept.next), kept.fields)
        .await
    {
        Ok(()) => see_other(&kept.next),
        Err(error) => page.clone().broken(&error).into_response(),
    }
}
