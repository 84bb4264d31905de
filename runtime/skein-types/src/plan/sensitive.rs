//! Columns whose values are shown to nobody: those that somebody marked so, and those that come from them.
//!
//! A mark is a key of a field's metadata ([`SENSITIVE`]): of a file, or of the target that a module plans; or a column is named with the
//! registration of its dataset. It goes over to the columns of the new version that are carried or preserved from it or, as the plan
//! says, computed from it, and stands in the files that are written. What is *shown* is decided more strictly
//! ([`SchemaPlan::hides`]): a module that reads a marked column may put what it has read anywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Schema};

use super::{ColumnPlan, Origin, SchemaPlan};
use crate::{ColumnId, ColumnTree};

/// The key of the mark; its value is `true`.
pub const SENSITIVE: &str = "skein.sensitive";

/// Whether a field has the mark.
pub fn is_sensitive(field: &Field) -> bool {
    field.metadata().get(SENSITIVE).is_some_and(|value| value == "true")
}

/// The names of the top-level fields that have the mark, or one inside that has it. Of a schema that no run could read, all of them.
pub fn sensitive_names(schema: &Schema) -> BTreeSet<String> {
    let all = || schema.fields().iter().map(|field| field.name().clone());
    let Ok(tree) = ColumnTree::new(schema) else { return all().collect() };
    all().zip(tree.roots()).filter(|(_, root)| is_marked(&tree, **root)).map(|(name, _)| name).collect()
}

/// The field with the mark.
pub fn sensitive(field: &FieldRef) -> FieldRef {
    if is_sensitive(field) {
        return FieldRef::clone(field);
    }
    let mut metadata = field.metadata().clone();
    metadata.insert(SENSITIVE.to_owned(), "true".to_owned());
    Arc::new(field.as_ref().clone().with_metadata(metadata))
}

impl SchemaPlan {
    /// Marks what is marked in the source, what the module marks, and what comes from either.
    pub(super) fn inherit(mut self) -> Self {
        let marked = |root: &&ColumnId| is_marked(&self.tree, **root);
        let mut sources: BTreeSet<ColumnId> = self.tree.roots().iter().filter(marked).copied().collect();
        // What a module marks and does not make is the source's.
        for column in self.columns.iter().filter(|column| is_sensitive(&column.field)) {
            if let Origin::Carried { source, .. } | Origin::Preserved { source } = &column.origin {
                sources.insert(*source);
            }
        }
        self.mark(sources);
        self
    }

    /// The same with these top-level source columns too, in capitals or not: whoever names a column by hand does not look at that, and
    /// one too many that is hidden does no harm. Names that the source has not say nothing here; see [`SchemaPlan::has_column`].
    #[must_use]
    pub fn with_sensitive(mut self, names: &[String]) -> Self {
        let sources = names.iter().flat_map(|name| self.named(name)).collect();
        self.mark(sources);
        self
    }

    /// Whether a name with which somebody meant a sensitive column is that of a top-level source column.
    pub fn has_column(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    fn named(&self, name: &str) -> impl Iterator<Item = ColumnId> {
        let name = name.to_lowercase();
        let is = move |root: &&ColumnId| {
            self.tree.get(**root).is_some_and(|node| node.field.name().to_lowercase() == name)
        };
        self.tree.roots().iter().filter(is).copied()
    }

    fn mark(&mut self, sources: BTreeSet<ColumnId>) {
        self.sensitive.extend(sources);
        let (tree, sensitive) = (&self.tree, &self.sensitive);
        for column in &mut self.columns {
            if comes_from(tree, column, sensitive) {
                column.field = self::sensitive(&column.field);
            }
        }
    }

    /// Top-level source columns whose values are shown to nobody.
    pub const fn sensitive(&self) -> &BTreeSet<ColumnId> {
        &self.sensitive
    }

    /// Whether the module gets values of such a column, so that whatever it makes or says may be one.
    pub fn reads_sensitive(&self) -> bool {
        self.reads.iter().any(|id| self.sensitive.contains(&self.tree.root_of(*id)))
    }

    /// Whether the values of a target column are shown to nobody.
    pub fn hides(&self, column: &ColumnPlan) -> bool {
        match &column.origin {
            Origin::Carried { source, .. } | Origin::Preserved { source } => self.sensitive.contains(source),
            Origin::Computed { .. } => is_sensitive(&column.field) || self.reads_sensitive(),
        }
    }
}

/// Whether the field or one inside it has the mark.
fn is_marked(tree: &ColumnTree, root: ColumnId) -> bool {
    let Some(node) = tree.get(root) else { return false };
    (root.0..node.end).any(|id| tree.get(ColumnId(id)).is_some_and(|node| is_sensitive(&node.field)))
}

fn comes_from(tree: &ColumnTree, column: &ColumnPlan, sensitive: &BTreeSet<ColumnId>) -> bool {
    match &column.origin {
        Origin::Carried { source, .. } | Origin::Preserved { source } => sensitive.contains(source),
        Origin::Computed { from } => from.iter().any(|id| sensitive.contains(&tree.root_of(*id))),
    }
}

#[cfg(test)]
mod tests {
    use super::{SENSITIVE, is_sensitive, sensitive_names};
    use crate::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn field(name: &str, marked: bool) -> Field {
        let field = Field::new(name, DataType::Utf8, true);
        let mark = marked.then(|| (SENSITIVE.to_owned(), "true".to_owned()));
        field.with_metadata(mark.into_iter().collect())
    }

    /// Renames `email` and `city`, and makes `domain` of `email` and `upper` of `city`.
    fn plan(marks: [bool; 2], reads: Vec<u32>, target: [bool; 4]) -> SchemaPlan {
        let source = Schema::new(vec![field("email", marks[0]), field("city", marks[1])]);
        let [mail, town, domain, upper] = target;
        let target =
            vec![field("mail", mail), field("town", town), field("domain", domain), field("upper", upper)];
        let computed = |of: u32| {
            ProposedOrigin::Computed(reads.iter().copied().filter(|id| *id == of).map(ColumnId).collect())
        };
        let origins = vec![
            (0, ProposedOrigin::Carried(ColumnId(0))),
            (1, ProposedOrigin::Carried(ColumnId(1))),
            (2, computed(0)),
            (3, computed(1)),
        ];
        let proposed =
            ProposedPlan { target: Schema::new(target), origins, reads, shape: "same".into(), ext: vec![] };
        SchemaPlan::check(Arc::new(source), &proposed).unwrap()
    }

    fn marked(plan: &SchemaPlan) -> Vec<&str> {
        let marked = plan.columns().iter().filter(|column| is_sensitive(&column.field));
        marked.map(|column| column.field.name().as_str()).collect()
    }

    fn hidden(plan: &SchemaPlan) -> Vec<&str> {
        let hidden = plan.columns().iter().filter(|column| plan.hides(column));
        hidden.map(|column| column.field.name().as_str()).collect()
    }

    #[test]
    fn what_comes_from_a_marked_column_is_marked_under_whatever_name() {
        let marks = plan([true, false], vec![0], [false; 4]);
        assert_eq!(marked(&marks), ["mail", "domain"]);
        let named = plan([false; 2], vec![0], [false; 4]).with_sensitive(&["email".into(), "gone".into()]);
        assert_eq!(marked(&named), ["mail", "domain"]);
        assert_eq!(["EMail", "mail", "gone"].map(|name| named.has_column(name)), [true, false, false]);
        let in_capitals = plan([false; 2], vec![0], [false; 4]).with_sensitive(&["EMAIL".into()]);
        assert_eq!(marked(&in_capitals), ["mail", "domain"]);
        // A module that marks what it carries marks the source.
        let by_module = plan([false; 2], vec![0], [true, false, false, false]);
        assert_eq!((marked(&by_module), by_module.sensitive().len()), (vec!["mail", "domain"], 1));
        let made = plan([false; 2], vec![0], [false, false, false, true]);
        assert_eq!((marked(&made), made.sensitive().len()), (vec!["upper"], 0));
    }

    #[test]
    fn a_column_is_sensitive_if_something_inside_it_is() {
        let inside = DataType::Struct(vec![field("street", false), field("phone", true)].into());
        let fields = vec![field("id", false), Field::new("contact", inside, true), field("mail", true)];
        let names: Vec<String> = sensitive_names(&Schema::new(fields)).into_iter().collect();
        assert_eq!(names, ["contact", "mail"]);
    }

    #[test]
    fn whatever_a_module_makes_that_reads_a_marked_column_is_hidden() {
        let reads_both = plan([true, false], vec![0, 1], [false; 4]);
        assert_eq!(marked(&reads_both), ["mail", "domain"]);
        assert_eq!(hidden(&reads_both), ["mail", "domain", "upper"]);
        assert!(reads_both.reads_sensitive());
        let reads_other = plan([true, false], vec![1], [false; 4]);
        assert_eq!(hidden(&reads_other), ["mail"]);
        assert!(!reads_other.reads_sensitive());
        assert!(hidden(&plan([false; 2], vec![0, 1], [false; 4])).is_empty());
    }
}
