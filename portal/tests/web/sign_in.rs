//! Signing in and out.

use std::time::Duration;

use axum::http::StatusCode;
use pikir_portal::platform::entropy::secret_hash;
use pikir_portal::storage::Role;
use pikir_portal::web::frame::throttle::{FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, WINDOW_MS};

use crate::support::{PASSWORD, Portal};

#[tokio::test]
async fn a_page_for_staff_leads_to_sign_in_and_back() {
    let portal = Portal::new().await;
    portal.add_user("aida", Role::Technician).await;
    let browser = portal.browser();
    let sent = browser.get("/activate?user_code=WXYC-9347").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(
        sent.location(),
        "/sign-in?next=%2Factivate%3Fuser_code%3DWXYC-9347"
    );
    let form = browser.get(&sent.location()).await;
    let (next, csrf) = (form.hidden("next"), form.hidden("csrf"));
    let typed = [
        ("login", " AIDA "),
        ("password", PASSWORD),
        ("next", &next),
        ("csrf", &csrf),
    ];
    assert_eq!(
        browser.post("/sign-in", &typed).await.location(),
        "/activate?user_code=WXYC-9347"
    );
    assert_eq!(browser.get("/staff").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_cookie_is_careful_and_only_its_hash_is_kept() {
    for (url, name, secure) in [
        ("http://127.0.0.1:8080", "pikir", false),
        ("https://p.example", "__Host-pikir", true),
    ] {
        let portal = Portal::at(url).await;
        portal.add_user("aida", Role::Admin).await;
        let browser = portal.browser();
        let reply = browser.sign_in("aida", PASSWORD).await;
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
                && cookie.contains("Path=/")
        );
        assert_eq!(cookie.contains("Secure"), secure);
        assert!(cookie.contains("Max-Age=43200"));
        let secret = browser.cookie().split_once('=').unwrap().1.to_owned();
        let session = portal
            .app
            .storage
            .session(secret_hash(&secret), portal.app.clock.now())
            .await
            .unwrap();
        assert_eq!(session.unwrap().login, "aida");
    }
}

#[tokio::test]
async fn signing_in_gives_a_new_secret_and_the_former_session_ends() {
    let portal = Portal::new().await;
    let browser = portal.signed_in(Role::Admin).await;
    let former = browser.cookie();
    let second = portal.browser();
    second.get("/sign-in").await;
    let before = second.cookie();
    second.sign_in("admin", PASSWORD).await;
    assert_ne!(second.cookie(), before);
    assert_ne!(second.cookie(), former);
    // A secret planted before signing in opens nothing afterwards.
    let thief = portal.browser();
    thief.set_cookie(&before);
    assert_eq!(thief.get("/staff").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_or_by_signing_out() {
    let portal = Portal::new().await;
    let browser = portal.signed_in(Role::Admin).await;
    let kept = browser.cookie();
    let csrf = browser.get("/staff").await.hidden("csrf");
    assert_eq!(
        browser.post("/sign-out", &[("csrf", "x")]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        browser
            .post("/sign-out", &[("csrf", &csrf)])
            .await
            .location(),
        "/sign-in"
    );
    assert_eq!(browser.cookie(), "");
    browser.set_cookie(&kept);
    assert_eq!(browser.get("/staff").await.status, StatusCode::SEE_OTHER);

    browser.set_cookie("");
    browser.sign_in("admin", PASSWORD).await;
    portal.advance(Duration::from_secs(12 * 60 * 60 - 1));
    assert_eq!(browser.get("/staff").await.status, StatusCode::OK);
    portal.advance(Duration::from_secs(1));
    assert_eq!(browser.get("/staff").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_login_get_the_same_answer() {
    let portal = Portal::new().await;
    portal.add_user("aida", Role::Admin).await;
    for login in ["aida", "nobody"] {
        let reply = portal
            .browser()
            .with("accept-language", "en")
            .sign_in(login, "not the password")
            .await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        reply.assert_says("Login or password is wrong.");
        reply.assert_does_not_say("not the password");
    }
}

#[tokio::test]
async fn guessing_a_login_does_not_lock_out_who_knows_the_password() {
    let portal = Portal::new().await;
    portal.add_user("aida", Role::Technician).await;
    let guessing = portal.browser().with("x-forwarded-for", "203.0.113.1");
    for _ in 0..FAILURES_PER_LOGIN {
        assert_eq!(
            guessing.sign_in("aida", "wrong").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    for owner in [portal.browser(), guessing] {
        let reply = owner.sign_in("aida", PASSWORD).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    }
}

#[tokio::test]
async fn guesses_at_the_same_moment_are_no_more_than_one_address_may_make() {
    const LOGINS: u32 = 15;
    let portal = Portal::new().await;
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..LOGINS {
        let login = format!("user{number}");
        portal.add_user(&login, Role::Technician).await;
        for _ in 0..FAILURES_PER_LOGIN {
            let (browser, login) = (portal.browser(), login.clone());
            guesses.spawn(async move { browser.sign_in(&login, "wrong").await.status });
        }
    }
    let answers = guesses.join_all().await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    let limit = FAILURES_PER_ADDRESS as usize;
    assert_eq!(count(StatusCode::UNAUTHORIZED), limit);
    assert_eq!(count(StatusCode::TOO_MANY_REQUESTS), answers.len() - limit);

    portal.advance(Duration::from_millis(WINDOW_MS.unsigned_abs()));
    let reply = portal.browser().sign_in("user1", PASSWORD).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
}

#[tokio::test]
async fn a_sign_in_form_from_elsewhere_is_refused() {
    let portal = Portal::new().await;
    portal.add_user("aida", Role::Admin).await;
    let no_token = portal.browser();
    no_token.get("/sign-in").await;
    let typed = [("login", "aida"), ("password", PASSWORD), ("csrf", "")];
    assert_eq!(
        no_token.post("/sign-in", &typed).await.status,
        StatusCode::FORBIDDEN
    );
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let reply = portal
            .browser()
            .with(name, value)
            .sign_in("aida", PASSWORD)
            .await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8080"),
    ] {
        let reply = portal
            .browser()
            .with(name, value)
            .sign_in("aida", PASSWORD)
            .await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{name}: {value}");
    }
}

#[tokio::test]
async fn each_role_opens_its_own_pages_only() {
    let portal = Portal::new().await;
    let pages = ["/staff", "/activate", "/staff/reviews"];
    let rights = [
        (Role::Technician, [true, true, false]),
        (Role::Moderator, [false, false, true]),
        (Role::Admin, [true, true, true]),
    ];
    for (role, allowed) in rights {
        let browser = portal.signed_in(role).await;
        for (page, allowed) in pages.into_iter().zip(allowed) {
            let reply = browser.get(page).await;
            assert_eq!(reply.status == StatusCode::OK, allowed, "{role} {page}");
            assert!(allowed || reply.status == StatusCode::FORBIDDEN);
            assert_eq!(reply.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn the_language_chosen_once_stays_for_the_session() {
    let portal = Portal::new().await;
    let browser = portal.signed_in(Role::Admin).await;
    browser
        .get("/staff?lang=ky")
        .await
        .assert_says("<html lang=\"ky\">");
    browser
        .get("/staff/reviews")
        .await
        .assert_says("<html lang=\"ky\">");
}
