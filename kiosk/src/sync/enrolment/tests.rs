//! Enrolment: what is written, and what a crash in the middle leaves.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::journal::{Content, NewEvent};
use crate::platform::clock::{Clock, TestClock};
use crate::platform::entropy::TestEntropy;

struct Box_ {
    data: DataDir,
    clock: Arc<TestClock>,
    entropy: Arc<TestEntropy>,
    _dir: tempfile::TempDir,
}

impl Box_ {
    /// Where a former enrolment's identity and journal are kept.
    fn kept(&self, former: &EnrolmentResult) -> DataDir {
        let kept = DataDir::new(Some(&self.data.former().join(former.terminal.to_string())));
        assert_eq!(
            Identity::load(&kept.identity()).unwrap().unwrap().terminal,
            Some(former.terminal)
        );
        kept
    }

    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::new(
            "7c1d6f0e-1111-4222-8333-444455556666".parse().unwrap(),
            1_800_000_000_000,
        );
        Self {
            data: DataDir::new(Some(dir.path())),
            clock,
            entropy: TestEntropy::new(5),
            _dir: dir,
        }
    }

    fn prepare(&self) -> Enrolment {
        let address = PortalAddress::new("http://127.0.0.1:1", None).unwrap();
        Enrolment::prepare(
            &self.data,
            address,
            self.clock.clone(),
            &*self.entropy,
            None,
        )
        .unwrap()
    }

    fn result(&self) -> EnrolmentResult {
        let config = json!({
            "version": 1, "organization": {"code": "o", "name": {"ky": "Борбор"}},
            "place": {"code": "7K3M9P", "name": "1"}, "languages": ["ky"], "default_language": "ky",
            "qr": {"base_url": "https://otzyv.example"},
        });
        EnrolmentResult {
            terminal: self.entropy.id(self.clock.wall_ms()),
            config,
        }
    }

    fn append(&self) {
        let content = Content::Notice {
            what: "boot",
            detail: None,
        };
        let event = NewEvent {
            id: self.entropy.id(self.clock.wall_ms()),
            at: self.clock.reading(),
            content,
        };
        Journal::open(&self.data.journal())
            .unwrap()
            .append(event)
            .unwrap();
    }
}

#[test]
fn asking_again_after_a_crash_uses_the_same_keys() {
    let terminal = Box_::new();
    let (first, second) = (terminal.prepare().request, terminal.prepare().request);
    assert_eq!(first.public_key, second.public_key);
    assert_eq!(first.seal_key, second.seal_key);
}

#[test]
fn an_enrolled_terminal_has_identity_configuration_and_journal() {
    let terminal = Box_::new();
    let result = terminal.result();
    let identity = terminal.prepare().complete(result.clone()).unwrap();
    assert_eq!(identity.terminal, Some(result.terminal));
    assert_eq!(
        Journal::open(&terminal.data.journal())
            .unwrap()
            .state()
            .terminal,
        Some(result.terminal)
    );
    assert!(
        ConfigurationStore::load(terminal.data.clone())
            .current()
            .is_some()
    );
}

#[test]
fn enrolling_again_under_the_same_id_goes_on_with_the_journal() {
    let terminal = Box_::new();
    let result = terminal.result();
    terminal.prepare().complete(result.clone()).unwrap();
    terminal.append();
    let again = terminal.prepare();
    again.complete(result).unwrap();
    assert_eq!(
        Journal::open(&terminal.data.journal())
            .unwrap()
            .state()
            .last_seq,
        1
    );
    assert!(!files::exists(&next_journal(&terminal.data)));
}

#[test]
fn enrolling_under_a_new_id_begins_a_new_chain_and_keeps_the_former_journal_to_be_delivered() {
    let terminal = Box_::new();
    let (former, new) = (terminal.result(), terminal.result());
    let first = terminal.prepare();
    first.complete(former.clone()).unwrap();
    terminal.append();
    let again = terminal.prepare();
    assert_ne!(
        first.request.seal_key, again.request.seal_key,
        "a used key is no longer there to be sent"
    );
    assert_eq!(
        again.complete(new.clone()).unwrap().terminal,
        Some(new.terminal)
    );
    let state = Journal::open(&terminal.data.journal()).unwrap().state();
    assert_eq!((state.terminal, state.last_seq), (Some(new.terminal), 0));
    let kept = terminal.kept(&former);
    let state = Journal::open(&kept.journal()).unwrap().state();
    assert_eq!((state.terminal, state.pending), (Some(former.terminal), 1));
}

#[test]
fn a_crash_while_the_former_identity_is_put_aside_is_brought_to_its_end() {
    let terminal = Box_::new();
    let (former, new) = (terminal.result(), terminal.result());
    let identity = terminal.prepare().complete(former).unwrap();
    terminal.append();
    terminal.prepare();
    let next = next_journal(&terminal.data);
    Journal::open(&next)
        .unwrap()
        .set_terminal(new.terminal)
        .unwrap();
    // The crash comes after the former journal was moved and before the new one took its place.
    make_former(&terminal.data, &identity).unwrap();
    files::rename(&terminal.data.journal(), &next).unwrap();
    finish_interrupted(&terminal.data).unwrap();
    assert_eq!(
        Identity::load(&terminal.data.identity())
            .unwrap()
            .unwrap()
            .terminal,
        Some(new.terminal)
    );
    assert_eq!(
        Journal::open(&terminal.data.journal())
            .unwrap()
            .state()
            .terminal,
        Some(new.terminal)
    );
}

#[test]
fn a_terminal_has_a_spare_key_from_its_enrolment_and_none_of_its_former_chain() {
    let terminal = Box_::new();
    let spare = || std::fs::read_to_string(terminal.data.spare_key()).unwrap();
    let (former, new) = (terminal.result(), terminal.result());
    terminal.prepare().complete(former.clone()).unwrap();
    assert!(spare().contains(&former.terminal.to_string()));
    terminal.append();
    terminal.prepare().complete(new.clone()).unwrap();
    assert!(spare().contains(&new.terminal.to_string()));
}

#[test]
fn a_terminal_whose_ratchet_key_is_lost_enrols_with_a_new_key_pair_and_begins_a_new_chain() {
    for crash in [false, true] {
        let terminal = Box_::new();
        let (former, new) = (terminal.result(), terminal.result());
        let first = terminal.prepare();
        first.complete(former.clone()).unwrap();
        terminal.append();
        std::fs::remove_file(terminal.data.journal()).unwrap();
        let message = Enrolment::prepare(
            &terminal.data,
            PortalAddress::new("http://127.0.0.1:1", None).unwrap(),
            terminal.clock.clone(),
            &*terminal.entropy,
            None,
        );
        let message = message.err().unwrap().to_string();
        assert!(message.contains("start pikir-kiosk once"), "{message}");
        std::fs::remove_file(terminal.data.spare_key()).unwrap();
        let again = terminal.prepare();
        assert_ne!(first.request.public_key, again.request.public_key);
        assert_eq!(
            again.request.public_key,
            terminal.prepare().request.public_key
        );
        if crash {
            // Between the new journal taking its place and the identity being written.
            let next = next_journal(&terminal.data);
            Journal::open(&next)
                .unwrap()
                .set_terminal(new.terminal)
                .unwrap();
            let identity = Identity::load(&terminal.data.identity()).unwrap().unwrap();
            make_former(&terminal.data, &identity).unwrap();
            finish_interrupted(&terminal.data).unwrap();
        } else {
            again.complete(new.clone()).unwrap();
        }
        let identity = Identity::load(&terminal.data.identity()).unwrap().unwrap();
        assert_eq!(identity.terminal, Some(new.terminal));
        assert_eq!(
            identity.signing_key().verifying_key().to_bytes().to_vec(),
            again.request.public_key.0
        );
        assert!(!files::exists(&terminal.data.next_identity()));
        let state = Journal::open(&terminal.data.journal()).unwrap().state();
        assert_eq!((state.terminal, state.last_seq), (Some(new.terminal), 0));
        terminal.kept(&former);
    }
}

#[test]
fn a_journal_whose_identity_is_gone_is_set_aside_and_the_new_chain_begins_with_the_key_that_was_told()
 {
    let terminal = Box_::new();
    let old = terminal.result();
    terminal.prepare().complete(old.clone()).unwrap();
    terminal.append();
    files::remove_if_there(&terminal.data.identity()).unwrap();

    let again = terminal.prepare();
    let told = again.request.seal_key.clone();
    let new = terminal.result();
    again.complete(new.clone()).unwrap();

    let journal = Journal::open(&terminal.data.journal()).unwrap();
    assert_eq!(journal.state().terminal, Some(new.terminal));
    assert_eq!(journal.state().last_seq, 0);
    assert_eq!(
        Some(told.0),
        journal
            .first_key()
            .unwrap()
            .map(|key| key.as_bytes().to_vec())
    );
    let kept = DataDir::new(Some(&terminal.data.former().join(old.terminal.to_string())));
    let kept = Journal::open(&kept.journal()).unwrap();
    assert_eq!(
        (kept.state().terminal, kept.state().last_seq),
        (Some(old.terminal), 1)
    );
}
