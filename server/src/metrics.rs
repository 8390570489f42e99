//! Counters, in Prometheus' text format. No label names a vault, a device or an address.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// All counters.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Open connections.
    pub connections: AtomicI64,
    /// Records stored.
    pub records: AtomicU64,
    /// Bytes of records stored.
    pub record_bytes: AtomicU64,
    /// Pushed records that were refused.
    pub refused: AtomicU64,
    /// Logins refused.
    pub logins_refused: AtomicU64,
    /// Pages read.
    pub pages: AtomicU64,
    /// Frames handed on.
    pub passed_on: AtomicU64,
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Microseconds spent in commits.
    pub commit_micros: AtomicU64,
    /// Transactions that failed.
    pub store_failures: AtomicU64,
}

impl Metrics {
    /// In Prometheus' text format, version 0.0.4.
    pub fn text(&self) -> String {
        let counter = |value: &AtomicU64| value.load(Relaxed).to_string();
        let rows = [
            ("cairn_connections", "gauge", "Open connections.", self.connections.load(Relaxed).to_string()),
            ("cairn_records_total", "counter", "Records stored.", counter(&self.records)),
            ("cairn_record_bytes_total", "counter", "Bytes of records stored.", counter(&self.record_bytes)),
            ("cairn_records_refused_total", "counter", "Pushed records refused.", counter(&self.refused)),
            ("cairn_logins_refused_total", "counter", "Logins refused.", counter(&self.logins_refused)),
            ("cairn_pages_total", "counter", "Pages read.", counter(&self.pages)),
            ("cairn_passed_on_total", "counter", "Frames handed on.", counter(&self.passed_on)),
            ("cairn_commits_total", "counter", "Transactions committed.", counter(&self.commits)),
            ("cairn_commit_microseconds_total", "counter", "Time in commits.", counter(&self.commit_micros)),
            ("cairn_store_failures_total", "counter", "Transactions failed.", counter(&self.store_failures)),
        ];
        rows.iter().fold(String::new(), |mut out, (name, kind, help, value)| {
            // Writing into a string cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
            out
        })
    }
}
