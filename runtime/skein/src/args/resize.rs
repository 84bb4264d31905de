//! Sizes of files and row groups.

use std::num::NonZeroUsize;

use clap::Args;
use skein_node::Resize;
use skein_types::Bytes;

use super::size::size;

/// Heading of these options in the help.
const SIZES: &str = "Sizes of files and row groups";

#[derive(Debug, Args)]
pub(crate) struct ResizeArgs {
    /// Combine small files of one directory into files of about this size, for example 256MiB.
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = SIZES)]
    file_size: Option<Bytes>,
    /// Cut row groups anew, of so many rows at most [default with --file-size: 1048576, in combined files].
    #[arg(long, value_name = "N", help_heading = SIZES)]
    row_group_rows: Option<NonZeroUsize>,
    /// Cut row groups anew, of about so many bytes in memory at most [default with --file-size: 128MiB, in combined files].
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = SIZES)]
    row_group_size: Option<Bytes>,
}

impl ResizeArgs {
    pub(crate) fn resize(&self) -> Resize {
        let row_groups = Resize::row_groups(self.row_group_rows, self.row_group_size);
        Resize { file_size: self.file_size, row_groups }
    }
}
