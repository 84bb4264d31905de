//! Statements that make other readers read exactly these files, whatever the files are called.

/// What is to be read.
#[derive(Debug)]
pub struct Statement<'a> {
    /// The directory that partitions are below.
    pub root: &'a str,
    /// Absolute paths.
    pub paths: &'a [String],
    /// Whether directory names are columns.
    pub partitioned: bool,
    /// Whether files have other columns than the first, or other types: readers that take the first one's for all would drop
    /// columns or fail.
    pub differing: bool,
}

impl Statement<'_> {
    /// SQL. DuckDB takes globs in every path, so what would be one stands in brackets.
    pub fn duckdb(&self) -> String {
        let quoted = |path: &String| format!("'{}'", bracketed(path).replace('\'', "''"));
        let (files, hive) = (self.list(quoted), self.partitioned);
        format!("SELECT * FROM read_parquet([{files}], hive_partitioning={hive}, union_by_name=true)")
    }

    /// Paths as DuckDB takes them in a list.
    pub fn duckdb_paths(paths: &[String]) -> String {
        let quoted = |path: &String| format!("'{}'", bracketed(path).replace('\'', "''"));
        paths.iter().map(quoted).collect::<Vec<_>>().join(", ")
    }

    /// SQL of DuckDB for the `file` names of all Parquet files below a directory that a reader without a list would take for data.
    pub fn duckdb_below(root: &str) -> String {
        format!(
            "SELECT file FROM glob('{}/**/*.parquet') WHERE NOT regexp_matches(substr(file, {}), '(^|/)[._]')",
            bracketed(root).replace('\'', "''"),
            root.chars().count() + 2
        )
    }

    /// Python. Hadoop takes globs too, and escapes them with a backslash.
    pub fn spark(&self) -> String {
        let files = self.list(|path| python(&backslashed(path)));
        let merge = if self.differing { ".option(\"mergeSchema\", \"true\")" } else { "" };
        format!("spark.read.option(\"basePath\", {}){merge}.parquet({files})", python(self.root))
    }

    /// Python.
    pub fn polars(&self) -> String {
        let hive = if self.partitioned { "True" } else { "False" };
        let files = self.list(|path| python(path));
        if self.differing {
            let each = format!("polars.scan_parquet(file, glob=False, hive_partitioning={hive})");
            return format!(
                "polars.concat([{each} for file in [{files}]], how=\"diagonal_relaxed\").collect()"
            );
        }
        format!("polars.read_parquet([{files}], glob=False, hive_partitioning={hive})")
    }

    /// Python. What the files share is asked of pyarrow itself: it knows its types best.
    pub fn pyarrow(&self) -> String {
        let files = self.list(|path| python(path));
        let partitioning = match self.partitioned {
            true => format!(", partitioning=\"hive\", partition_base_dir={}", python(self.root)),
            false => String::new(),
        };
        if !self.differing {
            return format!("pyarrow.dataset.dataset([{files}], format=\"parquet\"{partitioning})");
        }
        let all = format!("pyarrow.dataset.dataset(files, format=\"parquet\"{partitioning}");
        let each = "[pyarrow.dataset.dataset([file], format=\"parquet\").schema for file in files]";
        let unified =
            format!("pyarrow.unify_schemas([{all}).schema] + {each}, promote_options=\"permissive\")");
        format!("(lambda files: {all}, schema={unified}))([{files}])")
    }

    fn list(&self, quoted: impl FnMut(&String) -> String) -> String {
        self.paths.iter().map(quoted).collect::<Vec<_>>().join(", ")
    }
}

/// JSON's strings are Python's too: what serde does not escape, Python does not have to.
fn python(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

fn bracketed(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, letter| {
        match letter {
            '*' | '?' | '[' => text.extend(['[', letter, ']']),
            other => text.push(other),
        }
        text
    })
}

fn backslashed(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, letter| {
        if matches!(letter, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\') {
            text.push('\\');
        }
        text.push(letter);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Statement;

    #[test]
    fn odd_names_are_quoted_for_each_reader() {
        let paths = ["/d/a'b \"c\".parquet".to_owned(), "/d/k=é/x[1]*.parquet".to_owned()];
        let statement = Statement { root: "/d", paths: &paths, partitioned: true, differing: false };
        assert_eq!(
            statement.duckdb(),
            "SELECT * FROM read_parquet(['/d/a''b \"c\".parquet', '/d/k=é/x[[]1][*].parquet'], \
             hive_partitioning=true, union_by_name=true)"
        );
        assert_eq!(
            statement.polars(),
            "polars.read_parquet([\"/d/a'b \\\"c\\\".parquet\", \"/d/k=é/x[1]*.parquet\"], glob=False, \
             hive_partitioning=True)"
        );
        assert_eq!(
            statement.pyarrow(),
            "pyarrow.dataset.dataset([\"/d/a'b \\\"c\\\".parquet\", \"/d/k=é/x[1]*.parquet\"], format=\"parquet\", \
             partitioning=\"hive\", partition_base_dir=\"/d\")"
        );
        assert_eq!(
            statement.spark(),
            "spark.read.option(\"basePath\", \"/d\").parquet(\"/d/a'b \\\"c\\\".parquet\", \
             \"/d/k=é/x\\\\[1\\\\]\\\\*.parquet\")"
        );
    }
}
