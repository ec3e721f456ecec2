//! Where a visitor stands, and whether the address proves it.

use std::collections::HashMap;

use axum::http::{HeaderMap, StatusCode, header};
use pikir_contract::{DEFAULT_STEP_S, PlaceCode, step_of_presence};

use super::mark::Came;
use crate::app::AppState;
use crate::storage::{Offer, OrganizationRecord, PlaceRecord};
use crate::web::frame::page::{Reader, Refusal};

/// The member of an address that says it is a link: `/q/CODE?via=link`, for pages and messages.
const VIA: (&str, &str) = ("via", "link");

/// The place a visitor stands at, what is asked there, and the token of the address if there is
/// one.
pub struct Visit {
    /// The place.
    pub place: PlaceRecord,
    /// Its organisation.
    pub organization: OrganizationRecord,
    /// What is asked besides the score.
    pub offer: Offer,
    /// The keys that prove presence there.
    pub presence_keys: Vec<Vec<u8>>,
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
    let now_ms = app.clock.unix_ms();
    let presence_keys = app.storage.presence_keys(&place.code, now_ms);
    Ok(Visit {
        presence_keys: presence_keys.await.map_err(broken)?,
        place,
        organization,
        offer,
        token: path.remove("token"),
    })
}

impl Visit {
    /// How the visitor came, by the address and by what is known of the way here. A valid token
    /// says more than that: some cameras open what they scan through a page of their own.
    pub fn came(&self, by_link: bool, now_s: i64) -> Came {
        let step = |token: &String| {
            let mut keys = self.presence_keys.iter();
            keys.find_map(|key| {
                step_of_presence(key, &self.place.code, token, now_s, DEFAULT_STEP_S)
            })
        };
        match &self.token {
            Some(token) => step(token).map_or(Came::ByCode, Came::WithToken),
            None if by_link => Came::ByLink,
            None => Came::ByCode,
        }
    }
}

/// True if the address says that it is a link, or the browser that a page led here: what is scanned
/// or typed comes from none.
pub fn followed_a_link(reader: &Reader, headers: &HeaderMap) -> bool {
    let by_browser = match headers.get("sec-fetch-site") {
        Some(site) => site != "none",
        None => headers.contains_key(header::REFERER),
    };
    is_link(reader) || by_browser
}

/// True if the address says that it is a link.
pub fn is_link(reader: &Reader) -> bool {
    reader.get(VIA.0) == VIA.1
}
