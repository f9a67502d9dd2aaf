//! How much memory a run may take, and where what is beyond it goes.

use std::path::PathBuf;

use clap::Args;

use fbwin::store::Spill;

use crate::cli::values;

/// What is taken for the machine's memory where it cannot be asked.
const UNKNOWN_BYTES: u64 = 8 << 30;

#[derive(Debug, Args)]
#[command(next_help_heading = "Memory")]
pub(crate) struct MemoryArgs {
    /// About how much memory to take, say 2GiB; events beyond it go to temporary files. By default a quarter of the
    /// machine's
    #[arg(long, value_name = "SIZE", value_parser = values::bytes)]
    memory: Option<u64>,

    /// The folder for temporary files, which have no names there and are gone with the process
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
}

impl MemoryArgs {
    /// When events go to temporary files, and where.
    pub(crate) fn spill(&self) -> Spill {
        Spill {
            memory_bytes: self.memory.unwrap_or_else(|| machine_bytes().unwrap_or(UNKNOWN_BYTES) / 4),
            folder: self.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
        }
    }
}

/// The memory of the machine, or of the container if that is less, where Linux tells.
fn machine_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let info = read("/proc/meminfo")?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let total = total.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10;
    let limit = read("/sys/fs/cgroup/memory.max").and_then(|limit| limit.trim().parse().ok());
    Some(limit.map_or(total, |limit: u64| limit.min(total)))
}
