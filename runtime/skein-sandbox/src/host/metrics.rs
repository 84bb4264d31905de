//! Counters and gauges of an attempt.

use std::collections::BTreeMap;

use super::HostStop;

const NAME_BYTES_MAX: usize = 128;

/// Values by name; the number of names is bounded.
#[derive(Debug)]
pub(crate) struct Metrics {
    names_max: usize,
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, f64>,
}

impl Metrics {
    pub(crate) fn new(names_max: u32) -> Self {
        let names_max = usize::try_from(names_max).unwrap_or(usize::MAX);
        Self { names_max, counters: BTreeMap::new(), gauges: BTreeMap::new() }
    }

    pub(crate) fn count(&mut self, name: &str, by: u64) -> Result<(), HostStop> {
        if let Some(counter) = self.counters.get_mut(name) {
            *counter = counter.saturating_add(by);
            return Ok(());
        }
        self.check_name(name)?;
        self.counters.insert(name.to_owned(), by);
        Ok(())
    }

    pub(crate) fn gauge(&mut self, name: &str, value: f64) -> Result<(), HostStop> {
        if let Some(gauge) = self.gauges.get_mut(name) {
            *gauge = value;
            return Ok(());
        }
        self.check_name(name)?;
        self.gauges.insert(name.to_owned(), value);
        Ok(())
    }

    pub(crate) const fn counters(&self) -> &BTreeMap<String, u64> {
        &self.counters
    }

    pub(crate) const fn gauges(&self) -> &BTreeMap<String, f64> {
        &self.gauges
    }

    fn check_name(&self, name: &str) -> Result<(), HostStop> {
        let names = self.counters.len() + self.gauges.len();
        if names >= self.names_max || name.len() > NAME_BYTES_MAX {
            Err(HostStop::MetricsFlood)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::host::HostStop;

    #[test]
    fn known_names_go_on_counting_when_no_new_one_fits() {
        let mut metrics = Metrics::new(1);
        metrics.count("rows", 1).unwrap();
        assert_eq!(metrics.gauge("share", 0.5), Err(HostStop::MetricsFlood));
        metrics.count("rows", 2).unwrap();
        assert_eq!(metrics.counters().get("rows"), Some(&3));
    }
}
