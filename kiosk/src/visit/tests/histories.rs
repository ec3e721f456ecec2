//! Whatever happens in whatever order: what a visit keeps true.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
pub(super) enum Act {
    Rate(u8),
    Undo,
    Done,
    Language(bool),
    DiskAnswers(bool),
    Service(bool),
    Wait(u64),
    More,
    Choose(usize),
    Write(&'static str),
    Turn(bool),
    Adapt(bool),
    Headphones(bool),
    Button(u8),
    Speaking(bool),
    Steer,
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_u8..=5).prop_map(Act::Rate),
        2 => Just(Act::Undo),
        2 => Just(Act::Done),
        1 => any::<bool>().prop_map(Act::Language),
        6 => prop::bool::weighted(0.85).prop_map(Act::DiskAnswers),
        1 => any::<bool>().prop_map(Act::Service),
        4 => (0_u64..8_000).prop_map(Act::Wait),
        1 => (0_u64..60_000).prop_map(Act::Wait),
        3 => Just(Act::More),
        4 => (0_usize..6).prop_map(Act::Choose),
        2 => prop::sample::select(vec!["", "Кезек", "Кезек узун болду"]).prop_map(Act::Write),
        3 => any::<bool>().prop_map(Act::Turn),
        1 => any::<bool>().prop_map(Act::Adapt),
        1 => any::<bool>().prop_map(Act::Headphones),
        1 => (1_u8..=5).prop_map(Act::Button),
        2 => any::<bool>().prop_map(Act::Speaking),
        1 => Just(Act::Steer),
    ]
}

/// What a history must keep true, beside the visit itself.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) asked: std::collections::VecDeque<NewEvent>,
    durable: Vec<Id>,
    ids: std::collections::BTreeSet<Id>,
}

impl Ledger {
    fn take(&mut self, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for new in effects.into_iter().map(appended) {
            prop_assert!(self.ids.insert(new.id));
            if let Content::Withdrawal { rating } | Content::Answer { rating, .. } = &new.content {
                prop_assert!(self.durable.contains(rating));
            }
            self.asked.push_back(new);
        }
        Ok(())
    }

    fn answer(&mut self, good: bool) -> Option<Event> {
        let id = self.asked.pop_front()?.id;
        if !good {
            return Some(Event::NotAppended(id));
        }
        self.durable.push(id);
        Some(Event::Appended(id))
    }
}

pub(super) fn event_of(act: Act, lobby: &Lobby, ledger: &mut Ledger) -> Option<Event> {
    let language = |russian| if russian { "ru" } else { "ky" };
    Some(match act {
        Act::Rate(score) => Event::Rate(lobby.tap(score)),
        Act::Button(score) => Event::Rate(Tap {
            input: InputKind::Button,
            touched: None,
            ..lobby.tap(score)
        }),
        Act::Undo => Event::Undo,
        Act::Done => Event::Done,
        Act::Language(russian) => Event::Language(language(russian).into()),
        Act::Service(good) => Event::Service((!good).then(storage_fault)),
        Act::Wait(ms) => {
            lobby.clock.advance_ms(ms);
            Event::Tick
        }
        Act::DiskAnswers(good) => ledger.answer(good)?,
        Act::More => Event::More,
        Act::Choose(index) => Event::Choose(index),
        Act::Write(text) => Event::Write(text.into()),
        Act::Turn(forward) => {
            if forward {
                Event::Next
            } else {
                Event::Back
            }
        }
        Act::Speaking(speaks) => Event::Speaking(speaks),
        Act::Steer => Event::Steer,
        Act::Headphones(plugged) => Event::Headphones(plugged),
        Act::Adapt(speech) => Event::Adapt(Adaptation {
            speech,
            ..Adaptation::default()
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Thanks stands for a rating on the disk, a withdrawal or an answer for one that was thanked
    /// for, no id is used twice, and whatever happened, the terminal comes back to its first screen
    /// by itself.
    #[test]
    fn no_history_breaks_the_promises(acts in prop::collection::vec(act(), 1..60)) {
        let mut lobby = Lobby::asking();
        let mut ledger = Ledger::default();
        for act in acts {
            let Some(event) = event_of(act, &lobby, &mut ledger) else { continue };
            ledger.take(lobby.step(event))?;
            if let Phase::Thanks { rating, .. } = lobby.visit.phase {
                prop_assert!(ledger.durable.contains(&rating), "thanked for what is not on the disk");
            }
            if let Some(deadline) = lobby.visit.deadline(lobby.clock.up_ms()) {
                prop_assert!(deadline > lobby.clock.up_ms(), "a deadline that has passed is a busy loop");
            }
        }
        while let Some(event) = ledger.answer(true) {
            ledger.take(lobby.step(event))?;
        }
        ledger.take(lobby.step(Event::Service(None)))?;
        ledger.take(lobby.step(Event::Speaking(false)))?;
        // Nobody is there any more: the visit's own deadlines bring it back.
        while let Some(deadline) = lobby.visit.deadline(lobby.clock.up_ms()) {
            lobby.clock.advance_ms(deadline - lobby.clock.up_ms());
            ledger.take(lobby.step(Event::Tick))?;
            while let Some(event) = ledger.answer(true) {
                ledger.take(lobby.step(event))?;
            }
        }
        let begins = lobby.visit.begins;
        let first = Visit {
            doubt: lobby.visit.doubt.clone(),
            touched_ms: lobby.visit.touched_ms,
            left_ms: lobby.visit.left_ms,
            ended: lobby.visit.ended,
            heard_ms: lobby.visit.heard_ms,
            begins,
            adaptation: begins,
            ..Visit::new(asking_rules(), None)
        };
        prop_assert_eq!(&lobby.visit, &first);
    }
}
