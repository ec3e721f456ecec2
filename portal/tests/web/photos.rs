//! Photos with a review, and what became of it.

use std::io::Cursor;

use axum::http::StatusCode;
use image::{ImageFormat, Rgb, RgbImage};
use pikir_portal::storage::{ReviewState, Role};
use pikir_portal::web::public::picture::MAX_PHOTO_BYTES;

use crate::support::{Browser, Portal, Reply};

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut file = Vec::new();
    RgbImage::from_pixel(40, 30, Rgb([20, 120, 60]))
        .write_to(&mut Cursor::new(&mut file), format)
        .unwrap();
    file
}

async fn send(browser: &Browser, fields: &[(&str, &str)], files: &[&[u8]]) -> Reply {
    let mark = browser.get("/Q/A1A2T4").await.hidden("mark");
    let fields = [&[("mark", &*mark)][..], fields].concat();
    browser.post_with_files("/Q/A1A2T4", &fields, files).await
}

/// The review that waits, with its identifier.
async fn waiting(portal: &Portal) -> pikir_portal::storage::Review {
    let reviews = portal
        .app
        .storage
        .reviews_to_read(ReviewState::New, None, 10);
    reviews.await.unwrap().remove(0)
}

async fn decide(browser: &Browser, tab: &str, fields: &[(&str, &str)]) {
    let page = browser
        .get(&format!("/staff/reviews?state={tab}&lang=ru"))
        .await;
    let [csrf, review, digest] = ["csrf", "review", "digest"].map(|name| page.hidden(name));
    let mut form = vec![
        ("csrf", &*csrf),
        ("review", &*review),
        ("digest", &*digest),
        ("state", tab),
    ];
    form.extend(fields);
    let reply = browser.post("/staff/reviews", &form).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
}

#[tokio::test]
async fn photos_are_shown_to_everybody_only_after_a_moderator_has_seen_them() {
    let portal = Portal::new().await;
    let files = [picture(ImageFormat::Jpeg), picture(ImageFormat::WebP)];
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let fields = [("score", "2"), ("comment", ""), ("lang", "ru")];
    let sent = send(&portal.browser(), &fields, &files).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let review = waiting(&portal).await;
    let public = format!("/photo/{}/1", review.id);
    assert_eq!(
        portal.browser().get_bytes(&public).await.0,
        StatusCode::NOT_FOUND
    );
    let staff = format!("/staff/photo/{}/2", review.id);
    assert_eq!(
        portal.browser().get_bytes(&staff).await.0,
        StatusCode::SEE_OTHER
    );

    let moderator = portal.signed_in(Role::Moderator).await;
    let (status, jpeg) = moderator.get_bytes(&staff).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(image::guess_format(&jpeg).unwrap(), ImageFormat::Jpeg);
    moderator
        .get("/staff/reviews?lang=ru")
        .await
        .assert_says(&staff);
    decide(&moderator, "new", &[("action", "publish")]).await;
    assert_eq!(portal.browser().get_bytes(&public).await.0, StatusCode::OK);
    let page = portal.browser().get("/o/KG-1?lang=ru").await;
    page.assert_says(&format!("<img src=\"{public}\" alt=\"Фото № 1 к отзыву\""));
    let without = portal.browser().get("/o/KG-1?lang=ru&pictures=off").await;
    without.assert_does_not_say("<img");
    without.assert_says(&format!("<a href=\"{public}\">Фото № 1 к отзыву</a>"));
}

#[tokio::test]
async fn a_comment_can_be_published_without_its_photos() {
    let portal = Portal::new().await;
    let fields = [("score", "2"), ("comment", "Грязно"), ("lang", "ru")];
    let sent = send(&portal.browser(), &fields, &[&picture(ImageFormat::Png)]).await;
    let review = waiting(&portal).await;
    let moderator = portal.signed_in(Role::Moderator).await;
    decide(&moderator, "new", &[("action", "publish-without-photos")]).await;
    let page = portal.browser().get("/o/KG-1?lang=ru").await;
    page.assert_says("Грязно");
    page.assert_does_not_say("<img");
    let public = format!("/photo/{}/1", review.id);
    assert_eq!(
        portal.browser().get_bytes(&public).await.0,
        StatusCode::NOT_FOUND
    );
    let status = portal.browser().get(&sent.location()).await;
    status.assert_says("Фотографии не опубликованы.");
}

#[tokio::test]
async fn a_wrong_file_is_explained_and_costs_nothing_that_was_typed() {
    let portal = Portal::new().await;
    let good = picture(ImageFormat::Jpeg);
    let large = vec![0; MAX_PHOTO_BYTES + 1];
    let fields = [("score", "3"), ("comment", "Долго"), ("lang", "en")];
    let cases: [(&[&[u8]], &str); 3] = [
        (&[b"%PDF-1.7"], "This file is no photo"),
        (&[&large], "The photo is larger than 10 MB."),
        (&[&good, &good, &good], "At most 2 photos can be sent."),
    ];
    for (files, expected) in cases {
        let reply = send(&portal.browser(), &fields, files).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        reply.assert_says(&format!("<a href=\"#photo\">{expected}"));
        reply.assert_says("Долго</textarea>");
        reply.assert_says("id=\"score-3\" value=\"3\" required checked>");
    }
    // A score is missing: the photo, too, has to be chosen once more, and the page says so.
    let fields = [("score", ""), ("lang", "en")];
    let reply = send(&portal.browser(), &fields, &[&good]).await;
    reply.assert_says("Please choose the photos once more");
    assert_eq!(portal.app.storage.waiting_photos().await.unwrap(), 0);
}

#[tokio::test]
async fn a_form_without_a_file_is_a_review_like_any_other() {
    let portal = Portal::new().await;
    let fields = [("score", "5"), ("comment", "Рахмат"), ("lang", "ky")];
    let sent = send(&portal.browser(), &fields, &[b""]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let review = waiting(&portal).await;
    assert_eq!(
        (review.comment.as_deref(), review.photos),
        (Some("Рахмат"), 0)
    );
}

#[tokio::test]
async fn the_official_answer_reaches_the_public_and_the_one_who_asked() {
    let portal = Portal::new().await;
    let status = portal.review("/Q/A1A2T4", "1", "Очередь").await;
    let moderator = portal.signed_in(Role::Moderator).await;
    decide(&moderator, "new", &[("action", "publish")]).await;
    let before = portal.browser().get(&status).await;
    before.assert_does_not_say("Официальный ответ");
    let answer = [("action", "answer"), ("answer", "Открыли второе окно <b>")];
    decide(&moderator, "published", &answer).await;
    for path in [status.as_str(), "/o/KG-1?lang=ru"] {
        let page = portal.browser().get(path).await;
        page.assert_says("Официальный ответ");
        page.assert_says("Открыли второе окно &#60;b&#62;");
    }
    portal
        .browser()
        .get(&status)
        .await
        .assert_says("Организация ответила.");
    decide(
        &moderator,
        "published",
        &[("action", "answer"), ("answer", " ")],
    )
    .await;
    portal
        .browser()
        .get(&status)
        .await
        .assert_does_not_say("Официальный ответ");
}
