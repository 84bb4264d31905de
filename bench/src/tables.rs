//! TPC-H tables as Parquet. The rows come from `tpchgen`, the arrays and files are ours, so that the one Arrow version
//! of the workspace writes them. Deterministic: the same request gives the same bytes.
//!
//! It does not know what the tables are used for.

mod column;
mod schema;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use clap::{Args, ValueEnum};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use skein_types::{Bytes, Rows};

use column::Column;

/// Rows per record batch handed to the writer; bounds memory, does not show in the file.
const BATCH_ROWS: usize = 32_768;

/// What to write and where.
#[derive(Args, Clone, Debug)]
pub struct Request {
    /// Scale factor: 1 is 6 million lineitem rows.
    #[arg(long, default_value_t = 1.0)]
    pub sf: f64,
    /// Directory to write to: `<out>/<table>.parquet`, or `<out>/<table>/part-*.parquet` with several files.
    #[arg(long)]
    pub out: PathBuf,
    /// Which tables.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Table::ALL)]
    pub tables: Vec<Table>,
    /// Compression of the column chunks.
    #[arg(long, value_enum, default_value_t = Codec::Snappy)]
    pub codec: Codec,
    /// Rows per row group.
    #[arg(long, default_value_t = 122_880, value_parser = clap::value_parser!(u64).range(1..))]
    pub row_group_rows: u64,
    /// Files per table; more than one makes the table a directory.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub files: i32,
}

/// A table of TPC-H.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum Table {
    Region,
    Nation,
    Supplier,
    Customer,
    Part,
    Partsupp,
    Orders,
    Lineitem,
}

/// Compression of the written files.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Codec {
    None,
    Snappy,
    Zstd,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// How many rows it has.
    pub rows: Rows,
    /// Its size.
    pub bytes: Bytes,
}

impl Table {
    /// All tables, small ones first.
    pub const ALL: [Self; 8] = [
        Self::Region,
        Self::Nation,
        Self::Supplier,
        Self::Customer,
        Self::Part,
        Self::Partsupp,
        Self::Orders,
        Self::Lineitem,
    ];

    /// The table's name in lower case, as in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Nation => "nation",
            Self::Supplier => "supplier",
            Self::Customer => "customer",
            Self::Part => "part",
            Self::Partsupp => "partsupp",
            Self::Orders => "orders",
            Self::Lineitem => "lineitem",
        }
    }

    /// Region and nation do not grow and cannot be cut: the generators give all rows to every part.
    fn is_fixed(self) -> bool {
        matches!(self, Self::Region | Self::Nation)
    }
}

impl Codec {
    fn compression(self) -> anyhow::Result<Compression> {
        Ok(match self {
            Self::None => Compression::UNCOMPRESSED,
            Self::Snappy => Compression::SNAPPY,
            Self::Zstd => Compression::ZSTD(ZstdLevel::try_new(3)?),
        })
    }
}

/// Writes the requested tables and lists the files.
pub fn write(request: &Request) -> anyhow::Result<Vec<Written>> {
    anyhow::ensure!(request.sf > 0.0 && request.sf <= 10_000.0, "--sf must be above 0 and at most 10000");
    let mut written = Vec::new();
    for &table in &request.tables {
        let files = if table.is_fixed() { 1 } else { request.files };
        for part in 1..=files {
            let path = place(request, table, part);
            written
                .push(write_file(request, table, part, &path).with_context(|| path.display().to_string())?);
        }
    }
    Ok(written)
}

fn place(request: &Request, table: Table, part: i32) -> PathBuf {
    if request.files == 1 {
        request.out.join(format!("{}.parquet", table.name()))
    } else {
        request.out.join(table.name()).join(format!("part-{:05}.parquet", part - 1))
    }
}

fn write_file(request: &Request, table: Table, part: i32, path: &Path) -> anyhow::Result<Written> {
    std::fs::create_dir_all(path.parent().context("a path with a directory")?)?;
    let (sf, parts) = (request.sf, if table.is_fixed() { 1 } else { request.files });
    match table {
        Table::Region => write_rows(request, path, schema::region(), schema::regions(sf, part, parts)),
        Table::Nation => write_rows(request, path, schema::nation(), schema::nations(sf, part, parts)),
        Table::Supplier => write_rows(request, path, schema::supplier(), schema::suppliers(sf, part, parts)),
        Table::Customer => write_rows(request, path, schema::customer(), schema::customers(sf, part, parts)),
        Table::Part => write_rows(request, path, schema::part(), schema::parts(sf, part, parts)),
        Table::Partsupp => write_rows(request, path, schema::partsupp(), schema::partsupps(sf, part, parts)),
        Table::Orders => write_rows(request, path, schema::orders(), schema::order_rows(sf, part, parts)),
        Table::Lineitem => write_rows(request, path, schema::lineitem(), schema::lineitems(sf, part, parts)),
    }
}

fn write_rows<R>(
    request: &Request,
    path: &Path,
    columns: Vec<Column<R>>,
    mut rows: impl Iterator<Item = R>,
) -> anyhow::Result<Written> {
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(column.name, column.data_type(), false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder()
        .set_compression(request.codec.compression()?)
        .set_max_row_group_row_count(Some(usize::try_from(request.row_group_rows)?))
        .set_created_by("skein-bench".to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties))?;
    let mut count = 0;
    let mut chunk = Vec::with_capacity(BATCH_ROWS);
    loop {
        chunk.clear();
        chunk.extend(rows.by_ref().take(BATCH_ROWS));
        if chunk.is_empty() {
            break;
        }
        count += chunk.len();
        let arrays = columns.iter().map(|column| column.array(&chunk)).collect::<anyhow::Result<_>>()?;
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
    }
    writer.close()?;
    let bytes = Bytes(std::fs::metadata(path)?.len());
    Ok(Written { path: path.to_owned(), rows: Rows(u64::try_from(count)?), bytes })
}

#[cfg(test)]
mod tests;
