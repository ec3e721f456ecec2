use super::*;

const COSTS: Costs = Costs {
    delivery_s: 0.001,
    event_s: 0.000_02,
    status_s: 0.000_5,
};

fn scenario(retry: Retry) -> Scenario {
    Scenario {
        terminals: 500,
        ratings_per_day: 200.0,
        outage: Duration::from_secs(4 * 3_600),
        retry,
        costs: COSTS,
    }
}

#[test]
fn every_terminal_delivers_what_the_outage_left() {
    for retry in [Retry::Backoff, Retry::Fixed(Duration::from_secs(5))] {
        let outcome = simulate(scenario(retry), Duration::from_secs(3_600), 1);
        let drained = outcome
            .drained_s
            .unwrap_or_else(|| panic!("{retry:?} does not drain"));
        assert!(drained < 3_600, "{retry:?} took {drained} s");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed| simulate(scenario(Retry::Backoff), Duration::from_secs(600), seed).seconds;
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_fixed_period_asks_once_in_each_of_them_while_the_portal_is_away() {
    let outcome = simulate(
        scenario(Retry::Fixed(Duration::from_secs(5))),
        Duration::from_secs(60),
        1,
    );
    let before = &outcome.seconds[..outcome.before_s as usize];
    let requests: u32 = before.iter().map(|second| second.requests).sum();
    // Each of 500 uploaders and 500 upkeeps once in five seconds.
    let expected = 1_000 * before.len() as u32 / 5;
    assert!(
        requests.abs_diff(expected) <= expected / 50,
        "{requests}, not {expected}"
    );
}

#[test]
fn a_portal_that_is_too_slow_sheds_and_still_drains() {
    let mut slow = scenario(Retry::Backoff);
    slow.costs.event_s = 0.05;
    let outcome = simulate(slow, Duration::from_secs(3 * 3_600), 1);
    assert!(outcome.drain().iter().any(|second| second.shed > 0));
    assert!(outcome.drained_s.is_some());
}
