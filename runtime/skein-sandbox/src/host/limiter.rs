//! One limit over all linear memories and tables of an attempt.

use skein_types::Bytes;
use wasmtime::{ResourceLimiter, Result};

use super::HostStop;

/// What a table's element costs the host.
const TABLE_ELEMENT_BYTES: u64 = 16;

/// Counts bytes and refuses growth past the limit: by trap, so that the author reads "memory" and not the panic that
/// a failed allocation leads to, and never for any other reason.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: u64,
    used: u64,
    peak: u64,
}

impl Meter {
    pub(crate) const fn new(limit: Bytes) -> Self {
        Self { limit: limit.0, used: 0, peak: 0 }
    }

    /// Most bytes held at once.
    pub(crate) const fn peak(&self) -> Bytes {
        Bytes(self.peak)
    }

    fn grow(&mut self, current: u64, desired: u64) -> Result<bool> {
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            return Err(wasmtime::Error::new(HostStop::Memory { wanted }));
        }
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }
}

fn bytes(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // Past the module's own maximum the engine refuses anyway; that must not count.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(bytes(current), bytes(desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let cost = |n| bytes(n).saturating_mul(TABLE_ELEMENT_BYTES);
        self.grow(cost(current), cost(desired))
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        8
    }

    fn memories(&self) -> usize {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use skein_types::Bytes;
    use wasmtime::ResourceLimiter;

    #[test]
    fn memories_and_tables_draw_on_one_limit() {
        let mut meter = Meter::new(Bytes(1000));
        assert!(meter.memory_growing(0, 600, None).unwrap());
        assert!(meter.table_growing(0, 20, None).unwrap());
        assert_eq!(meter.peak(), Bytes(920));
        assert!(meter.memory_growing(600, 700, None).is_err());
        assert_eq!(meter.peak(), Bytes(920));
    }
}
