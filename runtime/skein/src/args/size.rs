//! Sizes in bytes, where a number without a unit is more likely a slip than meant.

use skein_types::Bytes;
use skein_types::SizeParseError;

/// Nothing that is given as a size can be smaller.
const LEAST: Bytes = Bytes(64 << 10);

/// A size of a file, a row group or an agent's memory.
pub(super) fn size(text: &str) -> Result<Bytes, String> {
    let bytes: Bytes = text.parse().map_err(|error: SizeParseError| error.to_string())?;
    if bytes >= LEAST {
        return Ok(bytes);
    }
    let meant = match text.trim().parse::<u64>() {
        Ok(number @ 1..) => format!("{number}MiB"),
        Ok(0) | Err(_) => "256MiB".to_owned(),
    };
    Err(format!("that is {} bytes, at least {LEAST} is needed: write {meant}", bytes.0))
}

#[cfg(test)]
mod tests {
    use super::size;
    use skein_types::Bytes;

    #[test]
    fn a_number_without_a_unit_that_is_too_small_is_shown_with_one() {
        assert_eq!(size("256").unwrap_err(), "that is 256 bytes, at least 64KiB is needed: write 256MiB");
        assert_eq!(size("63KiB").unwrap_err(), "that is 64512 bytes, at least 64KiB is needed: write 256MiB");
        assert_eq!(size("0").unwrap_err(), "that is 0 bytes, at least 64KiB is needed: write 256MiB");
        assert_eq!(size("64KiB"), Ok(Bytes(64 << 10)));
        assert_eq!(size("65536"), Ok(Bytes(64 << 10)));
    }
}
