//! One delivery: its events, packed as soon as they are known, and its beginning, which says when
//! it is sent.

use std::io;

use pikir_contract::{BootId, BootOffset, ClockReading, Id};
use serde::Serialize;

use crate::journal::Batch;
use crate::portal::{Content, End, Request};

/// Where deliveries go.
const PATH: &str = "/api/v1/events";

/// Events ready to be sent. Everything but the moment of sending and what is known of the boots is
/// packed.
pub(super) struct Delivery {
    /// How many events it has.
    pub(super) count: usize,
    /// Seq of the first of them.
    pub(super) first: Option<u64>,
    /// What is known of boots' clocks.
    pub(super) boots: Vec<BootOffset>,
    /// The boots its events are of.
    pub(super) own_boots: Vec<BootId>,
    /// It is to be sent although it holds no event: the portal is asked where it stands.
    pub(super) is_question: bool,
    events: End,
}

/// What stands before the events: the members of [`pikir_contract::EventsRequest`].
#[derive(Serialize)]
struct Beginning<'a> {
    terminal: Id,
    clock: ClockReading,
    boots: &'a [BootOffset],
}

impl Delivery {
    /// Packs a batch. This is the work of a delivery: milliseconds on a small computer.
    ///
    /// # Errors
    /// It cannot be compressed.
    pub(super) fn pack(batch: Batch) -> io::Result<Self> {
        let mut own_boots: Vec<BootId> = batch
            .events
            .iter()
            .filter_map(|event| event.body.get("boot")?.as_str()?.parse().ok())
            .collect();
        own_boots.dedup();
        let mut end = serde_json::to_vec(&batch.events)?;
        end.push(b'}');
        Ok(Self {
            count: batch.events.len(),
            first: batch.events.first().map(|event| event.seq),
            boots: batch.boots,
            own_boots,
            is_question: batch.is_question,
            events: End::pack(end)?,
        })
    }

    /// The request, sent at `clock`, telling of `boots`.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn into_request(
        self,
        terminal: Id,
        clock: ClockReading,
        boots: &[BootOffset],
    ) -> io::Result<Request> {
        let mut begin = serde_json::to_vec(&Beginning {
            terminal,
            clock,
            boots,
        })?;
        // The object goes on.
        begin.pop();
        begin.extend_from_slice(b",\"events\":");
        Ok(Request::of(PATH, Content::joined(begin, self.events)))
    }
}
