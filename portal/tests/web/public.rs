//! The public pages.

use axum::http::StatusCode;
use pikir_portal::storage::{Decision, ReviewState};

use crate::support::Portal;

#[tokio::test]
async fn the_list_names_organisations_in_the_reader_s_language_with_the_sample_size() {
    let portal = Portal::new().await;
    portal
        .browser()
        .get("/?lang=ru")
        .await
        .assert_says("оценок пока нет");
    for (path, score) in [
        (&*portal.qr_path(), "5"),
        (&*portal.qr_path(), "4"),
        ("/Q/A1A2T4", "1"),
    ] {
        portal.review(path, score, "").await;
    }
    let page = portal.browser().get("/?lang=ru").await;
    page.assert_says("4,50 из 5 · оценок: 2 · по коду или ссылке: 1,00 из 5 · оценок: 1<");
    page.assert_says("href=\"/o/KG-1?lang=ru\"");
    page.assert_does_not_say("Отдел регистрации");
    portal
        .browser()
        .get("/?lang=ky")
        .await
        .assert_says("Калкты тейлөө борбору");
}

#[tokio::test]
async fn an_organisation_s_page_shows_average_sample_size_scores_channels_and_units() {
    let portal = Portal::new().await;
    let empty = portal.browser().get("/o/KG-1?lang=ru").await;
    empty.assert_says("Оценок пока нет.");
    for score in ["5", "5", "2"] {
        portal.review(&portal.qr_path(), score, "").await;
    }
    portal.review("/Q/A1A2T4", "4", "").await;
    let page = portal.browser().get("/o/KG-1?lang=ru").await;
    page.assert_says("<b>4,00</b><span>средняя оценка из 5</span>");
    page.assert_says("<b>3</b><span>оценок учтено</span>");
    page.assert_says("<td class=\"num\">2</td><td class=\"num muted\">67\u{a0}%</td>");
    page.assert_says("<b>4,00</b><span>средняя оценка по коду или ссылке</span>");
    page.assert_says("<b>1</b><span>отзывов по коду или ссылке</span>");
    page.assert_says(
        "Телефон, код с экрана терминала</th><td class=\"num\">3</td><td class=\"num\">4,00</td>",
    );
    page.assert_says("Телефон, печатный или старый код</th><td class=\"num\">1</td>");
    page.assert_says("Оценок пока мало");
    page.assert_says("href=\"/o/KG-1-A?lang=ru\"");
    page.assert_does_not_say("<script");
    portal
        .browser()
        .get("/o/KG-1-A?lang=ru")
        .await
        .assert_says("href=\"/o/KG-1?lang=ru\"");
    for lang in ["ky", "ru", "en", "be", "kk"] {
        portal
            .browser()
            .get(&format!("/o/KG-1?lang={lang}"))
            .await
            .assert_says(&format!("<html lang=\"{lang}\">"));
    }
}

#[tokio::test]
async fn only_published_comments_are_shown_and_older_ones_are_a_page_away() {
    let portal = Portal::new().await;
    for number in 0..25 {
        portal
            .review("/Q/A1A2T4", "3", &format!("отзыв-{number}."))
            .await;
    }
    let unread = portal.browser().get("/o/KG-1?lang=ru").await;
    unread.assert_does_not_say("отзыв-");
    let reviews = portal
        .app
        .storage
        .reviews_to_read(ReviewState::New, None, 100)
        .await
        .unwrap();
    for review in &reviews {
        portal
            .app
            .storage
            .decide_review(
                review.id,
                &review.digest(),
                Decision::Publish,
                "x",
                portal.app.clock.now(),
            )
            .await
            .unwrap();
    }
    let page = portal.browser().get("/o/KG-1?lang=ru").await;
    assert_eq!(page.body.matches("отзыв-").count(), 20);
    let older = page
        .body
        .split("href=\"")
        .find(|link| link.contains("before="))
        .unwrap();
    let older = older
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let rest = portal.browser().get(&older).await;
    assert_eq!(rest.body.matches("отзыв-").count(), 5);
}

#[tokio::test]
async fn an_unknown_address_gets_a_page_and_careful_headers() {
    let portal = Portal::new().await;
    for path in ["/o/NOBODY", "/nothing/here"] {
        let reply = portal
            .browser()
            .with("accept-language", "ky")
            .get(path)
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        reply.assert_says("<h1>Барак табылган жок</h1>");
        assert!(
            reply
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
    }
}
