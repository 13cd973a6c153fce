//! Plain lines: the input as it is.

use memchr::memrchr;

use super::EVENT_BYTES_MAX;

/// How much of the input is whole lines, or more of one than any event may be: the rest of such a
/// line is dropped, so that memory stays bounded.
pub(super) fn whole(pending: &[u8], finished: bool) -> usize {
    if finished {
        return pending.len();
    }
    match memrchr(b'\n', pending) {
        Some(newline) => newline + 1,
        None if pending.len() <= EVENT_BYTES_MAX => 0,
        None => pending.len(),
    }
}
