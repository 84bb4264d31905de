//! Migration module flatten-nested.
