//! The seam to whatever transforms rows: agents in the sandbox, or (to measure what the sandbox costs) native code.

use arrow_array::RecordBatch;
use skein_sandbox::{GuestError, LogEntry, Processed, Seed, Usage};
use skein_types::{Bytes, Fuel};

/// Opens agents. Shared by all workers of a run.
pub trait AgentSource: Sync {
    /// A new agent: at the beginning of a split, or continuing from `state`.
    fn open(&self, seed: Seed, state: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError>;
}

/// One attempt at some rows. After an error it is not called again.
pub trait Agent {
    /// From now on clock and randomness come from this seed. Called at each row group.
    fn reseed(&mut self, seed: Seed);

    /// Transforms one batch; what it answers is sound Arrow data of the planned output schema.
    fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError>;

    /// No more batches: what is still to come out.
    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError>;

    /// State to continue from.
    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError>;

    /// What was used so far.
    fn usage(&self) -> Usage;

    /// The fuel of it, also after an error.
    fn fuel(&self) -> Fuel {
        self.usage().fuel
    }

    /// What follows is about these rows, until this is called again: for what is told of it.
    fn about(&mut self, _file: &str, _row_group: usize) {}

    /// What it has of memory.
    fn memory(&self) -> Bytes {
        Bytes(0)
    }

    /// What its module logged and printed as far as its lines have ended.
    fn said(&self) -> &[LogEntry] {
        &[]
    }

    /// What its module logged and printed so far, also after an error; a line that has not ended ends here.
    fn log(&mut self) -> &[LogEntry] {
        &[]
    }
}
