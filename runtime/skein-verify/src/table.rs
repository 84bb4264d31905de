//! A table of a question as DataFusion scans it: these files, in this order, and no directory that is listed.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::asked::{Question, Table};
use crate::files::{Files, URL};
use crate::unified::unified;

/// A table that can be scanned.
#[derive(Debug)]
pub(crate) struct Scanned {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
    /// What of it queries see, and where that is in all of it.
    seen: SchemaRef,
    shown: Vec<usize>,
}

/// All files of a question, by number, in the order of its tables.
pub(crate) fn files(question: &Question) -> Files {
    let of =
        |table: &Table| table.files.iter().map(|file| (file.path.clone(), file.size)).collect::<Vec<_>>();
    Files::new(question.tables.iter().flat_map(of).collect::<Vec<(PathBuf, u64)>>())
}

impl Scanned {
    /// The table at a place; its files' schemas are read.
    pub(crate) async fn open(
        question: &Question,
        place: usize,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Self, DataFusionError> {
        let missing = || DataFusionError::Plan("there is no such table".to_owned());
        let table = question.tables.get(place).ok_or_else(missing)?;
        let first: usize = question.tables.iter().take(place).map(|table| table.files.len()).sum();
        if let (true, Some(like)) = (table.files.is_empty(), table.like) {
            let like =
                Box::pin(Self::open(question, like.min(place.saturating_sub(1)), session, store)).await?;
            let added = table.added.iter().map(|name| text(name));
            let fields: Vec<FieldRef> = added.chain(like.seen.fields().iter().cloned()).collect();
            let schema = TableSchema::from(SchemaRef::new(Schema::new(fields)));
            return Self::of((schema, Vec::new()), &table.hidden);
        }
        let mut schemas: Vec<SchemaRef> = Vec::new();
        let mut files = Vec::with_capacity(table.files.len());
        for (number, file) in (first..).zip(&table.files) {
            let meta = Files::meta(number, file.size);
            let own =
                ParquetFormat::default().infer_schema(session, store, std::slice::from_ref(&meta)).await?;
            if !schemas.contains(&own) {
                schemas.push(own);
            }
            let values = file.partitions.iter().map(|value| ScalarValue::Utf8(value.clone()));
            files.push(PartitionedFile::new_from_meta(meta).with_partition_values(values.collect()));
        }
        let mut schema = unified(&schemas).map_err(DataFusionError::Plan)?;
        // Where some files store what directories' names say for others, those say it for all.
        if !table.partitions.is_empty() {
            let kept = schema.fields().iter().filter(|field| !table.partitions.contains(field.name()));
            schema = Schema::new(kept.cloned().collect::<Vec<_>>());
        }
        let partitions: Vec<FieldRef> = table.partitions.iter().map(|name| text(name)).collect();
        let schema = TableSchema::builder(Arc::new(schema)).with_table_partition_cols(partitions).build();
        Self::of((schema, files), &table.hidden)
    }

    fn of(
        (schema, files): (TableSchema, Vec<PartitionedFile>),
        hidden: &[String],
    ) -> Result<Self, DataFusionError> {
        let fields = schema.table_schema().fields().iter().enumerate();
        let shows = |name: &str| !hidden.iter().any(|hidden| hidden.to_lowercase() == name.to_lowercase());
        let shown: Vec<usize> = fields.filter(|(_, field)| shows(field.name())).map(|(at, _)| at).collect();
        let seen = Arc::new(schema.table_schema().project(&shown)?);
        Ok(Self { schema, files, seen, shown })
    }
}

fn text(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, true))
}

#[async_trait]
impl TableProvider for Scanned {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.seen)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema().project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let columns = match projection {
            Some(columns) => columns.iter().filter_map(|at| self.shown.get(*at).copied()).collect(),
            None => self.shown.clone(),
        };
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(URL)?, source)
            .with_file_group(FileGroup::new(self.files.clone()))
            .with_projection_indices(Some(columns))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
