//! What processes take of the machine, from `/proc` (Linux).

use std::collections::HashMap;
use std::fs;

/// The clock in which Linux tells the CPU time that was used (`USER_HZ`, 100 on every architecture of today).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processes that are looked at together: one and its descendants, but for those that are looked at by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

/// What such processes have taken since they began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) written_bytes: u64,
}

/// The machine at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// In the order in which they were asked for.
    pub(crate) taken: Vec<Taken>,
    /// CPU seconds that anybody has used.
    busy_cpu_seconds: f64,
}

impl Look {
    pub(crate) fn at(watched: &[Watched]) -> Self {
        let parents = parents();
        let others: Vec<u32> = watched.iter().map(|one| one.pid).collect();
        let taken = watched.iter().map(|one| total(family(one.pid, &parents, &others)));
        Self { taken: taken.collect(), busy_cpu_seconds: busy_cpu_seconds() }
    }

    /// CPU seconds since `before` that none of the watched used.
    pub(crate) fn foreign_cpu_seconds(&self, before: &Self) -> f64 {
        let own = |look: &Self| look.taken.iter().map(|taken| taken.cpu_seconds).sum::<f64>();
        ((self.busy_cpu_seconds - before.busy_cpu_seconds) - (own(self) - own(before))).max(0.0)
    }
}

/// The process of this name that the others of the name descend from.
pub(crate) fn eldest(name: &str) -> Option<u32> {
    let has_name = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    parents().into_iter().find(|(pid, parent)| has_name(*pid) && !has_name(*parent)).map(|(pid, _)| pid)
}

fn total(pids: Vec<u32>) -> Taken {
    pids.into_iter().map(taken).fold(Taken::default(), |all, one| Taken {
        cpu_seconds: all.cpu_seconds + one.cpu_seconds,
        resident_bytes: all.resident_bytes + one.resident_bytes,
        written_bytes: all.written_bytes + one.written_bytes,
    })
}

/// Cores of the machine.
pub(crate) fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// Every process with its parent.
fn parents() -> HashMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, stat(pid)?.get(1)?.parse().ok()?))).collect()
}

/// A process and its descendants, without the `others` and theirs.
fn family(pid: u32, parents: &HashMap<u32, u32>, others: &[u32]) -> Vec<u32> {
    let mut family = vec![pid];
    let mut place = 0;
    while let Some(&parent) = family.get(place) {
        let children = parents.iter().filter(|(pid, of)| **of == parent && !others.contains(pid));
        family.extend(children.map(|(pid, _)| *pid));
        place += 1;
    }
    family
}

/// The fields of `/proc/PID/stat` behind the name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn taken(pid: u32) -> Taken {
    let ticks = |fields: &[String], place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    let stat = stat(pid).unwrap_or_default();
    // utime, stime, and the same of the children that have ended, are the 14th to 17th field, counted from the process's
    // number (proc_pid_stat(5)). What ends is counted by its parent from then on, so that no sum ever falls.
    let cpu: f64 = (11..15).filter_map(|place| ticks(&stat, place)).sum();
    Taken {
        cpu_seconds: cpu / TICKS_PER_SECOND,
        resident_bytes: number(&format!("/proc/{pid}/status"), "VmRSS:") * 1024,
        written_bytes: number(&format!("/proc/{pid}/io"), "write_bytes:"),
    }
}

/// The number behind `name` in a file of lines.
fn number(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn busy_cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<f64> = match text.lines().next() {
        Some(line) => line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect(),
        None => Vec::new(),
    };
    // user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)): all but the two in which nothing is done.
    let busy = ticks.iter().enumerate().filter(|(place, _)| !matches!(place, 3 | 4) && *place < 8);
    busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS_PER_SECOND
}
