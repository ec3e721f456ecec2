//! What a recovery found, and where the rebuilt journal goes on.

use pikir_contract::SealKey;

use super::salvage::FoundChain;
use crate::journal::spare_key::Spare;
use crate::limits::SPARE_AHEAD;

/// What the damaged files hold.
pub(super) struct Salvaged {
    /// Readable chain rows of this terminal, ascending; the newest [`MAX_CHAINS`].
    pub(super) chains: Vec<FoundChain>,
    /// Nothing in the log was unreadable, so the newest chain row is the newest there was.
    pub(super) whole_log: bool,
    /// There was no database at all.
    pub(super) missing: bool,
    /// Seq of the newest event; 0: none.
    pub(super) newest: u64,
    /// Gaps that were stated before.
    pub(super) known_gaps: Vec<(u64, u64)>,
}

/// Where the rebuilt journal goes on.
pub(super) struct Start {
    pub(super) next_seq: u64,
    /// `None`: lost.
    pub(super) key: Option<SealKey>,
    pub(super) received_through: u64,
    pub(super) removed_through: u64,
    /// Events behind it were never offered to the portal.
    pub(super) in_doubt_after: Option<u64>,
    /// Seq of the newest event that is known to have been written, readable or not.
    pub(super) newest: u64,
    /// The chain row was readable, so what was removed after its time is known.
    pub(super) chain_known: bool,
}

impl Start {
    /// The chain goes on where it stood only when nothing speaks against it; else at the spare key,
    /// whose seq no event ever had. Better a stated gap in the numbers than a number given twice.
    pub(super) fn choose(found: &Salvaged, spare: Option<&Spare>) -> Self {
        let confirmed = |chain: &&FoundChain| {
            spare.is_none_or(|spare| spare.confirms(chain.next_seq, &chain.key) == Some(true))
        };
        let chain = found.chains.iter().rev().find(confirmed);
        let after = found.newest + 1;
        let newest = chain
            .map_or(0, |chain| chain.next_seq - 1)
            .max(found.newest);
        let (next_seq, key) = match (chain, spare) {
            (Some(chain), _) if found.whole_log && !found.missing && chain.next_seq >= after => {
                (chain.next_seq, Some(chain.key.clone()))
            }
            (_, Some(spare)) => (spare.seq, Some(spare.key.clone())),
            (Some(chain), None) => {
                let next = chain.next_seq.max(after) + SPARE_AHEAD;
                (next, Some(chain.key.advance(next - chain.next_seq)))
            }
            (None, None) => (after, None),
        };
        Self {
            next_seq,
            key,
            received_through: chain.map_or(0, |chain| chain.received_through),
            removed_through: chain.map_or(0, |chain| chain.removed_through),
            in_doubt_after: chain.and_then(|chain| chain.in_doubt_after),
            newest,
            chain_known: chain.is_some(),
        }
    }
}
