//! `--include`, `--exclude` and `--where`: from the command line to a choice of files.

use skein_node::{ChoiceText, FileChoice};

use crate::args::SelectionArgs;
use crate::failure::Failure;

/// The choice that the options make.
pub(crate) fn choice(args: &SelectionArgs) -> Result<FileChoice, Failure> {
    let mut choice =
        FileChoice::new(text(args)).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    choice.mixed_schemas = args.mixed_schemas;
    Ok(choice)
}

/// Whether no option leaves anything out.
pub(crate) fn is_everything(args: &SelectionArgs) -> bool {
    text(args) == ChoiceText::default()
}

fn text(args: &SelectionArgs) -> ChoiceText {
    ChoiceText {
        include: args.include.clone(),
        exclude: args.exclude.clone(),
        partitions: args.partitions.clone(),
    }
}
