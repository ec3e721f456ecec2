//! `GET /api/v1/rules`: the published rules, for machines.

use axum::Json;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName};
use pikir_contract::rules;
use serde_json::{Value, json};

use crate::domain::rules::{FoundBy, Rule, phone};

/// `GET /api/v1/rules`
pub async fn read() -> ([(HeaderName, &'static str); 2], Json<Value>) {
    (
        [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (CACHE_CONTROL, "no-cache"),
        ],
        Json(document()),
    )
}

fn document() -> Value {
    let list: Vec<Value> = Rule::ALL
        .into_iter()
        .map(|rule| json!({"rule": rule.as_str(), "found_by": found_by(rule), "limits": limits(rule)}))
        .collect();
    // How long after its rating, in the same boot, a withdrawal takes it back.
    let withdrawal_ms = rules::MAX_UNDO_S * 1_000 + rules::WITHDRAWAL_GRACE_MS;
    json!({"rules": list, "withdrawal": {"within_ms": withdrawal_ms}})
}

fn found_by(rule: Rule) -> &'static [&'static str] {
    match rule.found_by() {
        FoundBy::Terminal => &["terminal"],
        FoundBy::Both => &["terminal", "portal"],
        FoundBy::Portal => &["portal"],
        FoundBy::Moderator => &["moderator"],
    }
}

/// The limits with their units in their names.
fn limits(rule: Rule) -> Value {
    match rule {
        Rule::Repeat => json!({"gap_ms": rules::REPEAT_MS}),
        Rule::Burst => json!({"ratings": rules::BURST_COUNT, "window_ms": rules::BURST_WINDOW_MS}),
        Rule::Periodic => json!({
            "gaps": rules::PERIOD_COUNT,
            "radius_per_mille": rules::POINT_RADIUS,
            "tolerance_ms": rules::PERIOD_TOLERANCE_MS,
            "multiple": rules::PERIOD_MULTIPLE,
            "shortest_ms": rules::PERIOD_MIN_MS,
            "longest_ms": rules::PERIOD_MAX_MS,
            "other_touches": rules::PERIOD_STRAYS,
        }),
        Rule::Position => json!({
            "ratings": rules::POSITION_COUNT,
            "spread_per_mille": rules::POSITION_SPREAD,
        }),
        Rule::Closed => json!({
            "before_opening_ms": u32::from(rules::CLOSED_BEFORE_MIN) * 60_000,
            "after_closing_ms": u32::from(rules::CLOSED_AFTER_MIN) * 60_000,
        }),
        Rule::Rush => json!({"reviews": phone::RUSH_COUNT, "window_ms": phone::TOKEN_LIFE_MS}),
        Rule::Network => json!({
            "reviews": phone::NETWORK_COUNT,
            "window_ms": phone::NETWORK_WINDOW_MS,
            "reviews_a_day": phone::NETWORK_DAY_COUNT,
            "ipv4_bits": phone::NETWORK_BITS_V4,
            "ipv6_bits": phone::NETWORK_BITS_V6,
        }),
        Rule::Replay => json!({"networks": phone::REPLAY_NETWORKS}),
        Rule::Opinion | Rule::Other => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openapi_example_is_what_is_served() {
        let openapi: Value = serde_json::from_str(crate::api::openapi::DOCUMENT).unwrap();
        let answer = &openapi["paths"]["/api/v1/rules"]["get"]["responses"]["200"];
        assert_eq!(answer["content"]["application/json"]["example"], document());
    }
}
