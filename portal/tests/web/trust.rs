//! What a figure made of phone reviews is worth: who can move it, and who cannot.

use std::time::Duration;

use axum::Extension;
use axum::http::StatusCode;
use pikir_portal::domain::rules::Rule;
use pikir_portal::domain::rules::phone::{
    NETWORK_COUNT, NETWORK_DAY_COUNT, REPLAY_NETWORKS, RUSH_COUNT,
};
use pikir_portal::platform::proxies::TrustedProxies;
use pikir_portal::server;
use pikir_portal::storage::{ReviewState, Role, Summary};
use pikir_portal::web::frame::throttle::{SLOWER_BY, WRONG_STATUS_CODES};
use serde_json::{Value, json};

use crate::support::{Browser, Portal, Reply};

const POSTER: &str = "/Q/A1A2T4";
const MINUTE: Duration = Duration::from_secs(60);

async fn summary(portal: &Portal) -> Summary {
    portal.figures().await.rated.summary
}

/// Ratings on site, and those by code or link.
async fn totals(portal: &Portal) -> (u64, u64) {
    let summary = summary(portal).await;
    (summary.on_site().total(), summary.unverified().total())
}

/// How many of those on site a rule leaves out.
async fn left_out(portal: &Portal, rule: Rule) -> u64 {
    let mut found = summary(portal)
        .await
        .left_out
        .by_rule
        .iter()
        .collect::<Vec<_>>();
    found.retain(|(of, _)| *of == rule);
    found[0].1
}

/// Somebody in a network of their own.
fn somebody(portal: &Portal, number: usize) -> Browser {
    portal
        .browser()
        .at(&format!("10.{}.{}.7", number / 256, number % 256))
}

#[track_caller]
fn assert_sent(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
}

#[tokio::test]
async fn six_hundred_posts_without_a_form_of_this_portal_s_move_no_figure() {
    let portal = Portal::new().await;
    let token = portal.qr_path();
    for path in [POSTER, "/q/A1A2T4/FAKE", &token] {
        for _ in 0..200 {
            let sender = portal.browser().at("127.0.0.1");
            let reply = sender.post(path, &[("score", "1")]).await;
            assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    assert_eq!(totals(&portal).await, (0, 0));
    assert_eq!(summary(&portal).await, Summary::default());
}

#[tokio::test]
async fn six_hundred_forms_fetched_and_sent_from_one_address_are_kept_and_move_no_figure() {
    let portal = Portal::new().await;
    let sender = portal.browser().at("198.51.100.9");
    for number in 0..600 {
        let path = match number % 2 {
            0 => portal.qr_path(),
            _ => "/q/A1A2T4/FAKE".to_owned(),
        };
        assert_sent(&sender.fill(&path, &[("score", "1")]).await);
    }
    assert_eq!(totals(&portal).await, (0, 0));
    let summary = summary(&portal).await;
    assert_eq!(summary.left_out.total, 300);
    assert_eq!(summary.unverified_left_out.total, 300);
    // Whoever else is there counts.
    portal.review(&portal.qr_path(), "5", "").await;
    assert_eq!(totals(&portal).await, (1, 0));
}

#[tokio::test]
async fn a_form_that_is_not_this_portal_s_comes_back_filled_in_and_is_taken_then() {
    let portal = Portal::new().await;
    portal.add_place("B7C8D9", "Зал 3").await;
    let elsewhere = portal.browser().get("/Q/B7C8D9").await.hidden("mark");
    let own = portal.browser().get(POSTER).await.hidden("mark");
    let (first, rest) = own.split_at(1);
    let altered = format!("{}{rest}", if first == "A" { "C" } else { "A" });
    for mark in ["", "x", &elsewhere, &altered, &own[..own.len() - 1]] {
        let form = [
            ("score", "2"),
            ("comment", "Долго ждали"),
            ("mark", mark),
            ("lang", "en"),
        ];
        let back = portal.browser().post(POSTER, &form).await;
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY, "{mark}");
        back.assert_says("Nothing is lost");
        back.assert_says("Долго ждали</textarea>");
        back.assert_says("id=\"score-2\" value=\"2\" required checked>");
        assert_eq!(totals(&portal).await.1, 0);
    }
    let form = [("score", "2"), ("mark", "")];
    let back = portal.browser().post(POSTER, &form).await;
    let form = [("score", "2"), ("mark", &*back.hidden("mark"))];
    assert_sent(&portal.browser().post(POSTER, &form).await);
    assert_eq!(totals(&portal).await, (0, 1));
}

#[tokio::test]
async fn a_form_is_taken_for_a_day_and_over_a_restart() {
    let portal = Portal::new().await;
    let page = portal.browser().get(POSTER).await;
    portal.advance(23 * 60 * MINUTE);
    let mut restarted = portal.browser();
    restarted.router = server::router(portal.app.clone());
    let form = [("score", "2"), ("mark", &*page.hidden("mark"))];
    assert_sent(&restarted.post(POSTER, &form).await);
    let page = portal.browser().get(POSTER).await;
    portal.advance(25 * 60 * MINUTE);
    let form = [("score", "3"), ("mark", &*page.hidden("mark"))];
    let back = portal.browser().post(POSTER, &form).await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(totals(&portal).await, (0, 1));
}

#[tokio::test]
async fn a_form_that_another_site_s_page_sends_counts_nothing_even_with_a_mark() {
    let portal = Portal::new().await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let mark = portal.browser().get(&portal.qr_path()).await.hidden("mark");
        let form = [("score", "1"), ("mark", &*mark)];
        let reader = portal.browser().with(name, value);
        let back = reader.post(&portal.qr_path(), &form).await;
        assert_eq!(
            back.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {value}"
        );
        // Who sends it on all the same came by that page's link, whatever token it handed on.
        let form = [("score", "1"), ("mark", &*back.hidden("mark"))];
        let own = portal.browser().with("sec-fetch-site", "same-origin");
        assert_sent(&own.post(&portal.qr_path(), &form).await);
    }
    let summary = summary(&portal).await;
    assert_eq!((summary.on_site().total(), summary.link.total()), (0, 3));
}

#[tokio::test]
async fn who_follows_a_link_counts_as_link_and_who_scans_as_code() {
    let portal = Portal::new().await;
    let form = [("score", "4")];
    let by_link = [
        portal
            .browser()
            .with("sec-fetch-site", "cross-site")
            .get(POSTER)
            .await,
        portal
            .browser()
            .with("referer", "https://gov.example/")
            .get(POSTER)
            .await,
        portal.browser().get("/q/A1A2T4?via=link").await,
    ];
    for page in by_link {
        let form = [("score", "4"), ("mark", &*page.hidden("mark"))];
        assert_sent(&portal.browser().post(POSTER, &form).await);
    }
    let scanned = portal.browser().with("sec-fetch-site", "none");
    let page = scanned.get(POSTER).await;
    let marked = [form[0], ("mark", &*page.hidden("mark"))];
    assert_sent(&portal.browser().post(POSTER, &marked).await);
    let summary = summary(&portal).await;
    assert_eq!((summary.link.total(), summary.poster.total()), (3, 1));
}

#[tokio::test]
async fn the_two_figures_stand_side_by_side_and_are_never_mixed() {
    let portal = Portal::new().await;
    let figures = async || -> Value {
        let answer = portal
            .browser()
            .get("/api/v1/organizations/KG-1/summary")
            .await;
        serde_json::from_str(&answer.body).unwrap()
    };
    portal.review(POSTER, "1", "").await;
    let page = portal.browser().get("/o/KG-1?lang=en").await;
    page.assert_says("No ratings on site yet.");
    page.assert_says("<h2 id=\"unverified\">By code or link</h2>");
    page.assert_says("<b>1.00</b><span>average by code or link</span>");
    let home = portal.browser().get("/?lang=en").await;
    home.assert_says("by code or link: 1.00 out of 5 · ratings: 1<");
    let summary = figures().await;
    assert_eq!(
        (&summary["total"], &summary["average"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(summary["unverified"]["total"], 1);

    portal.review(&portal.qr_path(), "5", "").await;
    let linked = portal.browser().get("/q/A1A2T4?via=link").await;
    let form = [("score", "2"), ("mark", &*linked.hidden("mark"))];
    assert_sent(&portal.browser().post(POSTER, &form).await);
    let summary = figures().await;
    assert_eq!(
        (&summary["total"], &summary["average"]),
        (&json!(1), &json!("5.00"))
    );
    assert_eq!(
        summary["counts"],
        json!({"1": 0, "2": 0, "3": 0, "4": 0, "5": 1})
    );
    let names = |channels: &Value| {
        channels
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&summary["channels"]), ["phone", "terminal"]);
    let unverified = &summary["unverified"];
    assert_eq!(
        (&unverified["total"], &unverified["average"]),
        (&json!(2), &json!("1.50"))
    );
    assert_eq!(names(&unverified["channels"]), ["link", "poster"]);
    assert_eq!(unverified["channels"]["link"]["average"], "2.00");
    let page = portal.browser().get("/o/KG-1?lang=en").await;
    page.assert_says("<b>5.00</b><span>average out of 5</span>");
    page.assert_says("<b>1.50</b><span>average by code or link</span>");
}

#[tokio::test]
async fn a_form_sent_again_with_another_content_changes_its_review() {
    let portal = Portal::new().await;
    let page = portal.browser().get(&portal.qr_path()).await;
    let mark = page.hidden("mark");
    let send = async |score: &'static str, comment: &'static str| {
        let form = [
            ("score", score),
            ("comment", comment),
            ("mark", &*mark),
            ("lang", "en"),
        ];
        let reply = portal.browser().post(&portal.qr_path(), &form).await;
        assert_sent(&reply);
        reply.location()
    };
    let first = send("2", "Долго").await;
    let again = send("2", "Долго").await;
    assert_eq!(first, again);
    let moderator = portal.signed_in(Role::Moderator).await;
    let list = moderator.get("/staff/reviews").await;
    let [csrf, review, digest] = ["csrf", "review", "digest"].map(|name| list.hidden(name));
    let publish = [
        ("csrf", &*csrf),
        ("review", &*review),
        ("digest", &*digest),
        ("action", "publish"),
    ];
    assert_sent(&moderator.post("/staff/reviews", &publish).await);

    portal.advance(20 * MINUTE);
    let changed = send("5", "Разобрались").await;
    assert_eq!(changed, first.replace("thanks=1", "thanks=changed"));
    let page = portal.browser().get(&changed).await;
    page.assert_says("<h1>Thank you. Your change has arrived.</h1>");
    page.assert_says("both are one review");
    assert_eq!(totals(&portal).await, (1, 0));
    assert_eq!(summary(&portal).await.phone.0, [0, 0, 0, 0, 1]);
    // What was published is another comment now.
    let public = portal.browser().get("/o/KG-1?lang=en").await;
    public.assert_does_not_say("Долго");
    public.assert_does_not_say("Разобрались");
    moderator
        .get("/staff/reviews")
        .await
        .assert_says("Разобрались");
}

#[tokio::test]
async fn changing_a_review_keeps_its_photo_and_a_fault_in_the_change_changes_nothing() {
    let portal = Portal::new().await;
    let mark = portal.browser().get(POSTER).await.hidden("mark");
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8)
        .write_to(&mut jpeg, image::ImageFormat::Png)
        .unwrap();
    let browser = portal.browser();
    let fields = [("score", "2"), ("comment", "Грязно"), ("mark", &*mark)];
    assert_sent(
        &browser
            .post_with_files(POSTER, &fields, &[jpeg.get_ref()])
            .await,
    );
    let no_score = [("score", ""), ("comment", "Чисто"), ("mark", &*mark)];
    let back = browser.post(POSTER, &no_score).await;
    assert_eq!(
        (back.status, back.hidden("mark")),
        (StatusCode::UNPROCESSABLE_ENTITY, mark.clone())
    );
    let fields = [("score", "4"), ("comment", "Грязно"), ("mark", &*mark)];
    assert_sent(&browser.post(POSTER, &fields).await);
    let waiting = portal
        .app
        .storage
        .reviews_to_read(ReviewState::New, None, 10)
        .await
        .unwrap();
    let [review] = &*waiting else {
        panic!("{waiting:?}")
    };
    assert_eq!((review.score.get(), review.photos), (4, 1));
}

#[tokio::test]
async fn more_phones_than_can_pass_a_screen_within_a_token_s_life_are_a_rush() {
    let portal = Portal::new().await;
    // Ten people at each token, five tokens.
    for token in 0..5 {
        if token > 0 {
            portal.advance(5 * MINUTE);
        }
        for number in 0..RUSH_COUNT / 5 {
            let person = somebody(&portal, number);
            assert_sent(&person.fill(&portal.qr_path(), &[("score", "5")]).await);
        }
    }
    assert_eq!(totals(&portal).await, (50, 0));
    assert_sent(
        &somebody(&portal, 0)
            .fill(&portal.qr_path(), &[("score", "5")])
            .await,
    );
    assert_eq!(totals(&portal).await, (0, 0));
    assert_eq!(left_out(&portal, Rule::Rush).await, 51);
    // By a printed code no screen has to be passed.
    portal.review(POSTER, "5", "").await;
    assert_eq!(totals(&portal).await, (0, 1));
}

#[tokio::test]
async fn one_token_from_more_networks_than_can_scan_it_is_a_replay() {
    let portal = Portal::new().await;
    let path = portal.qr_path();
    for number in 0..REPLAY_NETWORKS {
        assert_sent(
            &somebody(&portal, number)
                .fill(&path, &[("score", "1")])
                .await,
        );
    }
    assert_eq!(totals(&portal).await, (10, 0));
    for number in [3, REPLAY_NETWORKS, 0] {
        assert_sent(
            &somebody(&portal, number)
                .fill(&path, &[("score", "1")])
                .await,
        );
    }
    assert_eq!(
        (totals(&portal).await, left_out(&portal, Rule::Replay).await),
        ((0, 0), 13)
    );
    // The next token is another one.
    portal.advance(5 * MINUTE);
    assert_sent(
        &somebody(&portal, 0)
            .fill(&portal.qr_path(), &[("score", "4")])
            .await,
    );
    assert_eq!(totals(&portal).await, (1, 0));
}

#[tokio::test]
async fn many_from_one_network_in_a_short_time_or_a_day_do_not_count_and_others_do() {
    let portal = Portal::new().await;
    let form = [("score", "1")];
    for number in 0..NETWORK_COUNT {
        let neighbour = portal.browser().at(&format!("198.51.100.{number}"));
        assert_sent(&neighbour.fill(POSTER, &form).await);
    }
    assert_sent(
        &portal
            .browser()
            .at("198.51.101.1")
            .fill(POSTER, &form)
            .await,
    );
    assert_eq!(totals(&portal).await, (0, 11));
    assert_sent(
        &portal
            .browser()
            .at("198.51.100.250")
            .fill(POSTER, &form)
            .await,
    );
    assert_eq!(totals(&portal).await, (0, 1));
    // Drop by drop: too many for a day.
    let slow = portal.browser().at("2001:db8:7:99::1");
    for _ in 0..NETWORK_DAY_COUNT {
        portal.advance(2 * MINUTE);
        assert_sent(&slow.fill(POSTER, &form).await);
    }
    assert_eq!(totals(&portal).await, (0, 51));
    assert_sent(
        &portal
            .browser()
            .at("2001:db8:7:1::1")
            .fill(POSTER, &form)
            .await,
    );
    assert_eq!(totals(&portal).await, (0, 1));
}

#[tokio::test]
async fn of_a_network_nothing_is_kept_that_says_anything_elsewhere_or_the_next_day() {
    let portal = Portal::new().await;
    portal.add_place("B7C8D9", "Зал 3").await;
    let digests = || -> Vec<Option<Vec<u8>>> {
        let db = portal.database();
        let mut found = db
            .prepare("SELECT network FROM reviews ORDER BY id")
            .unwrap();
        let rows = found.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let sender = portal.browser().at("198.51.100.9");
    for path in [POSTER, POSTER, "/Q/B7C8D9"] {
        portal.advance(Duration::from_secs(1));
        assert_sent(&sender.fill(path, &[("score", "3")]).await);
    }
    let today = digests();
    assert!(
        today
            .iter()
            .all(|digest| digest.as_ref().unwrap().len() == 8)
    );
    assert_eq!(today[0], today[1]);
    assert_ne!(today[0], today[2]);
    portal.advance(25 * 60 * MINUTE);
    assert_sent(&sender.fill(POSTER, &[("score", "3")]).await);
    let later = digests();
    assert_eq!(later[..3], [None, None, None]);
    assert_ne!(later[3], today[0]);
}

#[tokio::test]
async fn staff_count_an_excluded_phone_review_again_for_a_reason_and_leave_it_out_again() {
    let portal = Portal::new().await;
    let sender = portal.browser().at("198.51.100.9");
    let mut status = String::new();
    for _ in 0..=NETWORK_COUNT {
        let form = [("score", "5"), ("comment", "Рахмат"), ("lang", "en")];
        status = sender.fill(&portal.qr_path(), &form).await.location();
    }
    let page = sender.get(&status).await;
    page.assert_says("The score is kept and not counted: Many from one network.");
    let public = portal.browser().get("/o/KG-1?lang=en").await;
    public.assert_says("<li>Many from one network: 11</li>");

    let moderator = portal.signed_in(Role::Moderator).await;
    moderator
        .get("/staff/reviews?lang=en")
        .await
        .assert_does_not_say("Рахмат");
    let list = moderator
        .get("/staff/exclusions?lang=en&rule=network")
        .await;
    assert_eq!(list.body.matches("type=\"checkbox\"").count(), 11);
    list.assert_says("by the portal");
    let csrf = list.hidden("csrf");
    let rating = list.body.split("name=\"rating\" value=\"").nth(1).unwrap();
    let rating = rating.split('"').next().unwrap();
    let form = [
        ("csrf", &*csrf),
        ("rule", "network"),
        ("rating", rating),
        ("reason", "A school class"),
    ];
    assert_sent(&moderator.post("/staff/exclusions", &form).await);
    assert_eq!(totals(&portal).await, (1, 0));
    // It is a review like any other again.
    moderator
        .get("/staff/reviews?lang=en")
        .await
        .assert_says("Рахмат");
    let again = [&form[..], &[("state", "reversed")]].concat();
    assert_sent(&moderator.post("/staff/exclusions", &again).await);
    assert_eq!(totals(&portal).await, (0, 0));
    let rules = portal.browser().get("/api/v1/rules").await;
    for rule in ["\"rush\"", "\"network\"", "\"replay\"", "\"opinion\""] {
        rules.assert_says(rule);
    }
}

#[tokio::test]
async fn a_moderator_takes_a_rating_out_with_what_is_no_opinion_and_gives_it_back() {
    let portal = Portal::new().await;
    let status = portal.review(&portal.qr_path(), "1", "Купите окна!").await;
    let moderator = portal.signed_in(Role::Moderator).await;
    let decide = async |tab: &str, action: &str, reason: &str| {
        let list = moderator.get(&format!("/staff/reviews?state={tab}")).await;
        let [csrf, review, digest] = ["csrf", "review", "digest"].map(|name| list.hidden(name));
        let form = [
            ("csrf", &*csrf),
            ("review", &*review),
            ("digest", &*digest),
            ("state", tab),
            ("action", action),
            ("reason", reason),
        ];
        moderator.post("/staff/reviews", &form).await
    };
    for reason in ["personal-data", "off-topic", "unclear", ""] {
        let refused = decide("new", "decline-with-rating", reason).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        assert_eq!(totals(&portal).await, (1, 0));
    }
    assert_sent(&decide("new", "decline-with-rating", "advertising").await);
    assert_eq!(
        (
            totals(&portal).await,
            left_out(&portal, Rule::Opinion).await
        ),
        ((0, 0), 1)
    );
    let path = status.split('?').next().unwrap();
    let page = portal.browser().get(&format!("{path}?lang=en")).await;
    page.assert_says("The score is kept and not counted: No opinion.");
    let list = moderator.get("/staff/exclusions?lang=en").await;
    list.assert_says("by a moderator");
    list.assert_says("<q>advertising</q>");
    list.assert_says("Left out by moderator on");
    let declined = moderator.get("/staff/reviews?lang=en&state=declined").await;
    declined.assert_says("left out: No opinion");
    assert_sent(&decide("declined", "publish", "").await);
    assert_eq!(totals(&portal).await, (1, 0));
    portal
        .browser()
        .get("/o/KG-1")
        .await
        .assert_says("Купите окна!");
    moderator
        .get("/staff/exclusions?state=reversed&lang=en")
        .await
        .assert_says("Counted again by moderator");
}

#[tokio::test]
async fn wrong_status_codes_are_slowed_and_right_ones_are_served_at_once() {
    let portal = Portal::new().await;
    let real = portal.review(POSTER, "4", "Хорошо").await;
    let thanks = portal.review(POSTER, "5", "").await;
    tokio::time::pause();
    let office = portal.browser().at("198.51.100.9");
    for number in 0..WRONG_STATUS_CODES {
        let reply = office.get(&format!("/r/00000-{number:05}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }
    let timed = async |path: &str| {
        let begun = tokio::time::Instant::now();
        let status = office.get(path).await.status;
        (status, begun.elapsed() >= SLOWER_BY)
    };
    assert_eq!(timed("/r/00000-99999").await, (StatusCode::NOT_FOUND, true));
    for path in [&*real, real.split('?').next().unwrap()] {
        assert_eq!(timed(path).await, (StatusCode::OK, false));
    }
    assert_eq!(timed(&thanks).await, (StatusCode::OK, false));
}

#[tokio::test]
async fn behind_a_named_proxy_visitors_are_told_apart_and_behind_another_they_choose_no_address() {
    for (named, expected) in [(Some("127.0.0.1"), 12), (None, 0)] {
        let portal = Portal::new().await;
        let blocks = named.map(|block| block.parse().unwrap());
        let proxies = TrustedProxies::new(blocks.into_iter().collect());
        let router = server::router(portal.app.clone()).layer(Extension(proxies));
        for number in 0..12 {
            let header = format!("198.51.100.1, 10.0.{number}.1:5001");
            let mut visitor = portal.browser().at("127.0.0.1");
            visitor.router = router.clone();
            let visitor = visitor.with("x-forwarded-for", header.leak());
            assert_sent(&visitor.fill(POSTER, &[("score", "1")]).await);
        }
        assert_eq!(totals(&portal).await.1, expected, "{named:?}");
    }
}
