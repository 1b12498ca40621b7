//! What a process on this machine has used, as Linux tells it.

use serde_json::{Value, json};

/// Ticks in a second of CPU time: what every Linux has had since 2.6, whatever the kernel's own timer does.
const TICKS: f64 = 100.0;

/// CPU time and memory of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time, in seconds.
    pub(crate) cpu: f64,
    /// Memory in use, in KiB.
    pub(crate) memory: u64,
    /// The most that ever was, in KiB.
    pub(crate) peak: u64,
}

impl Usage {
    /// Of this process, now; none where it is gone, or another system's.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        let (stat, status) = (read("stat")?, read("status")?);
        // The name, in brackets, may have anything in it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        Some(Self { cpu: (ticks(11)? + ticks(12)?) / TICKS, memory: kib("VmRSS:")?, peak: kib("VmHWM:")? })
    }

    /// What was used since then.
    pub(crate) fn since(self, before: Self) -> Used {
        Used { cpu: self.cpu - before.cpu, before: before.memory, after: self.memory, peak: self.peak }
    }
}

/// What a run has used of the gateway's machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// In seconds.
    pub(crate) cpu: f64,
    before: u64,
    after: u64,
    peak: u64,
}

impl Used {
    /// As the table has it.
    pub(crate) fn memory(&self) -> String {
        let mib = |kib: u64| kib as f64 / 1024.0;
        format!(
            "{:.0} MiB before, {:.0} MiB after, {:.0} MiB at most",
            mib(self.before),
            mib(self.after),
            mib(self.peak)
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "cpu_s": self.cpu, "memory_before_kib": self.before, "memory_after_kib": self.after,
                "memory_peak_kib": self.peak })
    }
}
