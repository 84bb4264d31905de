//! Parquet in, Parquet out, without decoding what nobody reads.
//!
//! A [`SourceFile`] is opened once: its footer is read within bounds and checked before anything follows an offset of
//! it. It may then [present](SourceFile::present) the columns that its dataset has and itself has otherwise or not. The guest's columns are decoded with [`SourceFile::read`]; an [`OutputPlan`] lays a checked schema plan over
//! the file; a [`FragmentEncoder`] per source row group turns the guest's answers into encoded chunks on a worker
//! thread; one [`FileSealer`] per output file copies carried chunks as they are, appends the fragments in order and
//! writes the footer. Shape `free` has no source row groups to follow: [`RowGroupCutter`] cuts its own, as
//! it does where small files become one ([`WholeRows`]). What a worker has made can be kept, as [`Piece`]s, for whoever goes
//! on after it.
//!
//! Invariants: files are hostile until checked, no bytes of theirs may panic the host or make it reserve memory that
//! they do not back; the same input gives the same output bytes whatever the threads; a carried chunk of a row group
//! that keeps all its rows is copied bit for bit.
//!
//! It does not know directories, versions, logs or the sandbox, and it never syncs: bytes go to the writer it is given.

mod bodies;
mod chunk;
mod cut;
mod delta;
mod error;
mod filter;
mod footer;
mod format;
mod fragment;
mod fresh;
mod graft;
mod held;
mod host;
mod keys;
mod output;
mod pages;
mod piece;
mod pread;
mod presented;
mod properties;
mod read;
mod readback;
mod recut;
mod sample;
mod seal;
mod seat;
mod shape;
mod source;
mod splice;
mod spliced;
mod thrift;
mod unpack;
mod width;

pub use cut::{FreshRowGroup, RowGroupCutter, RowGroupSize, splits};
pub use error::FileError;
pub use fragment::{Fragment, FragmentEncoder};
pub use fresh::{FreshFile, FreshSealed};
pub use output::OutputPlan;
pub use piece::{Piece, Written};
pub use read::BatchReader;
pub use readback::copied_again;
pub use recut::WholeRows;
pub use sample::sample;
pub use seal::{Copied, FileSealer, Sealed, SealedColumn};
pub use source::SourceFile;
pub use spliced::{SplicedMismatch, assert_spliced};
