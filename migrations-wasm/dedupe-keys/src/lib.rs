//! Migration module dedupe-keys.
