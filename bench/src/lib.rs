//! Side-by-side benchmarks: the tables, the rivals, and the pairs that are timed alternately in one run.
//!
//! Everything here measures from outside: it knows paths, seconds and sizes. How DuckDB and Polars do the work stands in
//! `bench/rivals/`; Skein is asked through a closure.

pub mod file_row;
pub mod pair;
pub mod report;
pub mod rival;
pub mod rounds;
pub mod rows;
pub mod series;
pub mod tables;
