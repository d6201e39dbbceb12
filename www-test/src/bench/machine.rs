//! The machine a table comes from: what a reader needs to compare it with theirs, and nothing that names it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::Instant;

/// Processor, memory, kernel and disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The processor's name; unknown where the system does not say.
    processor: String,
    cores: usize,
    memory_gb: u64,
    /// Release of the operating system's kernel.
    kernel: String,
    /// Time to write 4 kB and wait until they are on the disk, the middle of many, in microseconds.
    fdatasync_us: u64,
}

impl Machine {
    /// This one, with the disk that the relays of the measurements write to.
    pub(super) fn look() -> io::Result<Self> {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = value(&text("/proc/meminfo"), "MemTotal");
        let kilobytes = memory.and_then(|memory| memory.strip_suffix("kB")?.trim().parse::<u64>().ok());
        Ok(Self {
            processor: value(&text("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            memory_gb: kilobytes.unwrap_or_default() / 1_000_000,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            fdatasync_us: fdatasync_us(TempDir::new()?.path())?,
        })
    }

    /// Whether figures of both belong into one table. A disk is never as fast twice.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        *self == Self { fdatasync_us: self.fdatasync_us, ..other.clone() }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, memory_gb, kernel, fdatasync_us } = self;
        write!(f, "{processor}, {cores} cores, {memory_gb} GB of memory, Linux {kernel}; ")?;
        write!(f, "writing 4 kB and fdatasync takes {fdatasync_us} µs")
    }
}

/// Writes of which the middle one counts.
const WRITES: usize = 201;

fn fdatasync_us(folder: &Path) -> io::Result<u64> {
    let mut file = File::create(folder.join("fdatasync"))?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&[b'.'; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(u64::try_from(times[WRITES / 2].as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_machine_go_together_however_its_disk_fared() {
        let here = Machine::look().expect("a disk");
        assert!(here.cores > 0 && !here.kernel.is_empty());
        assert!(here.is_same(&Machine { fdatasync_us: 1, ..here.clone() }));
        assert!(!here.is_same(&Machine { cores: here.cores + 1, ..here.clone() }));
    }
}
