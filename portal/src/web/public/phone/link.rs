//! Where a visitor stands, and whether the address proves it.

use std::collections::HashMap;

use axum::http::StatusCode;
use hmac::{Hmac, KeyInit, Mac};
use pikir_contract::{
    DEFAULT_STEP_S, PlaceCode, base64url_decode, base64url_encode, check_presence,
};
use sha2::Sha256;

use crate::app::AppState;
use crate::storage::{Offer, OrganizationRecord, PlaceRecord};
use crate::web::frame::page::{Reader, Refusal};

/// How long a page that was opened on site may stay open before it is sent, seconds.
const SEEN_VALID_S: i64 = 2 * 60 * 60;

/// The place a visitor stands at, what is asked there, and the token of the address if there is one.
pub struct Visit {
    /// The place.
    pub place: PlaceRecord,
    /// Its organisation.
    pub organization: OrganizationRecord,
    /// What is asked besides the score.
    pub offer: Offer,
    /// The presence token as it came.
    pub token: Option<String>,
}

/// The place of an address, or a page that says it is not known.
pub async fn find(
    app: &AppState,
    reader: &Reader,
    mut path: HashMap<String, String>,
) -> Result<Visit, Refusal> {
    let broken = |error| reader.page(None).broken(&error);
    let code = path
        .remove("code")
        .and_then(|code| code.trim().parse::<PlaceCode>().ok());
    let found = match code {
        Some(code) => app.storage.place(&code).await.map_err(broken)?,
        None => None,
    };
    let Some((place, organization)) = found else {
        let text = "Perhaps it was mistyped, or the place has closed. Please scan the code on the screen once more.";
        let action = Some(("/", "All organisations"));
        let page = reader.page(None);
        return Err(page
            .message(
                StatusCode::NOT_FOUND,
                "This code is not known",
                text,
                action,
            )
            .into());
    };
    let offer = app
        .storage
        .offer(&organization.code)
        .await
        .map_err(broken)?;
    Ok(Visit {
        place,
        organization,
        offer,
        token: path.remove("token"),
    })
}

impl Visit {
    /// True if the address holds a token that proves presence now.
    pub fn is_present(&self, now_s: i64) -> bool {
        let key = &self.place.presence_key;
        let valid =
            |token: &String| check_presence(key, &self.place.code, token, now_s, DEFAULT_STEP_S);
        self.token.as_ref().is_some_and(valid)
    }

    /// Marks a page view as made on site: who writes for a quarter of an hour has still been there, although the token
    /// is old by then.
    pub fn mark_seen(&self, nonce: &str, now_s: i64) -> String {
        format!(
            "{now_s}.{}",
            base64url_encode(&self.seen_mac(nonce, now_s).finalize().into_bytes())
        )
    }

    /// True if the mark is one of ours for this page view, and not too old.
    pub fn was_seen(&self, nonce: &str, seen: &str, now_s: i64) -> bool {
        let parts = seen
            .split_once('.')
            .and_then(|(at, mac)| Some((at.parse().ok()?, base64url_decode(mac).ok()?)));
        parts.is_some_and(|(at, mac): (i64, Vec<u8>)| {
            (at..=at.saturating_add(SEEN_VALID_S)).contains(&now_s)
                && self.seen_mac(nonce, at).verify_slice(&mac).is_ok()
        })
    }

    fn seen_mac(&self, nonce: &str, at: i64) -> Hmac<Sha256> {
        // HMAC takes a key of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.place.presence_key).expect("any key length");
        mac.update(format!("pikir-seen-v1|{}|{nonce}|{at}", self.place.code).as_bytes());
        mac
    }
}
