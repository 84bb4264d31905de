//! Delta-encoded integers, as far as they say how long strings are.
//!
//! Source: "Delta encoding" in `Encodings.md` of parquet-format, and `DeltaBitPackDecoder` of the crate.

/// Where a run ends that has at most `values` integers. `None` if it has more or makes no sense.
pub(super) fn end(bytes: &[u8], values: u64) -> Option<usize> {
    let mut run = Run::begin(bytes, values)?;
    while run.left > 0 {
        run.next_part()?;
        run.left = run.left.saturating_sub(run.part.max(1));
    }
    run.end()
}

/// Length of the longest of at most `values` strings that are given by how much they share with the one before, how
/// long the rest is, and the rests. `None` if there are more or the lengths make no sense.
pub(super) fn longest(bytes: &[u8], values: u64) -> Option<u64> {
    let rests = bytes.get(end(bytes, values)?..)?;
    end(rests, values)?;
    let (mut shared, mut rest) = (Run::begin(bytes, values)?, Run::begin(rests, values)?);
    if shared.count != rest.count {
        return None;
    }
    let (mut last, mut longest) = (0_u64, 0);
    for _ in 0..shared.count {
        // A negative length means all there is to the decoder.
        let kept = u64::try_from(shared.next()?).map_or(last, |shared| shared.min(last));
        last = kept.saturating_add(u64::try_from(rest.next()?).ok()?);
        longest = longest.max(last);
    }
    Some(longest)
}

/// Place in a run. Blocks have parts, and each part a width for its integers.
struct Run<'a> {
    bytes: &'a [u8],
    at: usize,
    count: u64,
    /// Integers that were not yet given or stepped over; the first one stands in the header.
    left: u64,
    parts: u64,
    part: u64,
    first: bool,
    last: i32,
    smallest: i32,
    widths: &'a [u8],
    packed: &'a [u8],
    width: usize,
    in_part: u64,
    bit: usize,
}

impl<'a> Run<'a> {
    fn begin(bytes: &'a [u8], values: u64) -> Option<Self> {
        let mut run = Self {
            bytes,
            at: 0,
            count: 0,
            left: 0,
            parts: 0,
            part: 0,
            first: true,
            last: 0,
            smallest: 0,
            widths: &[],
            packed: &[],
            width: 0,
            in_part: 0,
            bit: 0,
        };
        let block = run.varint()?;
        run.parts = run.varint()?;
        run.part = block.checked_div(run.parts)?;
        run.count = run.varint().filter(|count| *count <= values)?;
        run.left = run.count.saturating_sub(1);
        run.last = run.zigzag()?;
        Some(run)
    }

    /// The next integer. There must be one.
    fn next(&mut self) -> Option<i32> {
        if std::mem::take(&mut self.first) {
            return Some(self.last);
        }
        if self.in_part == 0 {
            self.next_part()?;
            (self.in_part, self.bit) = (self.part, 0);
        }
        self.last = self.last.wrapping_add(self.smallest).wrapping_add(self.unpack()?);
        self.in_part = self.in_part.checked_sub(1)?;
        self.left = self.left.checked_sub(1)?;
        Some(self.last)
    }

    fn unpack(&mut self) -> Option<i32> {
        let (byte, shift) = (self.bit / 8, self.bit % 8);
        let touched = (shift + self.width).div_ceil(8);
        let bytes = self.packed.get(byte..byte + touched)?;
        let raw = bytes.iter().rev().fold(0_u64, |raw, byte| raw << 8 | u64::from(*byte));
        self.bit += self.width;
        let value = (raw >> shift) & ((1 << self.width) - 1);
        Some(u32::try_from(value).ok()?.cast_signed())
    }

    /// Takes the bytes of the next part that holds integers.
    fn next_part(&mut self) -> Option<()> {
        if self.widths.is_empty() {
            self.smallest = self.zigzag()?;
            self.widths = self.take(self.parts)?;
        }
        let (width, more) = self.widths.split_first()?;
        (self.widths, self.width) = (more, usize::from(*width));
        self.packed = self.take(u64::from(*width).checked_mul(self.part)? / 8)?;
        (*width <= 32).then_some(())
    }

    /// The place after the last part. Parts that hold nothing have no bytes, whatever their width.
    fn end(&self) -> Option<usize> {
        (self.at <= self.bytes.len()).then_some(self.at)
    }

    fn zigzag(&mut self) -> Option<i32> {
        let raw = self.varint()?;
        let magnitude = i64::try_from(raw >> 1).ok()?;
        i32::try_from(if raw & 1 == 0 { magnitude } else { -1 - magnitude }).ok()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{end, longest};

    /// Block of 128 in 4 parts, 34 integers: the first in the header, then 32 of 1 bit and 1 of 2 bits.
    fn run(first: u8) -> Vec<u8> {
        let mut bytes = vec![0x80, 0x01, 4, 34, first];
        bytes.extend_from_slice(&[0, 1, 2, 9, 9]);
        bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn runs_of_integers_end_after_their_last_byte() {
        let mut bytes = run(0);
        let length = bytes.len();
        bytes.push(7);
        assert_eq!(end(&bytes, 34), Some(length));
        assert_eq!(end(&bytes, 33), None);
        for cut in 0..length {
            assert_eq!(end(&bytes[..cut], 34), None, "{cut}");
        }
    }

    #[test]
    fn strings_are_as_long_as_what_they_share_and_their_rest() {
        // Shared: 0 to 32, then 35; rests: 5 to 37, then 40.
        let (shared, rests) = (run(0), run(10));
        assert_eq!(longest(&[shared, rests].concat(), 34), Some(35 + 40));
        assert_eq!(longest(&[run(0), run(0)].concat(), 33), None);
    }

    #[test]
    fn counts_that_no_bytes_back_are_refused() {
        assert_eq!(end(&[0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], u64::MAX), None);
        assert_eq!(end(&[0x80, 0x01, 0, 1, 0], 1), None);
    }
}
