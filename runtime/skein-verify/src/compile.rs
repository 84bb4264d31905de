//! Built-in rules as queries. Each counts violations; names are quoted, so nothing in one ends it.

use skein_types::{Check, Literal};

/// The query of a rule.
pub(crate) fn sql(check: &Check) -> String {
    match check {
        Check::Reconcile => "select abs((select count(*) from before) - (select count(*) from after) \
                             - (select count(*) from rejects))"
            .to_owned(),
        Check::NotNull(columns) => {
            let missing = columns.iter().map(|column| format!("{} is null", name(column)));
            count(&joined(missing, " or "))
        }
        Check::Unique(columns) => unique(columns),
        Check::Range { column, min, max } => {
            let column = name(column);
            let below = min.as_ref().map(|min| format!("{column} < {}", min.sql()));
            let above = max.as_ref().map(|max| format!("{column} > {}", max.sql()));
            count(&joined(below.into_iter().chain(above), " or "))
        }
        Check::AcceptedValues { column, values } => {
            let values = joined(values.iter().map(Literal::sql), ", ");
            count(&format!("{} not in ({values})", name(column)))
        }
        Check::Referential { column, to } => {
            let (column, to) = (name(column), name(to));
            format!(
                "select count(*) from after where {column} is not null and not exists \
                 (select 1 from {other} where {other}.{to} = after.{column})",
                other = Check::OTHER
            )
        }
        Check::RowCount { min, max, min_percent, max_percent } => {
            let n = "(select count(*) from after)";
            let share = |percent: &u64| format!("(select count(*) from before) * {percent}");
            let least = min.map(|min| format!("greatest({min} - {n}, 0)"));
            let most = max.map(|max| format!("greatest({n} - {max}, 0)"));
            let fewer =
                min_percent.as_ref().map(|p| format!("greatest(({} - {n} * 100 + 99) / 100, 0)", share(p)));
            let more =
                max_percent.as_ref().map(|p| format!("greatest(({n} * 100 - {} + 99) / 100, 0)", share(p)));
            let parts = [least, most, fewer, more].into_iter().flatten();
            format!("select greatest({}, 0)", joined(parts, ", "))
        }
        Check::Sql(sql) => sql.clone(),
    }
}

/// What is counted.
pub(crate) const fn counted(check: &Check) -> &'static str {
    match check {
        Check::Reconcile => "rows are not accounted for",
        Check::NotNull(_) => "rows have no value",
        Check::Unique(_) => "rows are there again",
        Check::Range { .. } => "rows are out of range",
        Check::AcceptedValues { .. } => "rows have another value",
        Check::Referential { .. } => "rows name what is not there",
        Check::RowCount { .. } => "rows too few or too many",
        Check::Sql(_) => "violations",
    }
}

fn unique(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|column| name(column)).collect();
    let known = joined(names.iter().map(|name| format!("{name} is not null")), " and ");
    let keys = names.join(", ");
    format!(
        "select coalesce(sum(n - 1), 0) from (select count(*) as n from after where {known} group by {keys}) \
         as again where n > 1"
    )
}

fn count(violation: &str) -> String {
    format!("select count(*) from after where {violation}")
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

fn name(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
