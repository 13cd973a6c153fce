//! Events that were seen before.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Ids that are remembered: more than an overlap of exports holds.
const IDS_MAX: usize = 1 << 20;

/// The ids of the events that were seen last, shared by all workers.
///
/// An id is remembered as a hash of 64 bits: at a million ids, one of some
/// twenty million new events would be taken for a known one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Ids>>);

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Starts from ids that an earlier run saw.
    pub(crate) fn from_hashes(hashes: &[u64]) -> Seen {
        let seen = Seen::default();
        hashes.iter().for_each(|&hash| {
            seen.insert_hash(hash);
        });
        seen
    }

    /// Remembers an id. Returns whether it is new.
    pub(crate) fn insert(&self, id: &[u8]) -> bool {
        self.insert_hash(hash(id))
    }

    /// The ids that were seen last, at most `count`, oldest first.
    pub(crate) fn last(&self, count: usize) -> Vec<u64> {
        let ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.order.iter().skip(ids.order.len().saturating_sub(count)).copied().collect()
    }

    fn insert_hash(&self, hash: u64) -> bool {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ids.known.insert(hash) {
            return false;
        }
        ids.order.push_back(hash);
        if ids.order.len() > IDS_MAX
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.known.remove(&oldest);
        }
        true
    }
}

/// FNV-1a: the same on every machine and in every version, because it is kept
/// in files.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let seen = Seen::default();
        assert!(seen.insert(b"a"));
        assert!(seen.insert(b"b"));
        assert!(!seen.insert(b"a"));
        let later = Seen::from_hashes(&seen.last(1));
        assert!(later.insert(b"a"));
        assert!(!later.insert(b"b"));
    }
}
