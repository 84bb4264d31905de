//! Names that a new crate may have: what cargo takes, and what does not get into the way of the code inside.

/// The name of a migration's crate, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrateName(String);

const LENGTH_MAX: usize = 64;

/// Keywords of Rust, crates that every crate sees, and the crates that the new one depends on.
const TAKEN: [&str; 61] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "skein_sdk",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "build",
    "deps",
    "incremental",
];

/// Types that the code inside names.
const IMPORTED: [&str; 12] = [
    "Arc",
    "Array",
    "Batch",
    "Context",
    "DataType",
    "Failure",
    "Harness",
    "Migration",
    "Output",
    "Plan",
    "Refusal",
    "Source",
];

impl CrateName {
    /// Checks a name; the error says what is wrong with it.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let wrong = |what: String| Err(format!("{name:?} cannot be a crate's name: {what}"));
        if name.is_empty() {
            return wrong("it is empty".to_owned());
        }
        if name.len() > LENGTH_MAX {
            return wrong(format!("it has more than {LENGTH_MAX} characters"));
        }
        if let Some(odd) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
            return wrong(format!("{odd:?} is not a letter, a digit, `-` or `_`"));
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return wrong("it must begin with a letter".to_owned());
        }
        if TAKEN.contains(&name.replace('-', "_").to_ascii_lowercase().as_str()) {
            return wrong("the word has another meaning to Rust, cargo or Skein".to_owned());
        }
        Ok(Self(name.to_owned()))
    }

    /// As given: the package and the migration.
    pub(crate) fn package(&self) -> &str {
        &self.0
    }

    /// As Rust writes it.
    pub(crate) fn library(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The type that is the migration.
    pub(crate) fn type_name(&self) -> String {
        let word = |part: &str| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        };
        let camel: String = self.0.split(['-', '_']).map(word).collect();
        if IMPORTED.contains(&camel.as_str()) || camel.ends_with("Array") || camel == "Self" {
            return format!("{camel}Migration");
        }
        camel
    }
}

#[cfg(test)]
mod tests {
    use super::CrateName;

    #[test]
    fn a_name_gives_package_library_and_type() {
        let name = CrateName::new("orders-v2_final").unwrap();
        assert_eq!(name.package(), "orders-v2_final");
        assert_eq!(name.library(), "orders_v2_final");
        assert_eq!(name.type_name(), "OrdersV2Final");
        assert_eq!(CrateName::new("string-array").unwrap().type_name(), "StringArrayMigration");
        assert_eq!(CrateName::new("plan").unwrap().type_name(), "PlanMigration");
    }

    #[test]
    fn names_that_cargo_or_rust_would_refuse_are_refused_with_the_reason() {
        let why = |name: &str| CrateName::new(name).unwrap_err();
        assert!(why("2024-orders").ends_with("it must begin with a letter"));
        assert!(why("-orders").ends_with("it must begin with a letter"));
        assert!(why("or ders").contains("' ' is not a letter"));
        assert!(why("../orders").contains("'.' is not"));
        assert!(why("ördërs").contains("'ö' is not"));
        assert!(why("").ends_with("it is empty"));
        assert!(why(&"o".repeat(65)).contains("64"));
        for taken in ["async", "test", "std", "skein-sdk", "skein_sdk", "Self"] {
            assert!(why(taken).ends_with("another meaning to Rust, cargo or Skein"), "{taken}");
        }
        assert!(CrateName::new(&"o".repeat(64)).is_ok());
    }
}
