//! What the operating system knows of the process: on Linux, where `/proc` tells it for little.
//!
//! The names are those that Prometheus has for any process, without a prefix.

use std::fs;

use super::{Page, Told};

/// In what `/proc` tells times, on every architecture that is in use: hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process as it is at one moment; nothing where that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    cpu_seconds: Option<f64>,
    started_at_seconds: Option<f64>,
    threads: Option<f64>,
    resident_bytes: Option<f64>,
    open_files: Option<f64>,
    open_files_max: Option<f64>,
}

impl Process {
    /// Looks at this process. Reads files, and a directory that is as long as there are open files.
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            // The directory itself is open while it is read.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1) as f64),
            ..Self::read(
                &read("/proc/self/stat"),
                &read("/proc/self/status"),
                &read("/proc/self/limits"),
                &read("/proc/stat"),
            )
        }
    }

    fn read(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // The second field is the program's name in parentheses, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
        // Numbered from 1, as proc_pid_stat(5) does; the list begins with the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let seconds = |number: usize| field(number).map(|ticks| ticks / TICKS_PER_SECOND);
        let booted_at = number_after(system, "btime");
        Self {
            cpu_seconds: seconds(14).zip(seconds(15)).map(|(user, system)| user + system),
            started_at_seconds: booted_at.zip(seconds(22)).map(|(booted_at, later)| booted_at + later),
            threads: field(20),
            resident_bytes: number_after(status, "VmRSS:").map(|kilobytes| kilobytes * 1024.0),
            open_files: None,
            open_files_max: number_after(limits, "Max open files"),
        }
    }
}

/// The first number behind `label`, which a line of `text` begins with.
fn number_after(text: &str, label: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

impl Told for Process {
    fn tell(&self, page: &mut Page) {
        if let Some(seconds) = self.cpu_seconds {
            page.counter("process_cpu_seconds_total", "Processor time that the process has used, in seconds.", seconds);
        }
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "When the process was started, in seconds since 1970.",
                self.started_at_seconds,
            ),
            ("process_threads", "Threads of the process.", self.threads),
            ("process_resident_memory_bytes", "Memory of the process that is in RAM, in bytes.", self.resident_bytes),
            ("process_open_fds", "Files and connections that the process has open.", self.open_files),
            ("process_max_fds", "Files and connections that it may have open.", self.open_files_max),
        ] {
            if let Some(value) = value {
                page.gauge(name, help, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_tells_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 12 0 4200 100 25 18446744073709551615";
        let status = "Name:\ta\nVmPeak:\t    9 kB\nVmRSS:\t    2048 kB\n";
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max open files            1024                 1048576              files\n";
        let process = Process::read(stat, status, limits, "cpu  1 2 3\nbtime 1700000000\n");
        let expected = Process {
            cpu_seconds: Some(2.0),
            started_at_seconds: Some(1_700_000_042.0),
            threads: Some(12.0),
            resident_bytes: Some(2_097_152.0),
            open_files: None,
            open_files_max: Some(1024.0),
        };
        assert_eq!(process, expected);
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        let limits = "Max open files            unlimited            unlimited            files\n";
        assert_eq!(Process::read("", "", limits, ""), Process::default());
    }
}
