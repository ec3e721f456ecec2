//! Thousands of organisations are searched and paged, never listed whole.

use pikir_contract::Texts;
use pikir_portal::storage::{OrganizationRecord, Role};

use crate::support::{Portal, USER_CODE};

/// As many as a country has, in debug builds a part of them.
const MANY: usize = 3_000;
/// Bytes of a page.
const MAX_PAGE_BYTES: usize = 120_000;

async fn crowded() -> Portal {
    let portal = Portal::new().await;
    let organization = |number: usize| OrganizationRecord {
        code: format!("AO-{number}"),
        parent: (number.is_multiple_of(3) && number > 0).then(|| "AO-0".to_owned()),
        names: Texts::from([
            ("ky", format!("{number}-айыл өкмөтү")),
            ("ru", format!("Айыл окмоту № {number}")),
        ]),
        version: 1,
    };
    let organizations = (0..MANY).map(organization).collect();
    portal
        .app
        .storage
        .put_organizations(organizations, Vec::new())
        .await
        .unwrap();
    portal
}

#[tokio::test]
async fn the_first_page_is_a_search_and_a_part_of_the_list() {
    let portal = crowded().await;
    let browser = portal.browser();
    let first = browser.get("/?lang=ru").await;
    assert!(first.body.len() < MAX_PAGE_BYTES, "{}", first.body.len());
    first.assert_says("type=\"search\"");
    first.assert_says("Страница 1 из 41");
    assert_eq!(first.body.matches("<li><a class=\"go\"").count(), 50);
    let second = browser.get("/?lang=ru&page=2").await;
    second.assert_says("Предыдущая страница");
    let place = |body: &str, what: &str| body.find(what).unwrap();
    assert!(
        place(&first.body, "№ 4<") < place(&first.body, "№ 10<"),
        "numbers by value"
    );
    for (query, expected) in [
        ("%D0%B0%D0%B9%D1%8B%D0%BB+2999", "href=\"/o/AO-2999?"),
        (
            "%D1%83%D0%BA%D0%BC%D3%A9%D1%82%D2%AF",
            "Подходящих организаций нет.",
        ),
        (
            "%D0%BE%D0%BA%D0%BC%D0%BE%D1%82%D1%83+17",
            "href=\"/o/AO-17?",
        ),
        ("ao-300", "href=\"/o/AO-300?"),
        ("%25", "Подходящих организаций нет."),
    ] {
        let found = browser.get(&format!("/?lang=ru&q={query}")).await;
        found.assert_says(expected);
        assert!(found.body.len() < MAX_PAGE_BYTES);
    }
    // A unit is named with the organisation above it.
    browser
        .get("/?lang=ru&q=2997")
        .await
        .assert_says("Айыл окмоту № 0</span>");
    let units = browser.get("/o/AO-0?lang=ky&units=2").await;
    units.assert_says("2-барак, баары 20");
    assert!(units.body.len() < MAX_PAGE_BYTES, "{}", units.body.len());
}

#[tokio::test]
async fn a_technician_searches_for_places_and_organisations() {
    let portal = crowded().await;
    portal.add_waiting_terminal().await;
    let browser = portal.signed_in(Role::Technician).await;
    let all = browser
        .get(&format!("/activate?user_code={USER_CODE}&lang=ru"))
        .await;
    assert!(all.body.len() < MAX_PAGE_BYTES, "{}", all.body.len());
    all.assert_says("Показаны только первые организации (100)");
    let found = browser
        .get(&format!("/activate?user_code={USER_CODE}&lang=ru&q=2999"))
        .await;
    found.assert_says("<option value=\"AO-2999\"");
    assert_eq!(found.body.matches("<option value=\"AO-").count(), 1);
    // A place is found by its organisation, its own name and its code.
    for query in ["%D1%86%D0%B5%D0%BD%D1%82%D1%80+%D0%B7%D0%B0%D0%BB", "a1a2"] {
        let address = format!("/activate?user_code={USER_CODE}&lang=ru&q={query}");
        browser
            .get(&address)
            .await
            .assert_says("<option value=\"A1A2T4\"");
    }
}
