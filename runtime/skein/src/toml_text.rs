//! TOML that people write, with mistakes told on one line, as every message is.

use serde::de::DeserializeOwned;

/// The value, or where and what the first mistake is.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let what = error.message().trim_end().replace('\n', ", ");
        let before = error.span().and_then(|span| text.get(..span.start));
        before.map_or_else(
            || what.clone(),
            |before| format!("line {}: {what}", before.matches('\n').count() + 1),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_mistake_is_one_line_with_its_number() {
        let refused = |text| parse::<toml::Table>(text).unwrap_err();
        assert_eq!(refused("a = 1\nb = \n"), "line 2: string values must be quoted, expected literal string");
        assert_eq!(refused("a = 1\na = 2\n"), "line 2: duplicate key");
    }
}
