//! Moderators read comments before the public does.

use std::time::Duration;

use axum::http::StatusCode;
use pikir_portal::storage::Role;

use crate::support::{Browser, Portal};

async fn decide(browser: &Browser, tab: &str, action: &str, reason: &str) -> StatusCode {
    let page = browser
        .get(&format!("/staff/reviews?state={tab}&lang=ru"))
        .await;
    let [csrf, review, digest] = ["csrf", "review", "digest"].map(|name| page.hidden(name));
    let form = [
        ("csrf", &*csrf),
        ("review", &*review),
        ("digest", &*digest),
        ("state", tab),
        ("action", action),
        ("reason", reason),
    ];
    browser.post("/staff/reviews", &form).await.status
}

#[tokio::test]
async fn a_comment_is_public_only_once_a_moderator_published_it() {
    let portal = Portal::new().await;
    let status = portal
        .review(&portal.qr_path(), "2", "Долго <b>ждали</b>")
        .await;
    portal.review("/Q/A1A2T4", "5", "").await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let list = moderator.get("/staff/reviews?lang=ru").await;
    assert_eq!(list.body.matches("name=\"review\"").count(), 1);
    list.assert_says("Долго &#60;b&#62;ждали&#60;/b&#62;");
    list.assert_says("на месте");
    assert_eq!(
        decide(&moderator, "new", "publish", "").await,
        StatusCode::SEE_OTHER
    );
    moderator
        .get("/staff/reviews?lang=ru")
        .await
        .assert_says("Здесь ничего нет.");
    portal
        .browser()
        .get("/o/KG-1?lang=ru")
        .await
        .assert_says("Долго &#60;b&#62;ждали&#60;/b&#62;");
    portal
        .browser()
        .get(&status)
        .await
        .assert_says("Комментарий опубликован.");
}

#[tokio::test]
async fn declining_needs_a_reason_that_the_visitor_is_told() {
    let portal = Portal::new().await;
    let status = portal
        .review("/Q/A1A2T4", "1", "Позвоните мне: 0555 000000")
        .await;
    let moderator = portal.signed_in(Role::Moderator).await;
    assert_eq!(
        decide(&moderator, "new", "decline", "").await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        decide(&moderator, "new", "decline", "whim").await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        decide(&moderator, "new", "decline", "personal-data").await,
        StatusCode::SEE_OTHER
    );
    let page = portal.browser().get(&status).await;
    page.assert_says(
        "Комментарий не опубликован. Причина: персональные данные. Оценка по-прежнему учитывается.",
    );
    portal
        .browser()
        .get("/o/KG-1?lang=ru")
        .await
        .assert_does_not_say("0555");
    assert_eq!(portal.figures().await.rated.summary.unverified().total(), 1);
    // A decision can be corrected.
    assert_eq!(
        decide(&moderator, "declined", "publish", "").await,
        StatusCode::SEE_OTHER
    );
    portal
        .browser()
        .get("/o/KG-1?lang=ru")
        .await
        .assert_says("0555");
}

#[tokio::test]
async fn moderation_needs_the_form_s_own_token_and_an_existing_comment() {
    let portal = Portal::new().await;
    portal.review("/Q/A1A2T4", "1", "Долго").await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let page = moderator.get("/staff/reviews").await;
    let (csrf, review) = (page.hidden("csrf"), page.hidden("review"));
    let form = |csrf: &str, review: &str| {
        [
            ("csrf", csrf.to_owned()),
            ("review", review.to_owned()),
            ("action", "publish".to_owned()),
        ]
    };
    for (csrf, review, expected) in [
        ("", review.as_str(), StatusCode::FORBIDDEN),
        (&csrf, "x", StatusCode::NOT_FOUND),
        (
            &csrf,
            "01890000-0000-7000-8000-000000000000",
            StatusCode::NOT_FOUND,
        ),
    ] {
        let form = form(csrf, review);
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(
            moderator.post("/staff/reviews", &form).await.status,
            expected
        );
    }
    portal
        .browser()
        .get("/o/KG-1")
        .await
        .assert_does_not_say("Долго");
}

#[tokio::test]
async fn a_decision_about_another_comment_than_the_one_that_was_read_changes_nothing() {
    let portal = Portal::new().await;
    portal.review("/Q/A1A2T4", "1", "Долго").await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let page = moderator.get("/staff/reviews").await;
    let (csrf, review) = (page.hidden("csrf"), page.hidden("review"));
    let form = [
        ("csrf", &*csrf),
        ("review", &*review),
        ("digest", "of another text"),
        ("action", "publish"),
    ];
    let reply = moderator.post("/staff/reviews?lang=ru", &form).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    reply.assert_says("Ничего не сохранено");
    reply.assert_says("Долго");
    portal
        .browser()
        .get("/o/KG-1")
        .await
        .assert_does_not_say("Долго");
}

#[tokio::test]
async fn everything_that_was_decided_can_be_reached_again() {
    let portal = Portal::new().await;
    for number in 0..55 {
        let comment = format!("отзыв-{number}.");
        portal.advance(Duration::from_millis(1));
        portal.review("/Q/A1A2T4", "3", &comment).await;
    }
    let moderator = portal.signed_in(Role::Moderator).await;
    let first = moderator.get("/staff/reviews?lang=ru").await;
    assert_eq!(first.body.matches("отзыв-").count(), 50);
    first.assert_says("Остальные появятся");
    for _ in 0..55 {
        let status = decide(&moderator, "new", "decline", "unclear").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
    }
    let first = moderator.get("/staff/reviews?state=declined&lang=ru").await;
    first.assert_says("отзыв-54.");
    assert_eq!(first.body.matches("отзыв-").count(), 50);
    first.assert_does_not_say("Остальные появятся");
    let (_, older) = first.body.split_once("&#38;before=").unwrap();
    let older = older.split('"').next().unwrap();
    let rest = moderator
        .get(&format!(
            "/staff/reviews?state=declined&before={older}&lang=ru"
        ))
        .await;
    assert_eq!(rest.body.matches("отзыв-").count(), 5);
    rest.assert_says("отзыв-0.");
    assert_eq!(rest.hidden("before"), older);
}
