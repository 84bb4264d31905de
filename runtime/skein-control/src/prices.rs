//! What use costs, where the server's settings say so.

use skein_api::Text;
use skein_ledger::Used;

/// Prices in millionths of a unit of the currency: sums are exact, and nobody is charged for the rounding of floats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Its sign or its three letters.
    pub currency: String,
    /// Of an hour of one core.
    pub core_hour: u64,
    /// Of an hour of one slot.
    pub slot_hour: u64,
    /// Of a GiB read.
    pub gib_read: u64,
    /// Of a GiB written.
    pub gib_written: u64,
}

const HOUR: u128 = 3_600_000;
const GIB: u128 = 1 << 30;

impl Prices {
    /// What this costs, with two decimals.
    pub(crate) fn of(&self, used: &Used) -> Text<40> {
        let part = |number: u64, price: u64, unit: u128| u128::from(number) * u128::from(price) / unit;
        let millionths = part(used.cpu.0, self.core_hour, HOUR)
            + part(used.slot.0, self.slot_hour, HOUR)
            + part(used.bytes_read.0, self.gib_read, GIB)
            + part(used.bytes_written.0, self.gib_written, GIB);
        let hundredths = (millionths + 5_000) / 10_000;
        Text::escaped(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::Prices;
    use skein_ledger::Used;
    use skein_types::{Bytes, Millis};

    #[test]
    fn a_cost_is_the_sum_of_its_parts_with_two_decimals() {
        let prices = Prices {
            currency: "EUR".to_owned(),
            core_hour: 40_000,
            slot_hour: 10_000,
            gib_read: 1_000,
            gib_written: 2_000,
        };
        let used = Used {
            cpu: Millis(90 * 60_000),
            slot: Millis(3 * 3_600_000),
            bytes_read: Bytes(1_000 << 30),
            bytes_written: Bytes(10 << 30),
            ..Used::default()
        };
        // 0.06 + 0.03 + 1.00 + 0.02
        assert_eq!(prices.of(&used).as_str(), "1.11");
        assert_eq!(prices.of(&Used::default()).as_str(), "0.00");
        assert_eq!(prices.of(&Used { cpu: Millis(u64::MAX), ..Used::default() }).as_str(), "204963823041.22");
    }
}
