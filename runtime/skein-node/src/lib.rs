//! The attempt runner: a module over a dataset, row group by row group.
