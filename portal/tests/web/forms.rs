//! What people type and scan is not lost, whatever happens on the way.

use std::time::Duration;

use axum::http::StatusCode;
use pikir_contract::{Choice, Content, Texts};
use pikir_portal::storage::{ContentChange, Role};
use serde_json::Value;

use crate::support::{Browser, PASSWORD, PLACE, Portal, Reply, USER_CODE};

const TWELVE_HOURS: Duration = Duration::from_secs(12 * 60 * 60);

/// Signs in with the form that a reply shows, and follows it.
async fn sign_in_again(browser: &Browser, login: &str, asked: &Reply) -> Reply {
    let [next, kept, csrf] = ["next", "kept", "csrf"].map(|name| unescaped(&asked.hidden(name)));
    let mut typed = [
        ("login", login),
        ("password", "wrong"),
        ("next", &next),
        ("kept", &kept),
        ("csrf", &csrf),
    ];
    let refused = browser.post("/sign-in", &typed).await;
    assert_eq!(
        unescaped(&refused.hidden("kept")),
        kept,
        "kept over a wrong password"
    );
    typed[1].1 = PASSWORD;
    let signed_in = browser.post("/sign-in", &typed).await;
    assert_eq!(
        signed_in.status,
        StatusCode::SEE_OTHER,
        "{}",
        signed_in.body
    );
    browser.get(&signed_in.location()).await
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}

/// A moderator, and the fields of a form about a published comment.
async fn moderator(portal: &Portal) -> (Browser, [String; 3]) {
    portal.review("/Q/A1A2T4", "2", "Долго").await;
    let browser = portal.signed_in(Role::Moderator).await;
    let publish = |page: &Reply| ["csrf", "review", "digest"].map(|name| page.hidden(name));
    let [csrf, review, digest] = publish(&browser.get("/staff/reviews").await);
    let form = [
        ("csrf", &*csrf),
        ("review", &*review),
        ("digest", &*digest),
        ("action", "publish"),
    ];
    browser.post("/staff/reviews", &form).await;
    let fields = publish(&browser.get("/staff/reviews?state=published").await);
    (browser, fields)
}

fn answer<'a>([csrf, review, digest]: &'a [String; 3], text: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("csrf", csrf),
        ("review", review),
        ("digest", digest),
        ("state", "published"),
        ("action", "answer"),
        ("answer", text),
    ]
}

#[tokio::test]
async fn an_official_answer_that_is_too_long_comes_back_in_its_field() {
    let portal = Portal::new().await;
    let (browser, fields) = moderator(&portal).await;
    let long = "ы".repeat(2_001);
    let refused = browser
        .post("/staff/reviews?lang=ru", &answer(&fields, &long))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_says("В ответе не больше 2000 знаков.");
    refused.assert_says(&format!("\n{long}</textarea>"));
    let taken = browser
        .post("/staff/reviews", &answer(&fields, &long[2..]))
        .await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
}

#[tokio::test]
async fn an_answer_sent_after_the_session_ended_comes_back_in_its_field() {
    let portal = Portal::new().await;
    let (browser, fields) = moderator(&portal).await;
    portal.advance(TWELVE_HOURS);
    let text = "Спасибо & извините: +1 окно\n\"завтра\"";
    let asked = browser
        .post("/staff/reviews?lang=ru", &answer(&fields, text))
        .await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    asked.assert_says("Сеанс завершён.");
    let back = sign_in_again(&browser, "moderator", &asked).await;
    back.assert_says("Написанное вернулось.");
    back.assert_says("Спасибо &#38; извините: +1 окно\n&#34;завтра&#34;</textarea>");
    // Once: a page that is opened later begins empty.
    let later = browser.get("/staff/reviews?state=published").await;
    later.assert_does_not_say("завтра");
    let fresh = ["csrf", "review", "digest"].map(|name| later.hidden(name));
    let taken = browser.post("/staff/reviews", &answer(&fresh, text)).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
}

#[tokio::test]
async fn a_form_of_the_former_session_comes_back_where_somebody_signed_in_anew_beside_it() {
    let portal = Portal::new().await;
    let (browser, fields) = moderator(&portal).await;
    browser.set_cookie("");
    browser.sign_in("moderator", PASSWORD).await;
    let browser = browser.with("sec-fetch-site", "same-origin");
    let sent = browser
        .post("/staff/reviews", &answer(&fields, "Завтра"))
        .await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let back = browser.get(&sent.location()).await;
    back.assert_says("Завтра</textarea>");
    let elsewhere = portal.browser().with("sec-fetch-site", "cross-site");
    let foreign = elsewhere
        .post("/staff/reviews", &answer(&fields, "x"))
        .await;
    assert_eq!(foreign.status, StatusCode::SEE_OTHER);
    assert!(
        foreign.location().starts_with("/sign-in"),
        "{}",
        foreign.location()
    );
}

#[tokio::test]
async fn a_new_place_and_a_reason_come_back_after_signing_in_again() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Admin).await;
    let csrf = browser.get("/staff").await.hidden("csrf");
    // Codes live for minutes, so the session ends by the clock of another sign-in: the cookie is
    // gone.
    browser.set_cookie("");
    let form = [
        ("csrf", csrf.as_str()),
        ("user_code", USER_CODE),
        ("organization", "KG-1-A"),
        ("name", "Зал №9"),
    ];
    let asked = browser.post("/activate/place?lang=ru", &form).await;
    let back = sign_in_again(&browser, "admin", &asked).await;
    back.assert_says("Написанное вернулось.");
    back.assert_says("value=\"Зал №9\"");
    back.assert_says("<option value=\"KG-1-A\" selected>");

    browser.set_cookie("");
    let form = [("csrf", csrf.as_str()), ("reason", "Проверено на месте")];
    let asked = browser.post("/staff/exclusions?lang=ru", &form).await;
    let back = sign_in_again(&browser, "admin", &asked).await;
    assert_eq!(back.status, StatusCode::OK);
    back.assert_says("Написанное вернулось.");
}

#[tokio::test]
async fn an_address_leads_to_its_page_whatever_a_scanner_or_a_person_made_of_it() {
    let portal = Portal::new().await;
    let browser = portal.browser();
    for path in [
        "/Q/A1A2T4/",
        "/q/a1a2t4/",
        "//Q//A1A2T4",
        "/Q/A1A2T4.",
        "/Q/A1A2T4%20",
        "/Q/A1A2T4,",
        "/Q/A1A2T4%0D%0A",
        "/Q/%E2%80%8BA1A2T4)",
        "/O/KG-1/",
        "/o/kg-1",
        "/o/KG-1%20",
        "/RULES/",
        "/sign-in.",
    ] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK, "{path}");
    }
    let token = portal.qr_path();
    portal
        .review(&format!("{}/.", token.to_lowercase()), "4", "")
        .await;
    assert_eq!(portal.figures().await.rated.summary.on_site().total(), 1);
    for path in ["/q/A1A2T4/x/y", "/q", "/o/KG", "/qq/A1A2T4"] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_phone_asks_what_the_terminal_asks_in_the_place_s_own_language_where_there_is_no_other() {
    let portal = Portal::new().await;
    let services = vec![Choice {
        key: "passport".to_owned(),
        name: Texts::from([("be", "Пашпарт"), ("ky", "Паспорт алуу")]),
    }];
    let content = serde_json::to_value(Content {
        services,
        ..Content::default()
    })
    .unwrap();
    let change = ContentChange {
        organization: "KG-1".to_owned(),
        members: [("services".to_owned(), content["services"].clone())]
            .into_iter()
            .collect::<serde_json::Map<String, Value>>(),
    };
    portal
        .app
        .storage
        .put_organizations(Vec::new(), vec![change])
        .await
        .unwrap();
    for lang in ["ky", "ru", "en", "kk"] {
        let page = portal
            .browser()
            .get(&format!("/q/{PLACE}?lang={lang}"))
            .await;
        // The place's question stands there in Russian alone; its own language is Kyrgyz.
        page.assert_says("<h1>Как прошёл визит?</h1>");
        page.assert_says("Паспорт алуу</option>");
    }
    portal
        .browser()
        .get(&format!("/q/{PLACE}?lang=be"))
        .await
        .assert_says("Пашпарт</option>");
}

#[tokio::test]
async fn an_empty_file_is_named_and_the_text_stays() {
    let portal = Portal::new().await;
    let mark = portal
        .browser()
        .get(&format!("/Q/{PLACE}"))
        .await
        .hidden("mark");
    let fields = [
        ("mark", &*mark),
        ("score", "2"),
        ("comment", "Очередь"),
        ("lang", "ru"),
    ];
    for files in [
        &[("IMG.jpg", 0)][..],
        &[("", 0), ("IMG.jpg", 0)],
        &[("", 0)],
    ] {
        let named = files.iter().any(|(name, _)| !name.is_empty());
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        for (name, _) in files {
            body += &format!(
                "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{name}\"\r\nContent-Type: image/jpeg\r\n\r\n\r\n"
            );
        }
        body += "--x--\r\n";
        let reply = portal
            .browser()
            .post_multipart(&format!("/Q/{PLACE}"), "x", body)
            .await;
        if named {
            assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
            reply.assert_says("Файл пуст.");
            reply.assert_says("Очередь</textarea>");
        } else {
            assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_comment_is_kept_in_composed_letters_with_its_words_apart() {
    let portal = Portal::new().await;
    portal
        .review("/Q/A1A2T4", "3", "Хорошии\u{306}\tзал\u{200b}\r\n\u{7}да")
        .await;
    let waiting =
        portal
            .app
            .storage
            .reviews_to_read(pikir_portal::storage::ReviewState::New, None, 9);
    let reviews = waiting.await.unwrap();
    assert_eq!(reviews[0].comment.as_deref(), Some("Хороший зал\nда"));
}

#[tokio::test]
async fn pages_travel_packed_to_whoever_takes_them_so() {
    let portal = Portal::new().await;
    let packed = portal.browser().with("accept-encoding", "gzip, br");
    let (status, bytes) = packed.get_bytes("/Q/A1A2T4").await;
    assert_eq!((status, &bytes[..2]), (StatusCode::OK, &[0x1f, 0x8b][..]));
    let plain = portal.browser().get("/Q/A1A2T4").await;
    assert!(
        plain.body.len() > 2 * bytes.len(),
        "{} {}",
        plain.body.len(),
        bytes.len()
    );
    let font = plain
        .body
        .split("href=\"/font/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let (status, bytes) = portal.browser().get_bytes(&format!("/font/{font}")).await;
    assert_eq!((status, &bytes[..4]), (StatusCode::OK, &b"wOF2"[..]));
    assert_eq!(
        portal.browser().get("/font/other.woff2").await.status,
        StatusCode::NOT_FOUND
    );
}
