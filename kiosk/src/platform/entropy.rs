//! The only source of random bytes and identifiers.

#![allow(clippy::disallowed_methods, reason = "this is the module that may")]

use std::sync::Arc;

use pikir_contract::Id;

/// Where randomness comes from: [`SystemEntropy`] on a terminal, [`TestEntropy`] in tests.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A new UUIDv7 for this wall clock (Unix milliseconds; RFC 9562 §5.7). A wrong clock makes ids
    /// that sort wrongly, never ids that collide.
    fn id(&self, wall_ms: i64) -> Id {
        let mut random = [0; 10];
        self.fill(&mut random);
        Id::from_parts(wall_ms.max(0) as u64, random)
    }

    /// A fraction in `0.0..1.0`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        // 53 bits are what an f64 holds exactly.
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Shared entropy.
pub type SharedEntropy = Arc<dyn Entropy>;

/// The kernel's generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // The kernel's generator answers once it is seeded; without one there is no key and no safe
        // way on.
        getrandom::fill(bytes).expect("the kernel's random number generator answers");
    }
}

/// A repeatable sequence (SplitMix64) for tests.
pub struct TestEntropy(std::sync::atomic::AtomicU64);

impl TestEntropy {
    /// Starts the sequence at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(std::sync::atomic::AtomicU64::new(seed)))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15;
            let state = self
                .0
                .fetch_add(step, std::sync::atomic::Ordering::Relaxed)
                .wrapping_add(step);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
