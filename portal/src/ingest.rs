//! Judging events: is the seal right, does the body keep to the contract?
//!
//! Shared by events that come over the network and by journals that come on a stick. Everything here is arithmetic: what
//! is known of the terminal comes in, what was found goes out, and [`crate::storage`] keeps it.

use pikir_contract::{
    CanonicalError, Event, EventBody, Seal, SealKey, canonical_json, canonical_value,
    require_integers,
};

/// How far beyond the last event held a delivery may reach. Turning the ratchet costs one HMAC for
/// every seq, so a wild seq must not keep the portal busy.
pub const MAX_GAP: u64 = 1_000_000;

/// Events with a wrong seal in one batch for which the portal looks where they were taken from.
const MAX_MOVED: usize = 32;

/// The seal ratchet of one terminal, turned to one seq.
#[derive(Clone, Debug)]
pub struct Ratchet {
    /// The seq whose key this is.
    pub seq: u64,
    /// K of that seq.
    pub key: SealKey,
}

impl Ratchet {
    /// The ratchet before the first event.
    pub fn start(seal_key: SealKey) -> Self {
        Self {
            seq: 1,
            key: seal_key,
        }
    }

    /// Turns the ratchet to `seq`; false if it is past it already.
    fn turn_to(&mut self, seq: u64) -> bool {
        let Some(steps) = seq.checked_sub(self.seq) else {
            return false;
        };
        if steps > 0 {
            self.key = self.key.advance(steps);
            self.seq = seq;
        }
        true
    }
}

/// An event and what was found about it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its number.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// Its body as canonical JSON (as plain JSON where it has no canonical form).
    pub body: String,
    /// Its seal.
    pub seal: Seal,
    /// What was found.
    pub finding: Finding,
}

/// What was found about an event.
#[derive(Clone, Debug)]
pub enum Finding {
    /// The seal is right and the body keeps to the contract.
    Sound(EventBody),
    /// The seal is right; the body breaks the contract, in this way.
    Malformed(String),
    /// The seal does not verify.
    BadSeal {
        /// The seq whose seal it is, if it belongs to another event of the same batch.
        moved_from: Option<u64>,
    },
    /// Not looked at: the ratchet is past this seq. Either the event is held already, or it fills a gap and must be judged
    /// with a ratchet that begins further back.
    Behind,
}

/// Judges events in ascending order of seq, turning `ratchet` to the seq after the last one.
pub fn judge(ratchet: &mut Ratchet, events: &[Event]) -> Vec<Judged> {
    let mut broken = Vec::new();
    let mut judged = Vec::with_capacity(events.len());
    for event in events {
        let canonical = canonical_body(event);
        let finding = if ratchet.turn_to(event.seq) {
            let finding = judge_one(&ratchet.key, event, &canonical);
            if matches!(finding, Finding::BadSeal { .. }) && broken.len() < MAX_MOVED {
                broken.push(Broken {
                    index: judged.len(),
                    seq: event.seq,
                    key: ratchet.key.clone(),
                });
            }
            ratchet.turn_to(event.seq + 1);
            finding
        } else {
            Finding::Behind
        };
        judged.push(Judged {
            seq: event.seq,
            kind: event.kind.clone(),
            body: canonical.unwrap_or_else(|_| written(event)),
            seal: event.seal,
            finding,
        });
    }
    find_moved(&broken, &mut judged);
    judged
}

/// The body as its seal covers it: canonical JSON, made once for the seal and for keeping.
fn canonical_body(event: &Event) -> Result<String, CanonicalError> {
    require_integers(&event.body)?;
    canonical_value(&event.body)
}

/// A body that no seal can cover, for a person to look at.
fn written(event: &Event) -> String {
    canonical_json(&event.body).unwrap_or_else(|_| event.body.to_string())
}

fn judge_one(key: &SealKey, event: &Event, canonical: &Result<String, CanonicalError>) -> Finding {
    let verified = canonical
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|body| key.verify_canonical(event.seq, &event.kind, body, &event.seal));
    match verified {
        Ok(true) => match EventBody::parse(&event.kind, &event.body) {
            Ok(body) => Finding::Sound(body),
            Err(malformed) => Finding::Malformed(malformed.to_string()),
        },
        Ok(false) => Finding::BadSeal { moved_from: None },
        // Without a canonical form there is nothing a seal could cover.
        Err(error) => Finding::Malformed(error.to_string()),
    }
}

/// An event with a wrong seal, and the key its seq has.
struct Broken {
    index: usize,
    seq: u64,
    key: SealKey,
}

/// An event whose seal is wrong at its own seq may carry the seal of another: then somebody moved it.
fn find_moved(broken: &[Broken], judged: &mut [Judged]) {
    for Broken { index, seq, .. } in broken {
        let Judged {
            kind, body, seal, ..
        } = &judged[*index];
        let is_of = |other: &&Broken| {
            other.seq != *seq
                && other
                    .key
                    .verify_canonical(other.seq, kind, body, seal)
                    .unwrap_or(false)
        };
        if let Some(from) = broken.iter().find(is_of).map(|from| from.seq) {
            judged[*index].finding = Finding::BadSeal {
                moved_from: Some(from),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(seq: u64) -> SealKey {
        SealKey::from_bytes([7; 32]).advance(seq - 1)
    }

    fn notice(seq: u64, what: &str) -> Event {
        let body = json!({
            "id": "019a9b3c-0000-7000-8000-000000000001", "boot": "019a9b3c-0000-7000-8000-000000000002",
            "up_ms": 1, "wall": "2026-11-22T02:00:00Z", "synced": true, "what": what,
        });
        sealed(seq, "notice", body)
    }

    fn sealed(seq: u64, kind: &str, body: serde_json::Value) -> Event {
        let seal = key(seq).seal(seq, kind, &body).unwrap();
        Event {
            seq,
            kind: kind.to_owned(),
            body,
            seal,
        }
    }

    fn judge_all(events: Vec<Event>) -> Vec<Judged> {
        judge(&mut Ratchet::start(key(1)), &events)
    }

    #[test]
    fn a_gap_does_not_stop_the_events_behind_it_from_being_verified() {
        let mut ratchet = Ratchet::start(key(1));
        let judged = judge(&mut ratchet, &[notice(1, "boot"), notice(500, "shutdown")]);
        assert!(
            judged
                .iter()
                .all(|event| matches!(event.finding, Finding::Sound(_)))
        );
        assert_eq!(
            (ratchet.seq, ratchet.key.as_bytes()),
            (501, key(501).as_bytes())
        );
    }

    #[test]
    fn a_changed_body_is_found_and_the_others_stay_sound() {
        let mut changed = notice(2, "tamper");
        changed.body["what"] = json!("boot");
        let judged = judge_all(vec![notice(1, "boot"), changed, notice(3, "boot")]);
        assert!(matches!(
            judged[1].finding,
            Finding::BadSeal { moved_from: None }
        ));
        assert!(matches!(judged[2].finding, Finding::Sound(_)));
    }

    #[test]
    fn events_that_changed_places_are_found_as_moved() {
        let (mut one, mut two) = (notice(1, "boot"), notice(2, "tamper"));
        (one.seq, two.seq) = (2, 1);
        let judged = judge_all(vec![two, one]);
        assert!(matches!(
            judged[0].finding,
            Finding::BadSeal {
                moved_from: Some(2)
            }
        ));
        assert!(matches!(
            judged[1].finding,
            Finding::BadSeal {
                moved_from: Some(1)
            }
        ));
    }

    #[test]
    fn the_seal_is_judged_before_the_content() {
        let mut event = sealed(1, "rating", json!({"score": 6}));
        assert!(matches!(
            judge_all(vec![event.clone()])[0].finding,
            Finding::Malformed(_)
        ));
        event.body["score"] = json!(5);
        assert!(matches!(
            judge_all(vec![event])[0].finding,
            Finding::BadSeal { .. }
        ));
    }

    #[test]
    fn a_body_with_a_floating_point_number_is_malformed() {
        let mut event = sealed(1, "new-kind", json!({}));
        event.body = json!({"value": 1.5});
        assert!(
            matches!(&judge_all(vec![event])[0].finding, Finding::Malformed(why) if why.contains("value"))
        );
    }

    #[test]
    fn an_unknown_kind_is_sound() {
        let judged = judge_all(vec![sealed(1, "new-kind", json!({"any": ["thing"]}))]);
        assert!(matches!(
            judged[0].finding,
            Finding::Sound(EventBody::Unknown { .. })
        ));
    }

    #[test]
    fn what_the_ratchet_has_passed_is_not_looked_at() {
        let mut ratchet = Ratchet {
            seq: 3,
            key: key(3),
        };
        let judged = judge(&mut ratchet, &[notice(2, "boot"), notice(3, "boot")]);
        assert!(matches!(judged[0].finding, Finding::Behind));
        assert!(matches!(judged[1].finding, Finding::Sound(_)));
    }
}
