//! A portal written from the contract alone: it holds what it was handed, verifies every seal from
//! the first key on, and can be restored from an older backup.

use std::collections::{BTreeMap, HashMap};

use pikir_contract::{
    BootId, BootOffset, Event, EventBody, EventResult, EventStatus, EventsAnswer, EventsRequest,
    OffsetQuality, RejectReason, SealKey, Time,
};

/// The portal.
pub struct ModelPortal {
    /// Keys that were needed, by seq: the way to a later one begins at the nearest before it.
    keys: BTreeMap<u64, SealKey>,
    books: Books,
    /// Breaches of the contract by the terminal.
    pub complaints: Vec<String>,
    /// Events that came under a number held already, with other content.
    pub conflicts: u64,
    /// How far ahead of the truth its clock is, and was before (milliseconds); the newest last.
    ahead_ms: Vec<i64>,
}

/// Everything that a backup holds.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What was accepted, by seq.
    pub accepted: BTreeMap<u64, Event>,
    /// Which of these came with a request that was late, and when (true Unix milliseconds): the
    /// terminal may have asked for them before, in vain.
    pub late: BTreeMap<u64, i64>,
    /// What was rejected for good, by seq.
    pub rejected: BTreeMap<u64, Event>,
    /// What the terminal told of its boots' clocks.
    pub told: HashMap<BootId, BootOffset>,
    /// The least offset that arrivals allow: a request may come late, never early (milliseconds).
    pub seen: HashMap<BootId, i64>,
}

impl Books {
    /// The event that it has under this number, counted or not.
    #[must_use]
    pub fn known(&self, seq: u64) -> Option<&Event> {
        self.accepted.get(&seq).or_else(|| self.rejected.get(&seq))
    }

    /// The highest seq up to which everything is held.
    #[must_use]
    pub fn through(&self) -> u64 {
        (1..)
            .take_while(|seq| self.known(*seq).is_some())
            .last()
            .unwrap_or(0)
    }

    fn learn(&mut self, offset: BootOffset) {
        let is_worse = |known: &BootOffset| rank(known.quality) > rank(offset.quality);
        if !self.told.get(&offset.boot).is_some_and(is_worse) {
            self.told.insert(offset.boot, offset);
        }
    }

    fn see(&mut self, boot: BootId, offset_ms: i64) {
        let least = self.seen.entry(boot).or_insert(offset_ms);
        *least = offset_ms.min(*least);
    }
}

fn rank(quality: OffsetQuality) -> u8 {
    match quality {
        OffsetQuality::Estimated => 0,
        OffsetQuality::Portal => 1,
        OffsetQuality::Synced => 2,
    }
}

impl ModelPortal {
    /// A portal that knows the terminal's first key.
    #[must_use]
    pub fn new(first_key: SealKey) -> Self {
        Self {
            keys: BTreeMap::from([(1, first_key)]),
            books: Books::default(),
            complaints: Vec::new(),
            conflicts: 0,
            ahead_ms: vec![0],
        }
    }

    /// Sets its clock wrong by this much (milliseconds).
    pub fn set_ahead(&mut self, ms: i64) {
        self.ahead_ms.push(ms);
    }

    /// How wrong its clock ever was (milliseconds).
    #[must_use]
    pub fn ever_ahead_ms(&self) -> &[i64] {
        &self.ahead_ms
    }

    /// What it holds.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Restores a backup.
    pub fn restore(&mut self, backup: Books) {
        self.books = backup;
    }

    /// Takes a copy of a delivery that was late.
    pub fn deliver_late(&mut self, request: &EventsRequest, now_ms: i64) {
        let unknown = |event: &&Event| self.books.known(event.seq).is_none();
        let new: Vec<u64> = request
            .events
            .iter()
            .filter(unknown)
            .map(|event| event.seq)
            .collect();
        self.deliver(request, now_ms);
        self.books
            .late
            .extend(new.into_iter().map(|seq| (seq, now_ms)));
    }

    /// Takes a delivery at true time `now_ms` and answers.
    pub fn deliver(&mut self, request: &EventsRequest, now_ms: i64) -> EventsAnswer {
        if let Err(breach) = request.check() {
            self.complaints.push(breach.to_string());
        }
        self.books
            .see(request.clock.boot, now_ms - request.clock.up_ms as i64);
        for offset in &request.boots {
            self.books.learn(*offset);
        }
        let results = request
            .events
            .iter()
            .map(|event| self.take(event))
            .collect();
        EventsAnswer {
            received_through: self.books.through(),
            results,
            time: Time::from_unix_ms(now_ms + self.ahead_ms.last().unwrap_or(&0))
                .unwrap_or_else(|_| epoch()),
        }
    }

    fn take(&mut self, event: &Event) -> EventResult {
        let result = |status, reason| EventResult {
            seq: event.seq,
            status,
            reason,
        };
        if let Some(known) = self.books.known(event.seq) {
            self.conflicts += u64::from(known != event);
            return result(EventStatus::Duplicate, None);
        }
        let is_sealed = self
            .key(event.seq)
            .verify(event.seq, &event.kind, &event.body, &event.seal)
            .unwrap_or(false);
        if !is_sealed {
            self.books.rejected.insert(event.seq, event.clone());
            return result(EventStatus::Rejected, Some(RejectReason::Seal));
        }
        if let Err(breach) = EventBody::parse(&event.kind, &event.body) {
            self.complaints
                .push(format!("event {}: {breach}", event.seq));
            self.books.rejected.insert(event.seq, event.clone());
            return result(EventStatus::Rejected, Some(RejectReason::Malformed));
        }
        self.books.accepted.insert(event.seq, event.clone());
        result(EventStatus::Accepted, None)
    }

    fn key(&mut self, seq: u64) -> SealKey {
        let nearest = self.keys.range(..=seq).next_back();
        let (from, key) = nearest.map_or((1, None), |(from, key)| (*from, Some(key)));
        let key = key.map_or_else(
            || SealKey::from_bytes([0; 32]),
            |key| key.advance(seq - from),
        );
        self.keys.insert(seq, key.clone());
        key
    }
}

fn epoch() -> Time {
    Time::from_unix_ms(0).expect("1970 is within the years that can be written")
}
