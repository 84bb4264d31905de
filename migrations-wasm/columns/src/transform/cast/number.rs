//! Decimal numbers that keep all their digits.

use std::fmt::{Display, Formatter, Result};

use skein_sdk::arrow_array::types::{ArrowPrimitiveType, Decimal256Type};

/// The unscaled value of a decimal of up to 76 digits.
pub(super) type Wide = <Decimal256Type as ArrowPrimitiveType>::Native;

const DIGITS: u32 = 38;
const WIDE_BASE: i128 = 10_i128.pow(DIGITS);

/// `unscaled` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) unscaled: i128,
    pub(super) scale: i32,
}

impl Decimal {
    /// Reads `12`, `-12.50`, `.5`, `+1.5e-3`: no white space, no separators of thousands. Zeros at the end of the fraction do
    /// not count, so that they never make a number too long.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut unscaled = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            unscaled = unscaled.checked_mul(10)?.checked_add((digit - b'0').into())?;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Some(Self { unscaled: if negative { -unscaled } else { unscaled }, scale })
    }

    /// The unscaled value at another scale, if no digit but zeros goes lost and it has room.
    pub(super) fn rescaled(self, scale: i32) -> Option<i128> {
        if self.unscaled == 0 {
            return Some(0);
        }
        let more = scale.checked_sub(self.scale)?;
        let factor = 10_i128.checked_pow(more.unsigned_abs())?;
        if more >= 0 {
            return self.unscaled.checked_mul(factor);
        }
        (self.unscaled % factor == 0).then_some(self.unscaled / factor)
    }

    /// The nearest double.
    pub(super) fn nearest(self) -> f64 {
        // Both numbers are exact as doubles, so their quotient is rounded once.
        if self.unscaled.unsigned_abs() < 1 << 53 && (0..=22).contains(&self.scale) {
            return self.unscaled as f64 / 10_f64.powi(self.scale);
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&pointed(self.unscaled < 0, &self.unscaled.unsigned_abs().to_string(), self.scale))
    }
}

/// The text of a decimal of more than 38 digits.
pub(super) fn wide_text(unscaled: Wide, scale: i32) -> String {
    let base = Wide::from_i128(WIDE_BASE);
    let part = |n: Option<Wide>| n.and_then(Wide::to_i128).unwrap_or_default().unsigned_abs();
    let (high, low) = (part(unscaled.checked_div(base)), part(unscaled.checked_rem(base)));
    pointed(unscaled.is_negative(), &format!("{high}{low:038}"), scale)
}

/// Digits with the sign and the point where the scale wants it.
fn pointed(negative: bool, digits: &str, scale: i32) -> String {
    let sign = if negative { "-" } else { "" };
    let places = usize::try_from(scale.unsigned_abs()).unwrap_or_default();
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { places };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::{Decimal, Wide, wide_text};

    #[test]
    fn texts_are_read_with_all_their_digits() {
        let cases: [(&str, Option<(i128, i32)>); 13] = [
            ("12.50", Some((125, 1))),
            ("-12", Some((-12, 0))),
            (".5", Some((5, 1))),
            ("5.", Some((5, 0))),
            ("+1.5e-3", Some((15, 4))),
            ("2E3", Some((2, -3))),
            ("0.000000000000000000000000000000000000000000000", Some((0, 0))),
            (".", None),
            ("", None),
            ("1,000", None),
            (" 1", None),
            ("1e", None),
            ("1234567890123456789012345678901234567890", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(unscaled, scale)| Decimal { unscaled, scale });
            assert_eq!(Decimal::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn rescaling_refuses_to_lose_digits() {
        let number = Decimal { unscaled: 12_500, scale: 3 };
        assert_eq!(number.rescaled(1), Some(125));
        assert_eq!(number.rescaled(0), None);
        assert_eq!(number.rescaled(5), Some(1_250_000));
        assert_eq!(Decimal { unscaled: 1, scale: 0 }.rescaled(39), None);
        assert_eq!(Decimal { unscaled: 0, scale: 90 }.rescaled(0), Some(0));
        assert_eq!(Decimal { unscaled: 1, scale: i32::MAX }.rescaled(i32::MIN), None);
    }

    #[test]
    fn texts_show_every_digit_of_the_scale() {
        let shown = |unscaled, scale| Decimal { unscaled, scale }.to_string();
        assert_eq!(shown(-5, 2), "-0.05");
        assert_eq!(shown(1200, 2), "12.00");
        assert_eq!(shown(12, -2), "1200");
        assert_eq!(shown(0, -2), "0");
        let wide = Wide::from_i128(i128::MAX).checked_mul(Wide::from_i128(-1000)).unwrap();
        assert_eq!(wide_text(wide, 3), format!("-{}.000", i128::MAX));
    }

    #[test]
    fn floats_are_the_nearest() {
        assert_eq!(Decimal { unscaled: 1, scale: 1 }.nearest(), 0.1);
        assert_eq!(
            Decimal { unscaled: 123_456_789_012_345_678_901, scale: 10 }.nearest(),
            12_345_678_901.234_568
        );
    }
}
