//! Judging events: is the seal right, does the body keep to the contract?
//!
//! Shared by events that come over the network and by journals that come on a stick. Everything
//! here is arithmetic: what is known of the terminal comes in, what was found goes out, and
//! [`crate::storage`] keeps it.

use std::collections::BTreeMap;

use pikir_contract::{
    CanonicalError, Event, EventBody, Seal, SealKey, canonical_json, canonical_value,
};

/// How far beyond the last event held a delivery may reach. A terminal with a million events
/// waiting that loses its journal goes on a thousand behind them, and may lose the next one too.
pub const MAX_GAP: u64 = 2_000_000;
/// How far the ratchet is turned for one request (steps, one HMAC each): a wild seq must not keep
/// the portal busy. What lies further is reached over several requests, because the keys on the way
/// are kept.
pub const MAX_TURN: u64 = 250_000;
/// Distance between the keys that are kept (seqs): so far the ratchet is turned again for an event
/// that fills a gap.
pub const MARK_EVERY: u64 = 10_000;

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

/// The ratchet of one terminal, wherever its key is known. K_i depends on i alone, so any event can
/// be judged.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Keys by seq; K1 among them.
    known: BTreeMap<u64, SealKey>,
    /// Where the ratchet stands.
    at: Ratchet,
    /// Keys found on the way that are to be kept.
    marks: Vec<Ratchet>,
    /// How far the ratchet may still be turned; `None`: as far as it takes.
    left: Option<u64>,
}

/// An event lies further than the ratchet may be turned for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFar;

impl Keys {
    /// The keys that are known of the terminal with this K1.
    pub fn new(seal_key: SealKey, known: impl IntoIterator<Item = Ratchet>) -> Self {
        let at = Ratchet {
            seq: 1,
            key: seal_key,
        };
        let mut all: BTreeMap<u64, SealKey> = known
            .into_iter()
            .map(|Ratchet { seq, key }| (seq, key))
            .collect();
        all.insert(at.seq, at.key.clone());
        Self {
            known: all,
            at,
            marks: Vec::new(),
            left: None,
        }
    }

    /// The same, turned no further than a request may ask for ([`MAX_TURN`]).
    #[must_use]
    pub fn for_request(self) -> Self {
        Self {
            left: Some(MAX_TURN),
            ..self
        }
    }

    /// Where the ratchet stands: at the last event judged.
    pub fn at(&self) -> &Ratchet {
        &self.at
    }

    /// The keys found on the way, for the next delivery. They are told once.
    pub fn take_marks(&mut self) -> Vec<Ratchet> {
        std::mem::take(&mut self.marks)
    }

    /// Turns the ratchet to `seq`, from where it stands or from the nearest key known before.
    fn turn_to(&mut self, seq: u64) -> Result<&SealKey, TooFar> {
        let nearest = self.known.range(..=seq).next_back();
        if let Some((from, key)) = nearest
            && (self.at.seq > seq || self.at.seq < *from)
        {
            self.at = Ratchet {
                seq: *from,
                key: key.clone(),
            };
        }
        while self.at.seq < seq {
            let next = seq.min((self.at.seq / MARK_EVERY + 1) * MARK_EVERY);
            let steps = next - self.at.seq;
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(steps).ok_or(TooFar)?;
            }
            self.at = Ratchet {
                seq: next,
                key: self.at.key.advance(steps),
            };
            if next.is_multiple_of(MARK_EVERY) {
                self.known.insert(next, self.at.key.clone());
                self.marks.push(self.at.clone());
            }
        }
        Ok(&self.at.key)
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
}

/// Judges events in ascending order of seq.
///
/// # Errors
/// One of them lies too far for one request; the marks found on the way bring the next one nearer.
pub fn judge(keys: &mut Keys, events: &[Event]) -> Result<Vec<Judged>, TooFar> {
    let mut broken = Vec::new();
    let mut judged = Vec::with_capacity(events.len());
    for event in events {
        // As the seal covers it; made once for the seal and for keeping.
        let canonical = canonical_value(&event.body);
        let key = keys.turn_to(event.seq)?;
        let finding = judge_one(key, event, &canonical);
        if matches!(finding, Finding::BadSeal { .. }) && broken.len() < MAX_MOVED {
            broken.push(Broken {
                index: judged.len(),
                seq: event.seq,
                key: key.clone(),
            });
        }
        judged.push(Judged {
            seq: event.seq,
            kind: event.kind.clone(),
            body: canonical.unwrap_or_else(|_| written(event)),
            seal: event.seal,
            finding,
        });
    }
    find_moved(&broken, &mut judged);
    Ok(judged)
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

/// An event whose seal is wrong at its own seq may carry the seal of another: then somebody moved
/// it.
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
        judge(&mut Keys::new(key(1), []), &events).unwrap()
    }

    fn is_sound(judged: &[Judged]) -> bool {
        judged
            .iter()
            .all(|event| matches!(event.finding, Finding::Sound(_)))
    }

    #[test]
    fn a_gap_does_not_stop_the_events_behind_it_from_being_verified() {
        let mut keys = Keys::new(key(1), []);
        let judged = judge(&mut keys, &[notice(1, "boot"), notice(500, "shutdown")]).unwrap();
        assert!(is_sound(&judged));
        assert_eq!(
            (keys.at().seq, keys.at().key.as_bytes()),
            (500, key(500).as_bytes())
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
    fn events_before_the_last_one_are_judged_from_the_nearest_key_that_is_known() {
        let known = Ratchet {
            seq: 40_000,
            key: key(40_000),
        };
        let mut keys = Keys::new(key(1), [known]).for_request();
        for seq in [40_700, 40_002, 3] {
            assert!(is_sound(&judge(&mut keys, &[notice(seq, "boot")]).unwrap()));
        }
        assert_eq!(keys.left, Some(MAX_TURN - 700 - 2 - 2));
        assert!(keys.take_marks().is_empty());
    }

    #[test]
    fn a_seq_that_lies_too_far_is_reached_over_several_requests() {
        let far = [notice(1, "boot"), notice(2 * MAX_TURN, "boot")];
        let mut known: Vec<Ratchet> = Vec::new();
        let mut requests = 0;
        let judged = loop {
            requests += 1;
            let mut keys = Keys::new(key(1), known.clone()).for_request();
            match judge(&mut keys, &far) {
                Ok(judged) => break judged,
                Err(TooFar) => known.extend(keys.take_marks()),
            }
        };
        assert_eq!(requests, 2);
        assert!(is_sound(&judged));
        assert!(known.iter().all(|mark| mark.seq % MARK_EVERY == 0));
    }
}
