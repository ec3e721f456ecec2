//! The published description of the API.

use crate::support::*;

#[tokio::test]
async fn the_document_is_published() {
    let portal = Portal::start().await;
    let answer = portal.get("/api/v1/openapi.json").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.ok()["openapi"], "3.1.0");
}
