//! What visitors add to a score with their phones.

use axum::http::StatusCode;
use pikir_portal::storage::{ContentChange, Named, NamedFigures};
use serde_json::json;

use crate::support::{ORGANIZATION, Portal};

async fn portal() -> Portal {
    let portal = Portal::new().await;
    let reason = |key: &str, ru: &str, scores: &[u8]| json!({"key": key, "name": {"ru": ru}, "scores": scores});
    let members = json!({
        "services": [{"key": "passport", "name": {"ru": "Паспорт"}}],
        "questionnaire": {
            "criteria": [{"key": "courtesy", "name": {"ru": "Вежливость"}}, {"key": "speed", "name": {"ru": "Скорость"}}],
            "reasons": [
                reason("waiting", "Долгое ожидание", &[1, 2, 3]),
                reason("thanks", "Хочу поблагодарить", &[5]),
                reason("rude", "Грубо", &[1, 2, 3]),
            ],
            "comment": true,
        },
    });
    let change = ContentChange {
        organization: ORGANIZATION.to_owned(),
        members: members.as_object().unwrap().clone(),
    };
    let storage = &portal.app.storage;
    let put = storage.put_organizations(Vec::new(), vec![change]);
    put.await.unwrap();
    portal
}

async fn figures(portal: &Portal) -> NamedFigures {
    portal.figures().await.unverified_added
}

/// What was chosen at all.
fn given<T: Copy + Default + PartialEq>(named: &[Named<T>]) -> Vec<(&str, T)> {
    let figures = named.iter().map(|named| (named.key.as_str(), named.figure));
    figures
        .filter(|(_, figure)| *figure != T::default())
        .collect()
}

#[tokio::test]
async fn everything_that_was_chosen_is_counted_and_shown_by_name() {
    let portal = portal().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    let form = [
        ("mark", &*page.hidden("mark")),
        ("score", "2"),
        ("reason", "waiting"),
        ("reason", "rude"),
        ("service", "passport"),
        ("c-courtesy", "1"),
        ("c-speed", "4"),
        ("lang", "ru"),
    ];
    let reply = portal.browser().post("/Q/A1A2T4", &form).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    let figures = figures(&portal).await;
    assert_eq!(given(&figures.reasons), [("waiting", 1), ("rude", 1)]);
    assert_eq!(given(&figures.services)[0].1.0, [0, 1, 0, 0, 0]);
    assert_eq!(given(&figures.criteria)[1].1.0, [0, 0, 0, 1, 0]);
    assert_eq!(
        (figures.questionnaires, figures.average_hundredths),
        (1, Some(250))
    );
    let page = portal.browser().get("/o/KG-1?lang=ru").await;
    page.assert_says("Вежливость</th><td class=\"num\">1</td><td class=\"num\">1,00</td>");
    page.assert_says("Долгое ожидание</th><td class=\"num\">1</td>");
    page.assert_says("Паспорт</th><td class=\"num\">1</td><td class=\"num\">2,00</td>");
}

#[tokio::test]
async fn what_is_not_offered_or_does_not_fit_the_score_is_not_counted() {
    let portal = portal().await;
    let form = [
        ("score", "5"),
        ("reason", "waiting"),
        ("reason", "invented"),
        ("reason", "thanks"),
        ("service", "invented"),
        ("c-courtesy", "6"),
        ("c-speed", ""),
        ("c-invented", "1"),
    ];
    let reply = portal.browser().fill("/Q/A1A2T4", &form).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let figures = figures(&portal).await;
    assert_eq!(given(&figures.reasons), [("thanks", 1)]);
    assert!(given(&figures.services).is_empty() && given(&figures.criteria).is_empty());
    assert_eq!(figures.questionnaires, 0);
}

#[tokio::test]
async fn a_form_with_a_fault_comes_back_with_every_choice() {
    let portal = portal().await;
    let form = [
        ("score", ""),
        ("reason", "rude"),
        ("service", "passport"),
        ("c-speed", "3"),
        ("comment", "Так себе"),
        ("size", "150"),
        ("colours", "blue"),
        ("lang", "ru"),
    ];
    let reply = portal.browser().fill("/Q/A1A2T4", &form).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    reply.assert_says("name=\"reason\" value=\"rude\" checked>");
    reply.assert_says("<option value=\"passport\" selected>");
    reply.assert_says("name=\"c-speed\" value=\"3\" checked>");
    reply.assert_says("<details class=\"more\" open>");
    reply.assert_says("Так себе</textarea>");
    reply.assert_says("<html lang=\"ru\" class=\"z150 cl\">");
}

#[tokio::test]
async fn each_reason_says_the_scores_it_belongs_to() {
    let portal = portal().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    page.assert_says("<div class=\"r r1 r2 r3\">\n<p class=\"hint when\">Если оценка 1, 2, 3</p>");
    page.assert_says("<div class=\"r r5\">\n<p class=\"hint when\">Если оценка 5</p>");
    assert_eq!(page.body.matches("name=\"reason\"").count(), 3);
    // A browser that cannot choose by score shows all of them.
    page.assert_says("@supports selector(:has(a)){.reasons .when,");
}

#[tokio::test]
async fn the_look_is_changed_without_sending_and_nothing_typed_is_lost() {
    let portal = portal().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    page.assert_says("<html lang=\"ru\">");
    let form = [
        ("mark", &*page.hidden("mark")),
        ("action", "look"),
        ("size", "200"),
        ("spacing", "wide"),
        ("colours", "white-on-black"),
        ("pictures", "off"),
        ("letters", "serif"),
        ("score", "4"),
        ("comment", "Ещё пишу"),
        ("lang", "ru"),
    ];
    let changed = portal.browser().post("/Q/A1A2T4", &form).await;
    assert_eq!(changed.status, StatusCode::OK);
    changed.assert_says("<html lang=\"ru\" class=\"z200 w1 cw np sf\">");
    changed.assert_says("Ещё пишу</textarea>");
    changed.assert_says("id=\"score-4\" value=\"4\" required checked>");
    assert_eq!(changed.hidden("mark"), page.hidden("mark"));
    assert_eq!(changed.header("set-cookie"), "");
    changed.assert_does_not_say("id=\"errors\"");
    assert_eq!(portal.figures().await.rated.summary.unverified().total(), 0);
}

#[tokio::test]
async fn the_language_is_changed_without_sending_and_nothing_typed_is_lost() {
    let portal = portal().await;
    let page = portal.browser().get("/Q/A1A2T4?lang=ru").await;
    let form = [
        ("mark", &*page.hidden("mark")),
        ("speak", "ky"),
        ("size", "150"),
        ("score", "2"),
        ("reason", "rude"),
        ("service", "passport"),
        ("c-speed", "3"),
        ("comment", "Ещё пишу"),
        ("lang", "ru"),
    ];
    let changed = portal.browser().post("/Q/A1A2T4?lang=ru", &form).await;
    assert_eq!(changed.status, StatusCode::OK);
    changed.assert_says("<html lang=\"ky\" class=\"z150\">");
    assert_eq!(changed.hidden("lang"), "ky");
    changed.assert_says("id=\"score-2\" value=\"2\" required checked>");
    changed.assert_says("name=\"reason\" value=\"rude\" checked>");
    changed.assert_says("<option value=\"passport\" selected>");
    changed.assert_says("name=\"c-speed\" value=\"3\" checked>");
    changed.assert_says("Ещё пишу</textarea>");
    assert_eq!(changed.hidden("mark"), page.hidden("mark"));
    changed.assert_does_not_say("id=\"errors\"");
    assert_eq!(portal.figures().await.rated.summary.unverified().total(), 0);
    // Enter in a field presses the first button of the form: that must be the one that sends.
    let (before, _) = page.body.split_once("name=\"speak\"").unwrap();
    assert_eq!(before.matches("<button form=\"review\"").count(), 2);
    assert!(before.contains("<button form=\"review\" class=\"vh\""));
}

#[tokio::test]
async fn the_look_goes_along_to_every_page_for_visitors() {
    let portal = portal().await;
    let form = [
        ("score", "4"),
        ("size", "150"),
        ("colours", "contrast"),
        ("lang", "en"),
    ];
    let sent = portal.browser().fill("/Q/A1A2T4", &form).await;
    let next = sent.location();
    assert!(
        next.ends_with("?thanks=1&lang=en&size=150&colours=contrast"),
        "{next}"
    );
    let thanks = portal.browser().get(&next).await;
    thanks.assert_says("<html lang=\"en\" class=\"z150 ch\">");
    thanks.assert_says("href=\"/o/KG-1?lang=en&#38;size=150&#38;colours=contrast\"");
    let public = portal
        .browser()
        .get("/o/KG-1?lang=en&size=150&colours=contrast")
        .await;
    public.assert_says("class=\"z150 ch\"");
    public.assert_says("href=\"/?lang=en&#38;size=150&#38;colours=contrast\"");
    // The panel itself is a form that leads to the same page.
    public.assert_says(
        "<form method=\"get\" class=\"stack\">\n<input type=\"hidden\" name=\"lang\" value=\"en\">",
    );
    public.assert_says("name=\"size\" value=\"150\" checked>");
    for lang in ["ky", "ru", "be", "kk"] {
        public.assert_says(&format!(
            "href=\"?size=150&#38;colours=contrast&#38;lang={lang}\""
        ));
    }
}

#[tokio::test]
async fn an_organisation_that_wants_no_comment_asks_for_none() {
    let portal = portal().await;
    let members = json!({"questionnaire": {"criteria": [{"key": "speed"}]}});
    let change = ContentChange {
        organization: ORGANIZATION.to_owned(),
        members: members.as_object().unwrap().clone(),
    };
    let storage = &portal.app.storage;
    storage
        .put_organizations(Vec::new(), vec![change])
        .await
        .unwrap();
    let page = portal.browser().get("/Q/A1A2T4").await;
    page.assert_does_not_say("<textarea");
    page.assert_says("<legend class=\"legend\">speed</legend>");
}
