//! (e) A fleet that comes back after a day without its portal: how hard it presses, with the
//! kiosk's back-off and without one.

mod gate;
mod simulation;
mod terminal;

use std::time::{Duration, Instant};

use super::curves::{Curve, csv};
use super::ingest::Capacity;
use super::report::{Figure, Section, Table, Target};
use super::stats::{Ratio, median, number, percentile};
use super::{Scale, progress};
use gate::PLACES;
use simulation::{Costs, Outcome, Retry, Scenario, simulate};

/// Most load after the outage, in what the portal can do.
const MOST_LOAD: f64 = 2.0;
/// What terminals without a back-off do.
const FIXED: Duration = Duration::from_secs(5);
/// Ratings a day at each terminal.
const RATINGS_PER_DAY: f64 = 200.0;
/// How long the fleet is watched after the portal's return.
const WATCHED: Duration = Duration::from_secs(3 * 3_600);

/// Simulates both fleets against a portal that can do what the real one was measured to do.
pub fn run(capacity: Capacity, scale: &Scale) -> Section {
    let costs = costs(capacity);
    let scenario = |retry| Scenario {
        terminals: scale.terminals,
        ratings_per_day: RATINGS_PER_DAY,
        outage: scale.outage,
        retry,
        costs,
    };
    let outcomes = |retry| -> Vec<Outcome> {
        (1..=scale.fleets)
            .map(|seed| {
                let started = Instant::now();
                let outcome = simulate(scenario(retry), WATCHED, seed);
                let seconds = started.elapsed().as_secs_f64();
                progress(&format!(
                    "{retry:?}, seed {seed}: simulated in {seconds:.1} s"
                ));
                outcome
            })
            .collect()
    };
    let with = outcomes(Retry::Backoff);
    let without = outcomes(Retry::Fixed(FIXED));
    Section {
        name: "fleet",
        title: "A fleet that comes back after an outage",
        figures: figures(&with, &without),
        table: table(&with[0], &without[0]),
        notes: notes(capacity, scale),
        curves: vec![("fleet.csv", curves(&with[0], &without[0]))],
    }
}

/// What a delivery costs without its events follows from single ratings and full deliveries.
fn costs(capacity: Capacity) -> Costs {
    let (single, full) = (1.0 / capacity.singles_per_s, 1.0 / capacity.events_per_s);
    let batch = pikir_contract::MAX_BATCH_EVENTS as f64;
    // full = (delivery + batch × event) / batch, single = delivery + event.
    let event_s = ((full * batch - single) / (batch - 1.0)).max(0.0);
    Costs {
        delivery_s: (single - event_s).max(0.0),
        event_s,
        status_s: 1.0 / capacity.statuses_per_s,
    }
}

fn loads(outcome: &Outcome) -> Vec<f64> {
    let seconds = outcome.drain().iter();
    seconds.map(|second| second.work).collect()
}

/// A percentile of the load over the drain's seconds, for each of the simulated fleets.
fn load_at(outcomes: &[Outcome], q: f64) -> Vec<f64> {
    let each = outcomes.iter();
    each.map(|outcome| percentile(&loads(outcome), q)).collect()
}

fn figures(with: &[Outcome], without: &[Outcome]) -> Vec<Figure> {
    let figure = |name: &str, q: f64, target| Figure {
        what: format!("{name} load after the outage / steady drain"),
        ratio: Ratio::of(&load_at(with, q)),
        target,
        ours: format!("{:.2} s of work a second", median(&load_at(with, q))),
        beside: "1 s of work a second".into(),
    };
    let (peak, bare) = (load_at(with, 1.0), load_at(without, 1.0));
    let shares: Vec<f64> = peak
        .iter()
        .zip(&bare)
        .map(|(with, without)| with / without)
        .collect();
    vec![
        figure("peak", 1.0, Some(Target::AtMost(MOST_LOAD))),
        figure("p99", 0.99, None),
        Figure {
            what: "peak load with the back-off / again every 5 s".into(),
            ratio: Ratio::of(&shares),
            target: None,
            ours: format!("{:.2} s of work a second", median(&peak)),
            beside: format!("{:.2} s of work a second", median(&bare)),
        },
    ]
}

fn notes(capacity: Capacity, scale: &Scale) -> Vec<String> {
    let terminals = number(f64::from(scale.terminals));
    let hours = scale.outage.as_secs() / 3_600;
    let whole = |rate: f64| number(rate.round());
    vec![
        format!(
            "{terminals} terminals with {RATINGS_PER_DAY} ratings a day and a status every 300 to 330 s; the portal is \
             away for {hours} h. Every request is simulated, with the kiosk's own back-off and limits."
        ),
        format!(
            "Load: the work that the requests of one second ask for, shed ones included; 1 is all that the portal does \
             in a second, which is the steady drain. Measured in this run: {} events/s in full deliveries, {} single \
             ratings/s, {} status reports/s.",
            whole(capacity.events_per_s),
            whole(capacity.singles_per_s),
            whole(capacity.statuses_per_s)
        ),
        format!(
            "The portal lets {PLACES} deliveries in at a time and asks the others to wait as its gate does, longer the \
             more it turns away; reports are not turned away. Without a back-off: again every {} s, whatever it asks for.",
            FIXED.as_secs()
        ),
    ]
}

fn table(with: &Outcome, without: &Outcome) -> Table {
    let mut table = Table::new(&["after the outage", "with the back-off", "again every 5 s"]);
    let mut row = |name: &str, cell: &dyn Fn(&Outcome) -> String| {
        table.row(vec![name.into(), cell(with), cell(without)]);
    };
    let requests = |outcome: &Outcome, q: f64| {
        let seconds = outcome.drain().iter();
        let requests: Vec<f64> = seconds.map(|second| f64::from(second.requests)).collect();
        number(percentile(&requests, q))
    };
    row("load, peak", &|outcome| {
        format!("{:.2}", percentile(&loads(outcome), 1.0))
    });
    row("load, p99", &|outcome| {
        format!("{:.2}", percentile(&loads(outcome), 0.99))
    });
    row("requests/s, peak", &|outcome| requests(outcome, 1.0));
    row("requests/s, p99", &|outcome| requests(outcome, 0.99));
    row("requests/s, p50", &|outcome| requests(outcome, 0.5));
    row("requests shed", &|outcome| {
        let seconds = outcome.drain().iter();
        number(seconds.map(|second| f64::from(second.shed)).sum())
    });
    row("99 % delivered after", &|outcome| {
        outcome.drained_s.map_or_else(
            || format!("more than {} s", number(WATCHED.as_secs_f64())),
            |seconds| format!("{} s", number(seconds as f64)),
        )
    });
    table
}

/// Work asked for in each second; 1 is all that the portal can do in one.
fn curves(with: &Outcome, without: &Outcome) -> String {
    let curve = |name: &str, outcome: &Outcome| {
        let minute = |at: u64| (at as f64 - outcome.before_s as f64) / 60.0;
        let seconds = outcome.seconds.iter().zip(0..);
        Curve {
            name: name.into(),
            points: seconds
                .map(|(second, at)| (minute(at), second.work))
                .collect(),
        }
    };
    csv(
        "minutes after the portal is back",
        "load",
        &[
            curve("again every 5 s", without),
            curve("the kiosk's back-off", with),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costs_give_back_the_rates_they_were_made_of() {
        let capacity = Capacity {
            events_per_s: 20_000.0,
            singles_per_s: 1_500.0,
            statuses_per_s: 2_500.0,
        };
        let Costs {
            delivery_s,
            event_s,
            status_s,
        } = costs(capacity);
        let close = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        assert!(close(1.0 / (delivery_s + event_s), 1_500.0));
        assert!(close(500.0 / (delivery_s + 500.0 * event_s), 20_000.0));
        assert!(close(1.0 / status_s, 2_500.0));
    }
}
