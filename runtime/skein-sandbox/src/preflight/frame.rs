//! Messages of a stream: where each begins and ends.

use std::ops::Range;

use arrow_ipc::{Message, MetadataVersion, root_as_message_with_opts};
use flatbuffers::VerifierOptions;

use super::{Unsound, forged};

const CONTINUATION: [u8; 4] = [0xff; 4];
/// Most bytes of one message's metadata.
const METADATA_BYTES_MAX: usize = 16 << 20;

/// One message, verified as a flatbuffer.
pub(super) struct Frame<'a> {
    pub(super) message: Message<'a>,
    pub(super) metadata: Range<usize>,
    pub(super) body: Range<usize>,
}

/// Walks a stream that must fill its bytes exactly: messages, then the end marker.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    pub(super) const fn over(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next message; `None` at the end marker.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame<'a>>, Unsound> {
        let head =
            self.bytes.get(self.at..self.at + 8).ok_or_else(|| forged("cut off before the end marker"))?;
        let (marker, length) = head.split_at(4);
        if marker != CONTINUATION {
            return Err(forged("a message without its marker"));
        }
        let length = i32::from_le_bytes(length.try_into().expect("four of eight bytes"));
        let start = self.at + 8;
        if length == 0 {
            return if start == self.bytes.len() {
                Ok(None)
            } else {
                Err(forged("bytes after the end marker"))
            };
        }
        let length = usize::try_from(length).map_err(|_| forged("a message of negative length"))?;
        if length > METADATA_BYTES_MAX || !length.is_multiple_of(8) {
            return Err(forged(format!("a message with {length} bytes of metadata")));
        }
        let metadata = start..start + length;
        let bytes = self.bytes.get(metadata.clone()).ok_or_else(|| forged("a message past the end"))?;
        let message = root_as_message_with_opts(&verifier(), bytes)
            .map_err(|error| forged(format!("a message that is no flatbuffer: {}", first_line(&error))))?;
        if message.version() != MetadataVersion::V5 {
            return Err(forged("a message of another version than 5"));
        }
        let body = self.body(metadata.end, message.bodyLength())?;
        self.at = body.end;
        Ok(Some(Frame { message, metadata, body }))
    }

    fn body(&self, start: usize, length: i64) -> Result<Range<usize>, Unsound> {
        let length = usize::try_from(length).map_err(|_| forged("a body of negative length"))?;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| forged("a body past the end"))?;
        if !length.is_multiple_of(8) {
            return Err(forged(format!("a body of {length} bytes, not a multiple of 8")));
        }
        Ok(start..end)
    }
}

fn verifier() -> VerifierOptions {
    VerifierOptions {
        max_depth: 128,
        max_tables: 1_000_000,
        max_apparent_size: METADATA_BYTES_MAX * 4,
        ..VerifierOptions::default()
    }
}

fn first_line(error: &flatbuffers::InvalidFlatbuffer) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(200).collect()
}
