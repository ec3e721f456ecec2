//! What visitors add to a score on a terminal.

use pikir_contract::{Event, TerminalConfig, Texts};
use pikir_portal::storage::{
    ContentChange, Decision, Moderated, OrganizationRecord, PageAsked, Part, Review, ReviewChannel,
    ReviewState,
};
use serde_json::{Value, json};

use crate::support::*;

fn change(organization: &str, members: Value) -> ContentChange {
    ContentChange {
        organization: organization.to_owned(),
        members: members.as_object().unwrap().clone(),
    }
}

async fn put(portal: &Portal, organizations: Vec<OrganizationRecord>, content: ContentChange) {
    let storage = &portal.state.storage;
    storage
        .put_organizations(organizations, vec![content])
        .await
        .unwrap();
}

async fn offer(portal: &Portal) {
    let questionnaire = json!({
        "criteria": [{"key": "courtesy", "name": {"ru": "Вежливость"}}, {"key": "speed", "name": {"ru": "Скорость"}}],
        "reasons": [{"key": "waiting", "name": {"ru": "Ожидание"}, "scores": [1, 2, 3]}, {"key": "thanks"}],
        "comment": true,
    });
    let services = json!([{"key": "passport", "name": {"ru": "Паспорт"}}]);
    let members = json!({"questionnaire": questionnaire, "services": services});
    put(portal, Vec::new(), change("con", members)).await;
}

/// An answer to the rating with seq `rating`.
fn answer(terminal: &Terminal, seq: u64, rating: u64, mut members: Value) -> Event {
    members["rating"] = json!(terminal.event_id(rating));
    terminal.event(seq, "answer", &members)
}

async fn comments(portal: &Portal, state: ReviewState) -> Vec<Review> {
    let found = portal.state.storage.reviews_to_read(state, None, 100).await;
    found.unwrap()
}

#[tokio::test]
async fn a_unit_offers_what_the_organisation_above_offers_until_it_has_its_own() {
    let portal = Portal::start().await;
    offer(&portal).await;
    let unit = OrganizationRecord {
        code: "con-1".to_owned(),
        parent: Some("con".to_owned()),
        names: Texts::from([("ru", "Отдел 1")]),
        version: 1,
    };
    let own = json!({"services": [], "announcements": [{"title": {"ru": "Новости"}}]});
    put(&portal, vec![unit], change("con-1", own)).await;
    portal.add_place("con-1", "D8RN").await;
    let mut terminal = Terminal::new(3);
    let token = portal.token("D8RN").await;
    terminal.enrol_with(&portal, &token).await;
    let config = async || {
        let sent = terminal.get(&portal, CONFIG, &[]).await.ok();
        TerminalConfig::from_value(&sent).unwrap()
    };

    let before = config().await;
    assert_eq!(before.questionnaire.criteria.len(), 2);
    assert!(before.questionnaire.comment && before.services.is_empty());
    assert_eq!(before.announcements.len(), 1);

    let above = json!({"questionnaire": {"criteria": [{"key": "result"}]}});
    put(&portal, Vec::new(), change("con", above)).await;
    put(
        &portal,
        Vec::new(),
        change("con-1", json!({"services": null})),
    )
    .await;
    let after = config().await;
    assert_eq!(after.questionnaire.criteria[0].key, "result");
    assert!(!after.questionnaire.comment);
    assert_eq!(after.services[0].key, "passport");
    assert!(after.version > before.version);
}

#[tokio::test]
async fn by_seq_the_newest_answer_wins_member_by_member_whatever_the_order_of_arrival() {
    let portal = Portal::start().await;
    offer(&portal).await;
    let terminal = portal.terminal(1).await;
    let told = [
        answer(
            &terminal,
            1,
            5,
            json!({"criteria": {"courtesy": 1, "speed": 2}, "reasons": ["waiting"], "comment": "Долго"}),
        ),
        answer(
            &terminal,
            2,
            5,
            json!({"criteria": {"courtesy": 4}, "service": "passport"}),
        ),
        answer(&terminal, 3, 5, json!({"reasons": ["thanks", "thanks"]})),
        answer(&terminal, 4, 5, json!({"comment": "Долго, но вежливо"})),
        terminal.rating(5, 3),
    ];
    for index in [3, 0, 4, 2, 1] {
        let answered = terminal.deliver(&portal, &told[index..=index]).await.ok();
        assert_all(&answered, "accepted");
    }
    let summary = portal.summary().await;
    let questionnaire = &summary["questionnaire"];
    assert_eq!(questionnaire["total"], 1);
    assert_eq!(questionnaire["average"], "3.00");
    assert_eq!(questionnaire["criteria"][0]["average"], "4.00");
    assert_eq!(questionnaire["criteria"][0]["name"]["ru"], "Вежливость");
    assert_eq!(questionnaire["criteria"][1]["counts"]["2"], 1);
    let reasons = json!([{"key": "waiting", "name": {"ru": "Ожидание"}, "count": 0}, {"key": "thanks", "name": {}, "count": 1}]);
    assert_eq!(questionnaire["reasons"], reasons);
    assert_eq!(summary["services"][0]["counts"]["3"], 1);
    let waiting = comments(&portal, ReviewState::New).await;
    assert_eq!(waiting[0].comment.as_deref(), Some("Долго, но вежливо"));

    // Sent empty, it is taken back.
    let cleared = json!({"reasons": [], "comment": "", "service": ""});
    let cleared = answer(&terminal, 6, 5, cleared);
    terminal.deliver(&portal, &[cleared]).await.ok();
    let summary = portal.summary().await;
    assert_eq!(summary["questionnaire"]["reasons"][1]["count"], 0);
    assert_eq!(summary["questionnaire"]["total"], 1);
    assert_eq!(summary["services"][0]["total"], 0);
    assert!(comments(&portal, ReviewState::New).await.is_empty());
}

#[tokio::test]
async fn a_rating_that_does_not_count_takes_its_answers_out() {
    let portal = Portal::start().await;
    offer(&portal).await;
    let terminal = portal.terminal(1).await;
    let given = json!({"criteria": {"speed": 5}, "reasons": ["thanks"], "comment": "Хорошо"});
    let flagged = json!({"score": 5, "lang": "ru", "input": "touch", "flags": ["burst"], "service": "passport"});
    let counted =
        json!({"score": 4, "lang": "ru", "input": "touch", "flags": [], "service": "passport"});
    let events = [
        terminal.event(1, "rating", &flagged),
        answer(&terminal, 2, 1, given.clone()),
        terminal.event(3, "rating", &counted),
        answer(&terminal, 4, 3, given.clone()),
        answer(&terminal, 5, 99, given),
    ];
    terminal.deliver(&portal, &events).await.ok();
    let summary = portal.summary().await;
    assert_eq!(summary["questionnaire"]["total"], 1);
    assert_eq!(summary["questionnaire"]["reasons"][1]["count"], 1);
    assert_eq!(summary["services"][0]["total"], 1);
    assert_eq!(comments(&portal, ReviewState::New).await.len(), 1);

    let withdrawn = json!({"rating": terminal.event_id(3)});
    let withdrawn = terminal.event(6, "withdrawal", &withdrawn);
    terminal.deliver(&portal, &[withdrawn]).await.ok();
    let summary = portal.summary().await;
    assert_eq!(
        (
            &summary["questionnaire"]["total"],
            &summary["questionnaire"]["average"],
            &summary["services"][0]["total"]
        ),
        (&json!(0), &Value::Null, &json!(0))
    );
    assert!(comments(&portal, ReviewState::New).await.is_empty());
}

#[tokio::test]
async fn a_terminal_s_comment_is_moderated_and_one_that_changed_is_read_again() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let events = [
        terminal.rating(1, 2),
        answer(&terminal, 2, 1, json!({"comment": "Шумно"})),
    ];
    terminal.deliver(&portal, &events).await.ok();
    let waiting = comments(&portal, ReviewState::New).await;
    assert_eq!(
        (waiting[0].channel, waiting[0].score.get()),
        (ReviewChannel::Terminal, 2)
    );
    let storage = &portal.state.storage;
    let public = async || {
        let asked = PageAsked {
            language: "ru",
            units: Part { skip: 0, limit: 10 },
            before: None,
            limit: 10,
        };
        let page = storage.public_page("con", asked, 0).await;
        page.unwrap().unwrap().comments
    };
    assert!(public().await.is_empty());
    let now = portal.state.clock.now();
    let decide = async |read: &Review| {
        let digest = read.digest();
        let decided = storage.decide_review(read.id, &digest, Decision::Publish, "aida", now);
        decided.await.unwrap()
    };
    assert_eq!(decide(&waiting[0]).await, Moderated::Done);
    assert_eq!(public().await[0].comment.as_deref(), Some("Шумно"));

    let further = answer(&terminal, 3, 1, json!({"criteria": {"speed": 3}}));
    terminal.deliver(&portal, &[further]).await.ok();
    assert_eq!(public().await.len(), 1);
    let changed = answer(&terminal, 4, 1, json!({"comment": "Шумно. Звоните 0555"}));
    terminal.deliver(&portal, &[changed]).await.ok();
    assert!(public().await.is_empty());
    let again = comments(&portal, ReviewState::New).await;
    assert_eq!(again.len(), 1);

    // What was on the moderator's page is not what would be published or answered.
    assert_eq!(decide(&waiting[0]).await, Moderated::Changed);
    assert!(public().await.is_empty());
    assert_eq!(decide(&again[0]).await, Moderated::Done);
    let answer = async |read: &Review| {
        let digest = read.digest();
        let answered = storage.answer_review(read.id, &digest, "Извините", "ru", "aida", now);
        answered.await.unwrap()
    };
    assert_eq!(answer(&waiting[0]).await, Moderated::Changed);
    assert_eq!(public().await[0].answer, None);
    assert_eq!(answer(&again[0]).await, Moderated::Done);
    assert!(public().await[0].answer.is_some());
}

#[tokio::test]
async fn a_terminal_s_comment_has_the_time_at_which_it_was_given() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let rated = json!({"score": 2, "lang": "ru", "input": "touch", "up_ms": 0});
    let events = [
        terminal.event(1, "rating", &rated),
        answer(&terminal, 2, 1, json!({"comment": "Шумно"})),
    ];
    terminal.deliver(&portal, &events).await.ok();
    let waiting = comments(&portal, ReviewState::New).await;
    assert_eq!(waiting[0].created_at.unix_ms(), NOW_MS - 3_600_000);
}
