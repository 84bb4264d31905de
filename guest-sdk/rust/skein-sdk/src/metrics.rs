//! Numbers for the attempt's report.

/// Adds to a counter.
pub fn count(name: &str, by: u64) {
    crate::host::count(name, by);
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    crate::host::gauge(name, value);
}
