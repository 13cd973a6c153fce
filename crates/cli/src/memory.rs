//! How much memory reading may take.

use memory_stats::memory_stats;
use tollgate_log::MemoryLimit;

/// How much memory reading may take.
#[derive(clap::Args)]
pub(crate) struct MemoryArgs {
    /// Memory to stay within, in MB: each worker gathers for itself, 10 to 60 MB, and only as many begin
    /// as there is room for. 0 for as much as they take.
    #[arg(long, value_name = "MB", default_value_t = 256, help_heading = "Reading logs")]
    memory: usize,
}

impl MemoryArgs {
    pub(crate) fn limit(&self) -> Option<MemoryLimit> {
        let bytes = self.memory.checked_mul(1 << 20).filter(|bytes| *bytes > 0)?;
        Some(MemoryLimit { bytes, resident: || memory_stats().map(|stats| stats.physical_mem) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_takes_is_known() {
        let limit = MemoryArgs { memory: 256 }.limit().expect("a limit");
        assert_eq!(limit.bytes, 256 << 20);
        let held = vec![1_u8; 64 << 20];
        let resident = (limit.resident)().expect("it can be told here");
        assert!(resident > held.len(), "{resident}");
    }

    #[test]
    fn none_and_more_than_there_can_be_are_no_limit() {
        assert!(
            [0, usize::MAX].map(|memory| MemoryArgs { memory }.limit()).iter().all(Option::is_none)
        );
    }
}
