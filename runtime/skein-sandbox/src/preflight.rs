//! Guest-made Arrow IPC, walked before arrow-ipc sees it.
//!
//! arrow-ipc trusts its input: asserts, unwraps and allocations of any size are reachable from forged bytes. So the
//! stream is checked first, by our own walk over verified flatbuffers: kinds and order of messages, every length and
//! offset inside the answer, exactly the nodes and buffers of the planned schema, buffers in order and each with bytes of
//! its own, no compression, no dictionaries. The
//! guest's schema message is compared with the planned one and never converted. What passes is decoded *with our
//! schema and with validation*, inside `catch_unwind`.
//!
//! Knows no engine and no plan; the fuzz target drives it alone.

mod batch;
mod fields;
mod frame;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::MessageHeader;
use arrow_ipc::reader::RecordBatchDecoder;
use arrow_schema::SchemaRef;

use frame::{Frame, Frames};

/// Most record batches of one answer.
const BATCHES_MAX: usize = 1024;

/// Panics of the decoder in this process: each one is a hole in the preflight.
static DECODER_PANICS: AtomicU64 = AtomicU64::new(0);

/// How often the decoder panicked on bytes that had passed. Anything but 0 is a mistake in Skein.
pub fn decoder_panics() -> u64 {
    DECODER_PANICS.load(Ordering::Relaxed)
}

/// What is wrong with an answer's bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum Unsound {
    #[error("{0}")]
    Forged(String),
    #[error("compressed")]
    Compressed,
    #[error("{0}")]
    WrongSchema(String),
    #[error("nulls in column {0:?}")]
    Nulls(String),
    #[error("{rows} rows, {limit} are allowed")]
    TooManyRows { rows: u64, limit: u64 },
    #[error("the decoder panicked")]
    DecoderPanic,
}

pub(crate) fn forged(reason: impl Into<String>) -> Unsound {
    Unsound::Forged(reason.into())
}

/// Checks and decodes answers of one schema.
#[derive(Debug)]
pub struct Preflight {
    schema: SchemaRef,
    layout: batch::Layout,
    rows_max: u64,
    /// A schema message that passed: guests send the same one each time.
    accepted: Vec<u8>,
}

impl Preflight {
    /// For answers that must have this schema and at most so many rows.
    pub fn new(schema: SchemaRef, rows_max: u64) -> Self {
        let layout = batch::Layout::of(&schema);
        Self { schema, layout, rows_max, accepted: Vec::new() }
    }

    /// The batches of an answer, sound and of the planned schema.
    pub fn decode(&mut self, bytes: Vec<u8>) -> Result<Vec<RecordBatch>, Unsound> {
        let bytes = Buffer::from_vec(bytes);
        let mut frames = Frames::over(&bytes);
        let first = frames.next_frame()?.ok_or_else(|| forged("an empty stream"))?;
        self.check_schema(&first, &bytes)?;
        let mut batches = Vec::new();
        let mut rows = 0_u64;
        while let Some(frame) = frames.next_frame()? {
            if batches.len() >= BATCHES_MAX {
                return Err(forged(format!("more than {BATCHES_MAX} record batches in one answer")));
            }
            let batch = self.decode_batch(&frame, &bytes)?;
            rows = rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
            if rows > self.rows_max {
                return Err(Unsound::TooManyRows { rows, limit: self.rows_max });
            }
            batches.push(batch);
        }
        Ok(batches)
    }

    fn check_schema(&mut self, frame: &Frame<'_>, bytes: &Buffer) -> Result<(), Unsound> {
        let metadata = &bytes[frame.metadata.clone()];
        if !self.accepted.is_empty() && self.accepted == metadata {
            return Ok(());
        }
        if frame.message.header_type() != MessageHeader::Schema || !frame.body.is_empty() {
            return Err(forged("the first message is not a schema"));
        }
        let found =
            frame.message.header_as_schema().ok_or_else(|| forged("a schema message without schema"))?;
        fields::compare(&self.schema, &found)?;
        self.accepted = metadata.to_vec();
        Ok(())
    }

    fn decode_batch(&self, frame: &Frame<'_>, bytes: &Buffer) -> Result<RecordBatch, Unsound> {
        match frame.message.header_type() {
            MessageHeader::RecordBatch => {}
            MessageHeader::DictionaryBatch => return Err(forged("a dictionary")),
            MessageHeader::Schema => return Err(forged("a second schema")),
            other => return Err(forged(format!("a message of kind {}", other.0))),
        }
        let found =
            frame.message.header_as_record_batch().ok_or_else(|| forged("a message without its batch"))?;
        let body = bytes.slice_with_length(frame.body.start, frame.body.len());
        self.layout.check(&found, &body, self.rows_max)?;
        let version = frame.message.version();
        let decode = || {
            let none = HashMap::new();
            let decoder =
                RecordBatchDecoder::try_new(&body, found, SchemaRef::clone(&self.schema), &none, &version)?;
            decoder.with_require_alignment(false).read_record_batch()
        };
        match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(Ok(batch)) => Ok(batch),
            Ok(Err(error)) => Err(forged(error.to_string().chars().take(300).collect::<String>())),
            Err(_) => {
                DECODER_PANICS.fetch_add(1, Ordering::Relaxed);
                tracing::error!("the decoder panicked on bytes that had passed the preflight");
                Err(Unsound::DecoderPanic)
            }
        }
    }
}

#[cfg(test)]
mod tests;
