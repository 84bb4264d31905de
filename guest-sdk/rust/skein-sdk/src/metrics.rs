//! Numbers for the attempt's report.

/// Adds to a counter. The run's summary shows the sums over all agents: `KIND/WHAT`, as in `nulled/amount`, puts those of one
/// kind on one line. An agent may have few names: count columns, not values.
pub fn count(name: &str, by: u64) {
    crate::host::count(name, by);
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    crate::host::gauge(name, value);
}
