//! Technicians: claiming a terminal, and the overview.

use std::time::Duration;

use axum::http::StatusCode;
use pikir_portal::storage::{EnrolmentState, Role, Setting, Settings};
use pikir_portal::web::frame::throttle::WRONG_CODES;

use crate::support::{ORGANIZATION, PLACE, Portal, USER_CODE};

async fn state(portal: &Portal) -> EnrolmentState {
    portal
        .app
        .storage
        .enrolment(USER_CODE, portal.app.clock.unix_ms())
        .await
        .unwrap()
        .unwrap()
        .state
}

#[tokio::test]
async fn the_code_is_taken_as_typed_and_shows_which_machine_asks() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Technician).await;
    browser
        .get("/activate")
        .await
        .assert_says("name=\"user_code\"");
    for typed in ["WXYC-9347", "wxyc9347", "wxyc%209347"] {
        let page = browser.get(&format!("/activate?user_code={typed}")).await;
        assert_eq!(page.status, StatusCode::OK, "{typed}");
        page.assert_says("Raspberry Pi 4 Model B");
        page.assert_says("10000000a1b2c3d4");
        // The first 8 bytes of the SHA-256 of the key 01 01 … 01.
        page.assert_says("72cd 6e84 22c4 07fb");
        page.assert_says("<option value=\"A1A2T4\">Зал 2 (A1A2T4)</option>");
    }
}

#[tokio::test]
async fn approving_enrols_the_terminal_at_the_chosen_place() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Technician).await;
    let page = browser.get("/activate?user_code=WXYC-9347&lang=en").await;
    let csrf = page.hidden("csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("user_code", USER_CODE),
        ("place", PLACE),
        ("action", "approve"),
    ];
    let done = browser.post("/activate", &form).await;
    assert_eq!(done.status, StatusCode::OK);
    done.assert_says("<h1>The terminal is approved</h1>");
    assert_eq!(state(&portal).await, EnrolmentState::Approved);
    assert_eq!(
        portal.app.storage.terminals().await.unwrap()[0]
            .place
            .as_str(),
        PLACE
    );
    let overview = browser.get("/staff").await;
    overview.assert_says("Зал 2");
    overview.assert_says("intact");
    assert_eq!(
        browser.post("/activate", &form).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn refusing_ends_the_request() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Admin).await;
    let csrf = browser
        .get("/activate?user_code=WXYC-9347&lang=en")
        .await
        .hidden("csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("user_code", USER_CODE),
        ("action", "deny"),
    ];
    browser
        .post("/activate", &form)
        .await
        .assert_says("<h1>The terminal is refused</h1>");
    assert_eq!(state(&portal).await, EnrolmentState::Denied);
}

#[tokio::test]
async fn a_form_without_its_token_a_place_or_the_right_changes_nothing() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let technician = portal.signed_in(Role::Technician).await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let csrf = technician
        .get("/activate?user_code=WXYC-9347&lang=en")
        .await
        .hidden("csrf");
    let other = moderator.get("/staff/reviews").await.hidden("csrf");
    let mut form = [
        ("csrf", other.as_str()),
        ("user_code", USER_CODE),
        ("place", PLACE),
        ("action", "approve"),
    ];
    assert_eq!(
        technician.post("/activate", &form).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        moderator.post("/activate", &form).await.status,
        StatusCode::FORBIDDEN
    );
    form[0].1 = &csrf;
    for place in ["", "ZZZZZZ", "no code"] {
        form[2].1 = place;
        let reply = technician.post("/activate", &form).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        reply.assert_says("Choose a place from the list.");
    }
    form[2].1 = PLACE;
    let elsewhere = portal.browser().with("sec-fetch-site", "cross-site");
    elsewhere.set_cookie(&technician.cookie());
    assert_eq!(
        elsewhere.post("/activate", &form).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(state(&portal).await, EnrolmentState::Pending);
}

#[tokio::test]
async fn hundreds_of_places_are_searched_and_sorted_as_people_count() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    for number in 0..250 {
        portal
            .add_place(&format!("ZZ{number:04}"), &format!("Окно {number}"))
            .await;
    }
    let browser = portal.signed_in(Role::Technician).await;
    let all = browser.get("/activate?user_code=WXYC-9347").await;
    assert_eq!(all.body.matches("<option value=\"").count(), 200 + 2);
    let (second, tenth) = (
        all.body.find("Окно 2 (").unwrap(),
        all.body.find("Окно 10 (").unwrap(),
    );
    assert!(second < tenth);
    let found = browser
        .get("/activate?user_code=WXYC-9347&q=%D0%BE%D0%BA%D0%BD%D0%BE+249")
        .await;
    found.assert_says("Окно 249 (");
    assert_eq!(found.body.matches("(ZZ").count(), 1);
    browser
        .get("/activate?user_code=WXYC-9347&q=xyz&lang=en")
        .await
        .assert_says("No place matches.");
}

#[tokio::test]
async fn a_new_place_is_created_and_selected_but_not_yet_approved() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Technician).await;
    let csrf = browser
        .get("/activate?user_code=WXYC-9347&lang=en")
        .await
        .hidden("csrf");
    let mut form = [
        ("csrf", csrf.as_str()),
        ("user_code", USER_CODE),
        ("organization", ORGANIZATION),
        ("name", " Зал  7 "),
    ];
    let created = browser.post("/activate/place", &form).await;
    assert_eq!(created.status, StatusCode::SEE_OTHER, "{}", created.body);
    let page = browser.get(&created.location()).await;
    page.assert_says(" selected>Зал 7 (");
    assert_eq!(state(&portal).await, EnrolmentState::Pending);
    form[3].1 = "  ";
    let nameless = browser.post("/activate/place", &form).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    nameless.assert_says("Give the place a name");
    form[3].1 = "Зал 8";
    form[2].1 = "NOBODY";
    browser
        .post("/activate/place", &form)
        .await
        .assert_says("Choose an organisation from the list.");
    assert_eq!(portal.app.storage.places(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_new_place_keeps_the_hours_and_the_time_zone_of_its_organisation() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let storage = &portal.app.storage;
    let mut known = storage.places(None).await.unwrap().remove(0);
    known.code = "M1NSK1".parse().unwrap();
    known.organization = "KG-1-A".to_owned();
    known.timezone = "Europe/Minsk".to_owned();
    known.hours = "mon-fri 09:00-18:00".parse().unwrap();
    let hours = known.hours.to_string();
    storage.add_place(known, 0).await.unwrap();
    let browser = portal.signed_in(Role::Technician).await;
    let page = browser
        .get(&format!("/activate?user_code={USER_CODE}"))
        .await;
    let form = [
        ("csrf", &*page.hidden("csrf")),
        ("user_code", USER_CODE),
        ("organization", "KG-1-A"),
        ("name", "Зал 9"),
    ];
    let created = browser.post("/activate/place", &form).await;
    assert_eq!(created.status, StatusCode::SEE_OTHER, "{}", created.body);
    let places = storage.places(Some("KG-1-A")).await.unwrap();
    assert_eq!(places.len(), 2);
    for place in places {
        assert_eq!(
            (place.timezone.as_str(), place.hours.to_string()),
            ("Europe/Minsk", hours.clone())
        );
    }
}

#[tokio::test]
async fn a_new_place_of_a_unit_has_the_time_zone_and_the_languages_of_what_stands_above_it() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let storage = &portal.app.storage;
    let mut above = storage.places(None).await.unwrap().remove(0);
    above.code = "ALMATY".parse().unwrap();
    // Before every other by its name.
    above.name = "A".to_owned();
    above.timezone = "Asia/Almaty".to_owned();
    above.languages = vec!["kk".to_owned(), "ru".to_owned()];
    above.default_language = "kk".to_owned();
    storage.add_place(above, 0).await.unwrap();
    let browser = portal.signed_in(Role::Technician).await;
    let page = browser
        .get(&format!("/activate?user_code={USER_CODE}"))
        .await;
    let form = [
        ("csrf", &*page.hidden("csrf")),
        ("user_code", USER_CODE),
        ("organization", "KG-1-A"),
        ("name", "Зал 9"),
    ];
    let created = browser.post("/activate/place", &form).await;
    assert_eq!(created.status, StatusCode::SEE_OTHER, "{}", created.body);
    let place = async || storage.places(Some("KG-1-A")).await.unwrap().remove(0);
    let new = place().await;
    assert_eq!(
        (&*new.timezone, &*new.default_language),
        ("Asia/Almaty", "kk")
    );
    assert_eq!(new.languages, ["kk", "ru"]);
    // What the organisation says later holds there too.
    let settings = Settings {
        timezone: Setting::Own("Europe/Minsk".to_owned()),
        ..Settings::default()
    };
    storage.set_organization("KG-1", settings).await.unwrap();
    assert_eq!(place().await.timezone, "Europe/Minsk");
}

#[tokio::test]
async fn wrong_and_expired_codes_are_explained_and_guessing_is_stopped() {
    let portal = Portal::new().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Technician).await;
    for attempt in 0..WRONG_CODES {
        let reply = browser
            .get(&format!(
                "/activate?lang=en&user_code=WXYC-9{:03}",
                333 + attempt % 2
            ))
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        reply.assert_says("No terminal is waiting under this code.");
    }
    let stopped = browser.get("/activate?user_code=WXYC-9347").await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    stopped.assert_says("Please wait 10 minutes");
    portal.advance(Duration::from_secs(16 * 60));
    assert_eq!(
        browser.get("/activate?user_code=WXYC-9347").await.status,
        StatusCode::NOT_FOUND
    );
}
