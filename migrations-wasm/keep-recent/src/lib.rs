//! Migration module keep-recent.
