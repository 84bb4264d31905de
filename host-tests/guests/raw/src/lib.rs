//! A guest written against the WIT alone.
