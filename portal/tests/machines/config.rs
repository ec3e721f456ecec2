//! The configuration a terminal fetches.

use pikir_contract::{TerminalConfig, Texts};
use pikir_portal::domain::hours::NightHours;
use pikir_portal::storage::{ContentChange, OrganizationRecord};

use crate::support::*;

#[tokio::test]
async fn the_configuration_is_sent_once_and_then_only_when_it_changed() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let first = terminal.get(&portal, CONFIG, &[]).await;
    let config = TerminalConfig::from_value(&first.ok()).unwrap();
    assert_eq!(
        (
            config.organization.code.as_str(),
            config.place.code.to_string().as_str()
        ),
        ("con", PLACE)
    );
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let unchanged = terminal
        .get(&portal, CONFIG, &[("if-none-match", &etag)])
        .await;
    assert_eq!(
        (unchanged.status.as_u16(), unchanged.text.as_str()),
        (304, "")
    );
    assert_eq!(unchanged.headers["etag"], etag.as_str());

    let names = Texts::from([("ky", "Жаңы ат")]);
    let organization = OrganizationRecord {
        code: "con".to_owned(),
        parent: None,
        names,
        version: 0,
    };
    portal
        .state
        .storage
        .put_organizations(vec![organization], Vec::new())
        .await
        .unwrap();
    let changed = terminal
        .get(&portal, CONFIG, &[("if-none-match", &etag)])
        .await;
    let renamed = TerminalConfig::from_value(&changed.ok()).unwrap();
    assert_eq!(renamed.organization.name.exact("ky"), Some("Жаңы ат"));
    assert!(renamed.version > config.version);
}

#[tokio::test]
async fn night_colour_and_times_reach_the_terminal_with_a_new_version() {
    let portal = Portal::start().await;
    let terminal = portal.terminal(1).await;
    let first = terminal.get(&portal, CONFIG, &[]).await;
    let before = TerminalConfig::from_value(&first.ok()).unwrap();
    let storage = &portal.state.storage;
    let night: NightHours = "20:00-07:00".parse().unwrap();
    assert!(
        storage
            .set_night(&PLACE.parse().unwrap(), night)
            .await
            .unwrap()
    );
    let members =
        serde_json::json!({"theme": {"accent": "#0b5d66"}, "undo_s": 0, "idle_timeout_s": 45});
    let change = ContentChange {
        organization: "con".to_owned(),
        members: members.as_object().unwrap().clone(),
    };
    storage
        .put_organizations(Vec::new(), vec![change])
        .await
        .unwrap();
    let second = terminal.get(&portal, CONFIG, &[]).await;
    assert_ne!(first.headers["etag"], second.headers["etag"]);
    let after = TerminalConfig::from_value(&second.ok()).unwrap();
    assert_eq!(after.version, before.version + 2);
    assert_eq!(after.theme.accent.as_deref(), Some("#0b5d66"));
    assert_eq!((after.undo_s, after.idle_timeout_s), (0, 45));
    assert_eq!(after.hours.unwrap().night, night.0);
}

#[tokio::test]
async fn only_a_terminal_gets_a_configuration() {
    let portal = Portal::start().await;
    portal.get(CONFIG).await.problem(401);
}
