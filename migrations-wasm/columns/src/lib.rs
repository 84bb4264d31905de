//! Migration module columns.
