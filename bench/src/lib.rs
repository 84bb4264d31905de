//! Side-by-side benchmarks: the tables, the rivals, and the pairs that are timed alternately in one run.
//!
//! Everything here measures from outside: it knows paths, seconds and sizes. How Skein does the work is asked from
//! one file, `skein_side`; how DuckDB and Polars do it stands in `bench/rivals/`.

pub mod tables;
