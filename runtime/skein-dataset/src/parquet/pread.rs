//! Reads at absolute places. The crate's own `ChunkReader for File` seeks a shared offset, so two threads that read
//! one file would get each other's bytes; and it trusts offsets, this one checks them against the size first.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::pace::{Flow, PIECE, pass};
use crate::store::faults::{Op, through};

/// Page headers are a few dozen bytes; a buffer much larger than that is read again for every page.
const HEADER_BUFFER: usize = 1024;

/// A file of known size, read with `pread`.
#[derive(Clone, Debug)]
pub(super) struct Pread {
    file: Arc<File>,
    len: u64,
}

impl Pread {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), len })
    }

    pub(super) fn size(&self) -> u64 {
        self.len
    }

    /// Fills `into` from `at`. `UnexpectedEof` if the file ends before.
    pub(super) fn exact(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let mut at = at;
        for piece in into.chunks_mut(PIECE) {
            pass(Flow::Read, piece.len());
            through(Op::Read, || self.file.read_exact_at(piece, at))?;
            at = at.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    /// A sequential reader from `at`, which may lie past the end.
    pub(super) fn get(&self, at: u64) -> ReadFrom {
        ReadFrom { source: self.clone(), at }
    }

    /// `length` bytes from `at`; refused before anything is reserved if they lie outside the file.
    pub(super) fn bytes(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let end = u64::try_from(length).ok().and_then(|l| at.checked_add(l));
        if end.is_none_or(|end| end > self.len) {
            let what = format!("{length} bytes at {at} of a file of {} bytes", self.len);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        let mut buffer = vec![0; length];
        self.exact(&mut buffer, at)?;
        Ok(buffer.into())
    }
}

/// One sequential reader over a [`Pread`].
pub(super) struct ReadFrom {
    source: Pread,
    at: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = through(Op::Read, || self.source.file.read_at(into, self.at))?;
        pass(Flow::Read, read);
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl Length for Pread {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Pread {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        if start > self.len {
            return Err(ParquetError::EOF(format!("offset {start} of a file of {} bytes", self.len)));
        }
        Ok(BufReader::with_capacity(HEADER_BUFFER, self.get(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.bytes(start, length).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
