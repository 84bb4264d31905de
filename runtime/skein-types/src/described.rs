//! How what this crate prints as text or as a number is described where it travels as JSON.

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};

/// The largest whole number that every reader of JSON takes exactly.
pub(crate) const EXACT_MAX: u64 = (1 << 53) - 1;

/// A text of one form.
pub(crate) fn text(about: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(about.trim()));
    text.pattern(Some(pattern)).examples([example]).build().into()
}

/// A text of people.
pub(crate) fn words_of_people(about: &str, least: usize, most: usize) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(about.trim()));
    text.min_length(Some(least)).max_length(Some(most)).build().into()
}

/// One word of a closed list; each with what it means.
pub(crate) fn word(about: &str, words: &[(&str, &str)]) -> RefOr<Schema> {
    let mut said = about.trim().to_owned();
    said.push('\n');
    for (word, means) in words {
        said.push_str(&format!("\n- `{word}`: {}", means.trim()));
    }
    let spelled = words.iter().map(|(word, _)| *word);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(said))
        .enum_values(Some(spelled))
        .build()
        .into()
}

/// A quantity.
pub(crate) fn quantity(about: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(about.trim()))
        .minimum(Some(0_u64))
        .maximum(Some(EXACT_MAX))
        .build()
        .into()
}
