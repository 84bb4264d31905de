//! The closed words of the contract: shape, state, encoding. Parsed once, at the edge.

use crate::word::words;

words! {
    /// How output rows relate to input rows.
    Shape {
        /// Kept rows are all but rejected ones, in order.
        Same = "same",
        /// Kept rows are those of the `kept` bitmap, in order.
        Filtered = "filtered",
        /// Any rows; no carried columns.
        Free = "free",
    }
}

words! {
    /// What a module remembers between batches.
    StateKind {
        /// Nothing: splits run in any order and in parallel.
        None = "none",
        /// One task over the whole dataset, files in byte order of path, rows in order.
        Sequential = "sequential",
    }
}

words! {
    /// How batches cross the sandbox border.
    Encoding {
        /// Arrow IPC streams.
        Arrow = "arrow",
    }
}
