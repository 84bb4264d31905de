//! The source as `plan` sees it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::Refusal;
use crate::schema::plain_type;
use crate::tree::Tree;

/// Metadata of a column that a file lacks, of the type in which a file stores it, of a partition column.
const ABSENT: &str = "skein.absent";
const STORED: &str = "skein.stored";
const PARTITION: &str = "skein.partition";

/// Whether the column stands in directory names and in no file.
pub(crate) fn is_partition(field: &Field) -> bool {
    field.metadata().get(PARTITION).is_some_and(|value| value == "true")
}

/// A migration that all files of the dataset have been through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Name of the migration.
    pub name: String,
    /// Version of the module.
    pub version: String,
    /// Digest of the module, `sha256:…`.
    pub module: String,
    /// Digest of the parameters, `blake3:…`.
    pub params: String,
}

/// What is to be migrated: schema, earlier migrations, extensions. Columns are named by dotted path
/// (`address.city`; a list's element by its own name, mostly `item` or `element`).
#[derive(Clone, Debug)]
pub struct Source {
    pub(crate) schema: SchemaRef,
    pub(crate) tree: Arc<Tree>,
    pub(crate) applied: Vec<Applied>,
    pub(crate) ext: Vec<(String, String)>,
}

impl Source {
    /// A source of this schema that no migration has been through.
    pub fn new(schema: Schema) -> Self {
        let tree = Arc::new(Tree::new(&schema));
        Self { schema: Arc::new(schema), tree, applied: Vec::new(), ext: Vec::new() }
    }

    /// The schema. Views, dictionaries and run-end encoding appear as the plain type they stand for.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Migrations that all files have been through, oldest first.
    pub fn applied(&self) -> &[Applied] {
        &self.applied
    }

    /// An extension's value, if the host gave it.
    pub fn ext(&self, key: &str) -> Option<&str> {
        self.ext.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The field at a path, or the refusal `missing-column` with the nearest name.
    pub fn field(&self, path: &str) -> Result<&Field, Refusal> {
        let id = self.id(path)?;
        let node = self.tree.get(id).expect("ids that were found exist");
        Ok(&node.field)
    }

    /// Whether these files lack the column: other files of the dataset have it, here it is null in every row. It is carried
    /// and read like any other.
    pub fn is_absent(&self, path: &str) -> Result<bool, Refusal> {
        Ok(self.field(path)?.metadata().get(ABSENT).is_some_and(|value| value == "true"))
    }

    /// The type in which these files store the column, where other files of the dataset have a wider one or nulls: what
    /// is carried and read has the wider one.
    pub fn stored_type(&self, path: &str) -> Result<Option<DataType>, Refusal> {
        let field = self.field(path)?;
        let format = field.metadata().get(STORED);
        Ok(format.map(|format| plain_type(format).unwrap_or_else(|| field.data_type().clone())))
    }

    /// Whether the column is a hive partition: its value is in the file's path, the same in every row. Plans carry it
    /// under its own name and may read it.
    pub fn is_partition(&self, path: &str) -> Result<bool, Refusal> {
        Ok(is_partition(self.field(path)?))
    }

    /// Column id of a path, or the refusal `missing-column` with the nearest name.
    pub fn id(&self, path: &str) -> Result<u32, Refusal> {
        self.tree.find(path).ok_or_else(|| missing(&self.tree, path))
    }

    /// The field at a path if it has the type asked for, or the refusal `wrong-type`.
    pub fn expect(&self, path: &str, data_type: &DataType) -> Result<&Field, Refusal> {
        let field = self.field(path)?;
        if field.data_type() == data_type {
            return Ok(field);
        }
        let message = format!("column {path:?} is {}, this migration needs {data_type}", field.data_type());
        Err(Refusal::new("wrong-type", message).at(self.id(path)?))
    }
}

pub(crate) fn missing(tree: &Tree, path: &str) -> Refusal {
    let paths: Vec<String> =
        (0..tree.len()).filter_map(|id| u32::try_from(id).ok()).map(|id| tree.path(id)).collect();
    let near = crate::nearest::nearest(path, paths.iter().map(String::as_str));
    let hint = near.map(|n| format!(", did you mean {n:?}?")).unwrap_or_default();
    Refusal::new("missing-column", format!("the source has no column {path:?}{hint}"))
}
