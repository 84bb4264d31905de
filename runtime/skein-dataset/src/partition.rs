//! Hive partitions: columns that stand in the names of directories, `key=value` each.
//!
//! They are columns of the dataset only if every data file lies below the same keys in the same order; levels of other
//! forms between them mean nothing. Keys and values are percent-decoded once, as their writers encode them.
//!
//! Pure over paths; whether a file stores a column of the same name is not known here.

/// What writers call the directory of rows without a value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition keys of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitions {
    keys: Vec<String>,
}

impl Partitions {
    /// The keys that all of these paths, relative to the dataset, share. None if there are none, if one of them comes
    /// twice in a path or if one cannot be the name of a column.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut paths = paths.into_iter().map(keys);
        let first = paths.next().unwrap_or_default();
        let mut sorted = first.clone();
        sorted.sort();
        sorted.dedup();
        let usable = |key: &String| !key.is_empty() && !key.chars().any(char::is_control);
        let shared =
            sorted.len() == first.len() && first.iter().all(usable) && paths.all(|keys| keys == first);
        Self { keys: if shared { first } else { Vec::new() } }
    }

    /// Names of the partition columns, outermost directory first.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The values that a path gives to [`Self::keys`].
    pub fn values(&self, path: &str) -> Vec<Option<String>> {
        let value = |(_, value): (&str, &str)| (value != NULL).then(|| decoded(value));
        levels(path).map(value).take(self.keys.len()).collect()
    }
}

fn keys(path: &str) -> Vec<String> {
    levels(path).map(|(key, _)| decoded(key)).collect()
}

/// The directories of the path that are partitions.
fn levels(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let (directories, _) = path.rsplit_once('/').unwrap_or_default();
    directories.split('/').filter_map(|level| level.split_once('='))
}

/// `%XX` as the byte that it stands for; as it is written, where that would be no text.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let escaped = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => plain.push(escaped),
            None => plain.push(*byte),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Partitions, decoded};

    #[test]
    fn keys_that_all_files_share_in_one_order_are_columns() {
        let paths = ["year=2024/land=DE/a.parquet", "year=2025/part/land=AT/x=1.parquet"];
        let partitions = Partitions::of(paths);
        assert_eq!(partitions.keys(), ["year", "land"]);
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(partitions.values(paths[0]), [value("2024"), value("DE")]);
        assert_eq!(partitions.values(paths[1]), [value("2025"), value("AT")]);
    }

    #[test]
    fn files_that_disagree_have_no_partition_columns() {
        for paths in [
            ["a=1/b=2/f.parquet", "b=2/a=1/f.parquet"],
            ["a=1/f.parquet", "f.parquet"],
            ["a=1/f.parquet", "A=1/f.parquet"],
            ["a=1/a=2/f.parquet", "a=1/a=2/g.parquet"],
            ["=1/f.parquet", "=2/f.parquet"],
            ["a%0A=1/f.parquet", "a%0A=1/g.parquet"],
        ] {
            assert_eq!(Partitions::of(paths), Partitions::default(), "{paths:?}");
        }
        assert_eq!(Partitions::of(["year=2024.parquet"]), Partitions::default());
    }

    #[test]
    fn names_and_values_are_decoded_and_the_default_partition_is_null() {
        let path = "order%20day=2024-01-01 00%3A00%3A00/who=__HIVE_DEFAULT_PARTITION__/e=/q=a=b/f.parquet";
        let partitions = Partitions::of([path]);
        assert_eq!(partitions.keys(), ["order day", "who", "e", "q"]);
        let values = partitions.values(path);
        let texts: Vec<_> = values.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [Some("2024-01-01 00:00:00"), None, Some(""), Some("a=b")]);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (text, plain) in [("100%", "100%"), ("%4", "%4"), ("%zz", "%zz"), ("%+1", "%+1"), ("%ff", "%ff")]
        {
            assert_eq!(decoded(text), plain);
        }
        assert_eq!(decoded("caf%C3%A9%25"), "café%");
        assert_eq!(decoded("é%é"), "é%é");
    }
}
