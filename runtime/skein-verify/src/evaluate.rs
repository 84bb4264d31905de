//! Evaluates the rules of a question in this process. Called in a child that may die of it ([`crate::Jail`]).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::object_store::ObjectStore;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures_util::StreamExt;

use crate::asked::{Answer, Asked, Question};
use crate::compile;
use crate::files::URL;
use crate::table::{Scanned, files};

/// Rows that a query hands on at a time.
const BATCH_ROWS: usize = 8_192;

/// Says of each rule, in their order, what was found.
pub fn evaluate(question: &Question, mut say: impl FnMut(Answer)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let why = format!("rules cannot be evaluated here: {error}");
            return question.rules.iter().for_each(|_| say(Answer::inconclusive(&why)));
        }
    };
    let store: Arc<dyn ObjectStore> = Arc::new(files(question));
    let mut opened = BTreeMap::new();
    for asked in &question.rules {
        let wall = Duration::from_millis(question.limits.wall.0);
        let found = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                tokio::time::timeout(wall, one(question, asked, (&store, &mut opened))).await
            })
        }));
        say(match found {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(error))) => Answer::inconclusive(&shown(&error)),
            Ok(Err(_)) => Answer::too_late(wall.as_millis()),
            Err(_) => Answer::inconclusive("the engine fails at it"),
        });
    }
}

type Opened = BTreeMap<usize, Arc<Scanned>>;

async fn one(
    question: &Question,
    asked: &Asked,
    (store, opened): (&Arc<dyn ObjectStore>, &mut Opened),
) -> Result<Answer> {
    let sql = compile::sql(&asked.rule.check);
    let state = session(environment(question, store)?);
    let statement = state.sql_to_statement(&sql, &state.config_options().sql_parser.dialect)?;
    let is_query = |statement: &Statement| match statement {
        Statement::Statement(statement) => matches!(**statement, ast::Statement::Query(_)),
        Statement::CreateExternalTable(_)
        | Statement::CopyTo(_)
        | Statement::Explain(_)
        | Statement::Reset(_) => false,
    };
    if !is_query(&statement) {
        return Err(DataFusionError::Plan("a rule is a query and nothing else".to_owned()));
    }
    let names = state.resolve_table_references(&statement)?;
    let context = SessionContext::new_with_state(state);
    for name in names {
        let Some(place) = place(question, asked, &name.to_string()) else { continue };
        let table = match opened.get(&place) {
            Some(table) => Arc::clone(table),
            None => Arc::new(Scanned::open(question, place, &context.state(), store).await?),
        };
        opened.insert(place, Arc::clone(&table));
        context.register_table(name, table)?;
    }
    let plan = context.state().statement_to_plan(statement).await?;
    let nothing_else =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    nothing_else.verify_plan(&plan)?;
    let mut rows = context.execute_logical_plan(plan).await?.execute_stream().await?;
    let mut found = None;
    while let Some(batch) = rows.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            // Rows have been read, and words of whatever kind may quote one of their values.
            Err(error) => return Ok(Answer::inconclusive(kind(&error))),
        };
        match (batch.num_rows(), &found) {
            (0, _) => {}
            (1, None) => found = Some(batch),
            _ => return Ok(Answer::inconclusive("it answers with more than one row")),
        }
    }
    found.map_or_else(
        || Ok(Answer::inconclusive("it answers with no row")),
        |row| understood(&row, compile::counted(&asked.rule.check)),
    )
}

fn place(question: &Question, asked: &Asked, name: &str) -> Option<usize> {
    let named = asked.tables.iter().find(|(table, _)| table == name).map(|(_, place)| *place);
    named.or_else(|| question.tables.iter().position(|table| table.name.as_deref() == Some(name)))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all but truth values and whole numbers are one case")]
fn understood(row: &RecordBatch, counted: &str) -> Result<Answer> {
    let [column] = row.columns() else {
        return Ok(Answer::inconclusive("it answers with more than one column"));
    };
    let value = ScalarValue::try_from_array(column, 0)?;
    let neither = || Answer::inconclusive(&format!("it answers with {}", column.data_type()));
    if value.is_null() {
        return Ok(Answer::inconclusive("it answers with null"));
    }
    let count = match value {
        ScalarValue::Boolean(Some(holds)) => return Ok(Answer::of_bool(holds)),
        ScalarValue::Int8(Some(count)) => i128::from(count),
        ScalarValue::Int16(Some(count)) => i128::from(count),
        ScalarValue::Int32(Some(count)) => i128::from(count),
        ScalarValue::Int64(Some(count)) => i128::from(count),
        ScalarValue::UInt8(Some(count)) => i128::from(count),
        ScalarValue::UInt16(Some(count)) => i128::from(count),
        ScalarValue::UInt32(Some(count)) => i128::from(count),
        ScalarValue::UInt64(Some(count)) => i128::from(count),
        ScalarValue::Decimal128(Some(count), _, 0) => count,
        _ => return Ok(neither()),
    };
    Ok(match u128::try_from(count) {
        Ok(count) => Answer::of_count(count, counted),
        Err(_) => Answer::inconclusive("it answers with a count below 0"),
    })
}

/// Memory that is counted, no file to spill to, and a store that has the question's files.
fn environment(question: &Question, store: &Arc<dyn ObjectStore>) -> Result<Arc<RuntimeEnv>> {
    let memory = usize::try_from(question.limits.memory.0).unwrap_or(usize::MAX);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let url = datafusion::execution::object_store::ObjectStoreUrl::parse(URL)?;
    environment.register_object_store(url.as_ref(), Arc::clone(store));
    Ok(environment)
}

/// What a rule may use: functions of values and of sets, and none that makes a table or knows a file.
fn session(environment: Arc<RuntimeEnv>) -> SessionState {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(true);
    config.options_mut().execution.enable_recursive_ctes = false;
    config.options_mut().execution.collect_statistics = false;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .with_default_features();
    *builder.table_functions() = None;
    *builder.table_factories() = None;
    *builder.file_formats() = None;
    builder.build()
}

/// What of an error may be told before a row was read: words about the query and the columns.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not known to be harmless is not told")]
fn shown(error: &DataFusionError) -> String {
    let told = match error.find_root() {
        DataFusionError::SQL(error, _) => error.to_string(),
        DataFusionError::Plan(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Configuration(text) => text.clone(),
        DataFusionError::SchemaError(error, _) => error.to_string(),
        _ => return kind(error).to_owned(),
    };
    // What follows, on the line or below it, is advice, and lists the columns.
    let first = told.lines().next().unwrap_or_default();
    first.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// What of any error may be told: of which kind it is.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not known to be harmless is not told")]
fn kind(error: &DataFusionError) -> &'static str {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => "it needs more memory than a rule may have",
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => "a file cannot be read",
        DataFusionError::ParquetError(_) => "a file is not what it should be",
        DataFusionError::ArrowError(..) => "a value cannot be computed or converted",
        _ => "it fails while it is evaluated",
    }
}

#[cfg(test)]
mod tests;
