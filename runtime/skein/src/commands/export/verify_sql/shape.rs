//! What DuckDB is asked of files as a whole: which columns they have, of which types, and whether there are others beside them.

use skein_dataset::{PublishFacts, Statement, VersionFiles};

use super::{Check, quoted_text};

/// How DuckDB names types that it has under one name only, whatever a file says beside them. Others are not compared.
const PLAIN: [(&str, &str); 20] = [
    ("Boolean", "BOOLEAN"),
    ("Int8", "TINYINT"),
    ("Int16", "SMALLINT"),
    ("Int32", "INTEGER"),
    ("Int64", "BIGINT"),
    ("UInt8", "UTINYINT"),
    ("UInt16", "USMALLINT"),
    ("UInt32", "UINTEGER"),
    ("UInt64", "UBIGINT"),
    ("Float32", "FLOAT"),
    ("Float64", "DOUBLE"),
    ("Utf8", "VARCHAR"),
    ("LargeUtf8", "VARCHAR"),
    ("Utf8View", "VARCHAR"),
    ("Binary", "BLOB"),
    ("LargeBinary", "BLOB"),
    ("BinaryView", "BLOB"),
    ("Date32", "DATE"),
    ("Time64(Microsecond)", "TIME"),
    ("Time64(\u{b5}s)", "TIME"),
];

/// The columns that the files have by themselves, with their types as the log spells them.
fn stored(facts: &PublishFacts) -> Vec<(&str, &str)> {
    let fields = facts.schema.as_array().map_or(&[][..], Vec::as_slice);
    let in_files = fields.iter().filter(|field| field.get("partition").is_none());
    in_files.filter_map(|field| Some((field.get("name")?.as_str()?, field.get("type")?.as_str()?))).collect()
}

fn duckdb(logged: &str) -> Option<String> {
    if let Some(digits) = logged.strip_prefix("Decimal128(") {
        return Some(format!("DECIMAL({}", digits.replace(' ', "")));
    }
    let plain = PLAIN.iter().find(|(known, _)| *known == logged);
    plain.map(|(_, duckdb)| (*duckdb).to_owned())
}

/// Of the files that the run wrote, which `read` reads.
pub(super) fn columns(facts: &PublishFacts, (read, paths): (&str, &[String])) -> Vec<Check> {
    let stored = stored(facts);
    let names: Vec<&str> = stored.iter().map(|(name, _)| *name).collect();
    let known = stored.iter().filter_map(|(name, logged)| Some((*name, duckdb(logged)?)));
    let (named, typed): (Vec<String>, Vec<String>) =
        known.map(|(name, is)| (quoted_text(name), format!("{name} {is}"))).unzip();
    let mut checks = vec![Check {
        what: "columns".to_owned(),
        expected: Some(names.join(", ")),
        found: format!("(SELECT string_agg(column_name, ', ') FROM (DESCRIBE {read}))"),
    }];
    if !typed.is_empty() {
        checks.push(Check {
            what: "types of columns".to_owned(),
            expected: Some(typed.join(", ")),
            found: format!(
                "(SELECT string_agg(column_name || ' ' || CASE column_type WHEN 'JSON' THEN 'VARCHAR' ELSE column_type END, ', ') \
                 FROM (DESCRIBE {read}) WHERE column_name IN ({}))",
                named.join(", ")
            ),
        });
    }
    if paths.len() > 1 {
        let all = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>().join(", ");
        let (names, files) = (
            all(&mut names.iter().map(|name| quoted_text(name))),
            all(&mut paths.iter().map(|path| quoted_text(path))),
        );
        checks.push(Check {
            what: "columns that a file does not have".to_owned(),
            expected: None,
            found: format!(
                "(SELECT string_agg(name || ' of ' || file, ', ') FROM (SELECT name, file FROM (SELECT unnest([{names}]) AS \
                 name), (SELECT unnest([{files}]) AS file) EXCEPT SELECT name, file_name FROM parquet_schema([{}])))",
                Statement::duckdb_paths(paths)
            ),
        });
    }
    checks
}

/// Whether there are files that nobody published.
pub(super) fn added(found: &VersionFiles) -> Option<Check> {
    let root = found.directory()?.to_str()?;
    let there: Vec<String> =
        found.files().iter().map(|file| quoted_text(&found.path(file).display().to_string())).collect();
    Some(Check {
        what: "files that were added".to_owned(),
        expected: None,
        found: format!(
            "(SELECT string_agg(file, ', ') FROM ({}) WHERE file NOT IN ({}))",
            Statement::duckdb_below(root),
            there.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::duckdb;

    #[test]
    fn types_that_duckdb_has_under_one_name_are_compared_and_no_others() {
        let named = ["Int64", "Decimal128(12, 2)", "Utf8", "Timestamp(Microsecond, None)", "List(Int64)"];
        let duckdb = named.map(duckdb);
        let wanted = [Some("BIGINT"), Some("DECIMAL(12,2)"), Some("VARCHAR"), None, None];
        assert_eq!(duckdb.each_ref().map(|named| named.as_deref()), wanted);
    }
}
