//! The phone page behind the QR code.

use std::time::Duration;

use axum::http::StatusCode;
use pikir_portal::storage::Summary;

use crate::support::{ORGANIZATION, PLACE, Portal};

async fn summary(portal: &Portal) -> Summary {
    portal.figures().await.rated.summary
}

#[tokio::test]
async fn the_page_is_found_in_any_case_and_with_crockford_look_alikes() {
    let portal = Portal::new().await;
    for path in [
        "/Q/A1A2T4",
        "/q/a1a2t4",
        "/q/aLaZt4",
        "/Q/AIA2T4/ANYTOKEN",
        "/q/a1a2t4/x",
    ] {
        let reply = portal.browser().get(&path.replace('Z', "2")).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        reply.assert_says("Зал 2");
    }
}

#[tokio::test]
async fn the_language_is_the_chosen_one_then_the_browser_s_then_the_place_s() {
    let portal = Portal::new().await;
    portal
        .browser()
        .get("/Q/A1A2T4")
        .await
        .assert_says("<html lang=\"ky\">");
    let browser = portal
        .browser()
        .with("accept-language", "de, be;q=0.8, ru;q=0.5");
    browser
        .get("/Q/A1A2T4")
        .await
        .assert_says("<html lang=\"be\">");
    let chosen = browser.get("/Q/A1A2T4?lang=kk").await;
    chosen.assert_says("<html lang=\"kk\">");
    assert_eq!(chosen.hidden("lang"), "kk");
    for tag in ["ky", "ru", "en", "be", "kk"] {
        chosen.assert_says(&format!("name=\"speak\" value=\"{tag}\" lang=\"{tag}\""));
    }
    browser
        .get("/Q/A1A2T4?lang=ru")
        .await
        .assert_says("<h1>Как прошёл визит?</h1>");
}

#[tokio::test]
async fn the_page_loads_its_own_typefaces_alone_and_has_fifty_kilobytes_at_most_without_cookies() {
    let portal = Portal::new().await;
    for lang in ["ky", "ru", "en", "be", "kk"] {
        let reply = portal
            .browser()
            .get(&format!("/Q/A1A2T4?lang={lang}"))
            .await;
        assert!(reply.body.len() < 50_000, "{} bytes", reply.body.len());
        for loaded in [" src=", "@import", "rel=\"stylesheet\""] {
            reply.assert_does_not_say(loaded);
        }
        for address in reply.body.split("url(").skip(1) {
            assert!(address.starts_with("/font/"), "{}", &address[..60]);
        }
        assert_eq!(reply.header("set-cookie"), "");
        assert_eq!(reply.header("cache-control"), "private, no-cache");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let policy = reply.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "style-src 'sha256-",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
    }
}

#[tokio::test]
async fn the_form_names_everything_for_a_screen_reader() {
    let portal = Portal::new().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    page.assert_says("<fieldset>");
    page.assert_says("<legend><h1>");
    for score in 1..=5 {
        page.assert_says(&format!(
            "<input type=\"radio\" name=\"score\" id=\"score-{score}\" value=\"{score}\" required>"
        ));
    }
    page.assert_says("for=\"comment\"");
    page.assert_says("aria-describedby=\"comment-hint\"");
    page.assert_says("Центр обслуживания &#60;населения&#62;");
    page.assert_does_not_say("<населения>");
}

#[tokio::test]
async fn a_review_with_a_valid_token_is_marked_on_site() {
    let portal = Portal::new().await;
    let next = portal
        .review(&portal.qr_path(), "5", "Быстро и вежливо")
        .await;
    assert!(
        next.starts_with("/r/") && next.contains("thanks=1"),
        "{next}"
    );
    assert_eq!(summary(&portal).await.phone.0, [0, 0, 0, 0, 1]);
    assert!(waiting(&portal).await[0].channel.is_on_site());
}

#[tokio::test]
async fn a_form_fetched_with_a_token_is_on_site_while_that_could_still_be_valid_and_counts_apart_then()
 {
    let portal = Portal::new().await;
    // The clock stands 100 s before the end of a step; the token holds for two more.
    for (pause_s, on_site) in [(0, true), (11 * 60, true), (16 * 60, false)] {
        let path = portal.qr_path();
        let page = portal.browser().get(&path).await;
        portal.advance(Duration::from_secs(pause_s));
        let form = [
            ("score", "4"),
            ("comment", "x"),
            ("mark", &*page.hidden("mark")),
        ];
        assert_eq!(
            portal.browser().post(&path, &form).await.status,
            StatusCode::SEE_OTHER
        );
        let last = waiting(&portal).await.pop().unwrap();
        assert_eq!(last.channel.is_on_site(), on_site, "{pause_s} s");
    }
    let summary = summary(&portal).await;
    assert_eq!(
        (summary.on_site().total(), summary.unverified().total()),
        (2, 1)
    );
    assert_eq!((summary.phone.total(), summary.poster.total()), (2, 1));
}

#[tokio::test]
async fn an_old_wrong_or_missing_token_refuses_nobody_and_alarms_nobody() {
    let portal = Portal::new().await;
    let old = portal.qr_path();
    portal.advance(Duration::from_secs(60 * 60));
    let plain = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    for path in [
        old.as_str(),
        "/Q/A1A2T4/0000000000000000",
        "/Q/A1A2T4/%D1%8F",
        "/Q/A1A2T4",
    ] {
        let page = portal.browser().get(&format!("{path}?lang=ru")).await;
        assert_eq!(page.status, StatusCode::OK);
        let without_mark =
            |reply: &crate::support::Reply| reply.body.replace(&reply.hidden("mark"), "");
        assert_eq!(
            without_mark(&page),
            without_mark(&plain),
            "the page differs for {path}"
        );
        portal.review(path, "3", "x").await;
    }
    let waiting = waiting(&portal).await;
    assert!(waiting.iter().all(|review| !review.channel.is_on_site()));
    let summary = summary(&portal).await;
    assert_eq!((summary.on_site().total(), summary.poster.total()), (0, 4));
}

#[tokio::test]
async fn an_unknown_place_gets_a_friendly_page_in_the_reader_s_language() {
    let portal = Portal::new().await;
    for path in ["/Q/ZZZZZZ", "/q/not%20a%20code", "/q/ZZZZZZ/TOKEN"] {
        let reply = portal
            .browser()
            .with("accept-language", "be")
            .get(path)
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        reply.assert_says("<h1>Такі код невядомы</h1>");
    }
}

#[tokio::test]
async fn a_missing_score_brings_the_page_back_with_what_was_typed() {
    let portal = Portal::new().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    let mark = page.hidden("mark");
    for score in ["", "6", "0", "five"] {
        let form = [
            ("score", score),
            ("comment", "\r\nОчередь </textarea>"),
            ("mark", &mark),
            ("lang", "ru"),
        ];
        let reply = portal.browser().post("/Q/A1A2T4", &form).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        reply.assert_says("id=\"errors\" role=\"alert\" tabindex=\"-1\" autofocus");
        reply.assert_says("<a href=\"#score-1\">Выберите оценку от 1 до 5.</a>");
        reply.assert_says("aria-describedby=\"score-error\"");
        reply.assert_says("Очередь &#60;/textarea&#62;</textarea>");
        assert_eq!(reply.hidden("mark"), mark);
    }
    assert_eq!(summary(&portal).await.unverified().total(), 0);
}

#[tokio::test]
async fn a_comment_that_is_too_long_is_kept_with_a_clear_message() {
    let portal = Portal::new().await;
    let long = "я".repeat(1001);
    let form = [("score", "2"), ("comment", long.as_str()), ("lang", "en")];
    let reply = portal.browser().fill("/Q/A1A2T4", &form).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    reply.assert_says("The comment has 1001 characters; 1000 are allowed.");
    reply.assert_says(&long);
    reply.assert_says("id=\"score-2\" value=\"2\" required checked>");
    portal.review("/Q/A1A2T4", "2", &"я\r\n".repeat(500)).await;
    assert_eq!(
        waiting(&portal).await[0]
            .comment
            .as_ref()
            .unwrap()
            .chars()
            .count(),
        999
    );
}

#[tokio::test]
async fn a_form_beyond_all_measure_is_answered_with_a_page() {
    let portal = Portal::new().await;
    let form = [("score", "2"), ("comment", &*"a".repeat(300_000))];
    let reply = portal.browser().post("/Q/A1A2T4?lang=en", &form).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    reply.assert_says("<h1>That was too much</h1>");
}

#[tokio::test]
async fn a_form_of_very_many_fields_is_refused_before_they_take_memory() {
    let portal = Portal::new().await;
    let browser = portal.browser();
    let plain = browser.post_raw("/Q/A1A2T4", "a=&".repeat(100_000));
    assert_eq!(plain.await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let comment = "a".repeat(100_000);
    let fields = [("mark", "x"), ("c-a", &*comment), ("c-b", &*comment)];
    let fits = browser.post_with_files("/Q/A1A2T4", &fields, &[]).await;
    assert_eq!(fits.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [fields, fields].concat();
    let parts = browser.post_with_files("/Q/A1A2T4", &fields, &[]).await;
    assert_eq!(parts.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_form_sent_twice_counts_once_and_thanks_twice() {
    let portal = Portal::new().await;
    let page = portal.browser().get("/Q/A1A2T4").await;
    let form = [
        ("score", "4"),
        ("comment", ""),
        ("mark", &*page.hidden("mark")),
    ];
    let first = portal.browser().post("/Q/A1A2T4", &form).await;
    let second = portal.browser().post("/q/a1a2t4", &form).await;
    assert_eq!(
        (first.status, first.location()),
        (second.status, second.location())
    );
    assert_eq!(summary(&portal).await.unverified().total(), 1);
    portal.review("/Q/A1A2T4", "4", "").await;
    assert_eq!(summary(&portal).await.unverified().total(), 2);
}

#[tokio::test]
async fn the_page_after_sending_says_what_happens_next_and_survives_a_reload() {
    let portal = Portal::new().await;
    let next = portal.review("/Q/A1A2T4", "1", "Долго").await;
    for _ in 0..2 {
        let page = portal.browser().get(&next).await;
        assert_eq!(page.status, StatusCode::OK);
        page.assert_says("<h1>Спасибо. Ваш отзыв получен.</h1>");
        page.assert_says("Комментарий прочитает модератор.");
        page.assert_does_not_say("Долго");
    }
    let silent = portal.review("/Q/A1A2T4", "1", " \r\n ").await;
    portal
        .browser()
        .get(&silent)
        .await
        .assert_says("Комментария не было");
    assert_eq!(summary(&portal).await.unverified().0, [2, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_status_code_is_accepted_as_people_type_it_and_an_unknown_one_is_explained() {
    let portal = Portal::new().await;
    let next = portal.review("/Q/A1A2T4", "1", "Долго").await;
    let code = next
        .trim_start_matches("/r/")
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    for typed in [
        code.to_lowercase(),
        code.replace('-', ""),
        code.replace('0', "o"),
    ] {
        let page = portal.browser().get(&format!("/R/{typed}?lang=ru")).await;
        page.assert_says("<h1>Что стало с отзывом</h1>");
    }
    let unknown = portal.browser().get("/r/00000-00000?lang=ru").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    unknown.assert_says("По этому коду отзыва нет");
    for page in [unknown, portal.browser().get("/?lang=ru").await] {
        page.assert_says("<form method=\"get\" action=\"/r\"");
        page.assert_says("<label class=\"field\" for=\"status-code\">Код отзыва</label>");
        page.assert_says("id=\"status-code\" name=\"code\"");
    }
    let sloppy = code.to_lowercase().replace('-', "%20-+");
    let found = portal
        .browser()
        .get(&format!("/r?code=+{sloppy}&lang=ru&size=150"))
        .await;
    assert_eq!(found.status, StatusCode::SEE_OTHER);
    assert_eq!(found.location(), format!("/r/{code}?lang=ru&size=150"));
    let empty = portal.browser().get("/r?code=+-&lang=ru").await;
    assert_eq!(empty.status, StatusCode::NOT_FOUND);
}

async fn waiting(portal: &Portal) -> Vec<pikir_portal::storage::Review> {
    let state = pikir_portal::storage::ReviewState::New;
    let reviews = portal
        .app
        .storage
        .reviews_to_read(state, None, 100)
        .await
        .unwrap();
    assert!(
        reviews
            .iter()
            .all(|review| review.organization == ORGANIZATION),
        "{PLACE}"
    );
    reviews
}
