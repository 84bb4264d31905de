//! One output file: its source, its encoder's plan and its sealer, made when the first split is due and dropped when
//! the file is staged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skein_dataset::parquet::{FileSealer, FreshRowGroup, OutputPlan, Sealed, SourceFile};
use skein_dataset::{NameRule, PinnedFile, StageError, StagedEntry, StagedFile, Staging};
use skein_types::VerifyLevel;

use crate::error::RunError;
use crate::seed::FileSeed;
use crate::witness::Witness;

/// What workers of one file share.
#[derive(Debug)]
pub(crate) struct FileWork {
    pub(crate) source: Arc<SourceFile>,
    pub(crate) output: Arc<OutputPlan>,
    pub(crate) seed: FileSeed,
}

/// A staged output file and what is known about it.
#[derive(Debug)]
pub(crate) struct StagedOutput {
    pub(crate) entry: StagedEntry,
    pub(crate) sealed: Sealed,
    pub(crate) output: Arc<OutputPlan>,
    /// Places of its sources among the input files.
    pub(crate) sources: Vec<usize>,
    /// What was seen of its rows.
    pub(crate) witness: Witness,
}

/// State of one output file.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    work: Mutex<Option<Arc<FileWork>>>,
    writer: Mutex<Option<OutputWriter>>,
}

impl Lane {
    /// The file's shared work, made by `make` the first time.
    pub(crate) fn work(
        &self,
        make: impl FnOnce() -> Result<FileWork, RunError>,
    ) -> Result<Arc<FileWork>, RunError> {
        let mut slot = lock(&self.work);
        if let Some(work) = slot.as_ref() {
            return Ok(Arc::clone(work));
        }
        let work = Arc::new(make()?);
        *slot = Some(Arc::clone(&work));
        Ok(work)
    }

    /// The writer's slot. Only the holder of the file's sealing role comes here, so the lock is free.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Option<OutputWriter>> {
        lock(&self.writer)
    }

    /// Gives back descriptors and metadata of a finished file.
    pub(crate) fn close(&self) {
        *lock(&self.work) = None;
    }
}

/// One output file being written.
#[derive(Debug)]
pub(crate) struct OutputWriter {
    pub(crate) sealer: FileSealer<Sink>,
    sink: Sink,
    output: Arc<OutputPlan>,
    /// What was seen of the rows so far.
    pub(crate) witness: Witness,
}

/// The staged file behind a sealer that is consumed before the file gets its name.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Mutex<Option<StagedFile>>>);

impl OutputWriter {
    pub(crate) fn create(
        staging: &Staging,
        pinned: &PinnedFile,
        (output, level): (&Arc<OutputPlan>, VerifyLevel),
    ) -> Result<Self, RunError> {
        let sink = Sink::new(staging.file(pinned)?);
        let sealer = FileSealer::new(Arc::clone(output), sink.clone())?;
        let sealer = sealer.proving(level.reaches(VerifyLevel::Fingerprint));
        Ok(Self { sealer, sink, output: Arc::clone(output), witness: Witness::default() })
    }

    /// Appends row groups that follow no source row group.
    pub(crate) fn append_fresh(
        &mut self,
        groups: impl IntoIterator<Item = FreshRowGroup>,
    ) -> Result<(), RunError> {
        groups.into_iter().try_for_each(|group| Ok(self.sealer.append_fresh(group)?))
    }

    /// Writes the footer and gives the file its name.
    pub(crate) fn finish(self, rule: NameRule, sources: Vec<usize>) -> Result<StagedOutput, RunError> {
        let sealed = self.sealer.finish()?;
        let Self { output, witness, .. } = self;
        Ok(StagedOutput { entry: self.sink.finish(rule)?, sealed, output, sources, witness })
    }
}

impl Sink {
    pub(crate) fn new(file: StagedFile) -> Self {
        Self(Arc::new(Mutex::new(Some(file))))
    }

    pub(crate) fn finish(self, rule: NameRule) -> Result<StagedEntry, StageError> {
        let file = lock(&self.0).take();
        file.expect("a sink is finished once, by its owner").finish(rule)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match lock(&self.0).as_mut() {
            Some(file) => file.write(bytes),
            None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.0).as_mut().map_or(Ok(()), Write::flush)
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
