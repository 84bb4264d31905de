//! Rust source that makes a column of one type from one of another, for the cases that have one obvious meaning.
//!
//! A value that has no place in the new type is a rejected row, never a null or a near value. What needs a decision (a zone,
//! a format, rounding) is left to the author.

use arrow_schema::{DataType, Field};

use super::rust;

/// Types of whole numbers and how Rust calls them.
const WHOLE: [(DataType, &str); 8] = [
    (DataType::Int8, "i8"),
    (DataType::Int16, "i16"),
    (DataType::Int32, "i32"),
    (DataType::Int64, "i64"),
    (DataType::UInt8, "u8"),
    (DataType::UInt16, "u16"),
    (DataType::UInt32, "u32"),
    (DataType::UInt64, "u64"),
];

const FLOATS: [(DataType, &str); 2] = [(DataType::Float32, "f32"), (DataType::Float64, "f64")];

/// Pairs that Rust's `From` converts, apart from those of whole numbers.
const EXACT: [(&str, &str); 12] = [
    ("i8", "f32"),
    ("i8", "f64"),
    ("i16", "f32"),
    ("i16", "f64"),
    ("i32", "f64"),
    ("u8", "f32"),
    ("u8", "f64"),
    ("u16", "f32"),
    ("u16", "f64"),
    ("u32", "f64"),
    ("f32", "f64"),
    ("bool", "u8"),
];

/// A function that the conversions of a crate share.
pub(crate) const REJECT_NULLS: &str = r#"
/// Refuses the rows in which a column is null.
fn reject_nulls(batch: &Batch, name: &str, out: &mut Output) -> Result<(), Failure> {
    let values = batch.array(name)?;
    for row in (0..batch.rows()).filter(|row| values.is_null(*row)) {
        out.reject(row, "null", &format!("{name:?} is null"));
    }
    Ok(())
}
"#;

/// Likewise.
pub(crate) const DECIMAL: &str = include_str!("../../template/decimal.rs.in");

/// Statements of `process`, or `None` where the author must say how.
pub(crate) fn statements(from: &Field, to: &Field) -> Option<String> {
    let values = values(from, to)?;
    let name = rust::text(from.name());
    let nulls = if from.is_nullable() && !to.is_nullable() {
        format!("        reject_nulls(batch, {name}, out)?;\n")
    } else {
        String::new()
    };
    Some(nulls + &values)
}

fn values(from: &Field, to: &Field) -> Option<String> {
    let name = rust::text(from.name());
    let code = rust::text(&bad(from.name()));
    let (before, after) = (from.data_type(), to.data_type());
    if before == after {
        return Some(format!("        out.set({name}, Arc::clone(batch.array({name})?))?;\n"));
    }
    if *before == DataType::Utf8 {
        let (read, made) = from_text(after)?;
        return Some(format!(
            "        let values = batch.parse_strs({name}, {code}, out, |text| {read})?;\n        \
             out.set({name}, Arc::new({made}))?;\n"
        ));
    }
    let (one, other) = (native(before)?, native(after));
    let array = array(before);
    let column = format!("        let values = batch.column::<{array}>({name})?;\n");
    if *after == DataType::Utf8 {
        return Some(format!(
            "{column}        let values: StringArray = values.iter().map(|value| value.map(|v| v.to_string())).collect();\n        \
             out.set({name}, Arc::new(values))?;\n"
        ));
    }
    let other = other?;
    let made = self::array(after);
    if widens(one, other) {
        return Some(format!(
            "{column}        let values: {made} = values.iter().map(|value| value.map({other}::from)).collect();\n        \
             out.set({name}, Arc::new(values))?;\n"
        ));
    }
    is_whole(before).then_some(())?;
    is_whole(after).then_some(())?;
    let what = rust::text(&format!("does not fit {after}"));
    Some(format!(
        "{column}        let mut fitting = Vec::with_capacity(batch.rows());
        for (row, value) in values.iter().enumerate() {{
            let fits = value.map({other}::try_from);
            if let Some(Err(_)) = fits {{
                out.reject(row, {code}, {what});
            }}
            fitting.push(fits.and_then(Result::ok));
        }}
        out.set({name}, Arc::new({made}::from(fitting)))?;\n"
    ))
}

/// How a value is read from its text, and the array of such values.
fn from_text(to: &DataType) -> Option<(String, String)> {
    if let DataType::Decimal128(digits, scale) = to {
        let after_point = u8::try_from(*scale).ok()?;
        let made = format!("Decimal128Array::from(values).with_precision_and_scale({digits}, {scale})?");
        return Some((format!("decimal(text, {digits}, {after_point})"), made));
    }
    let native = native(to)?;
    Some((format!("text.trim().parse::<{native}>().ok()"), format!("{}::from(values)", array(to))))
}

fn native(data_type: &DataType) -> Option<&'static str> {
    if *data_type == DataType::Boolean {
        return Some("bool");
    }
    WHOLE.iter().chain(&FLOATS).find(|(known, _)| known == data_type).map(|(_, native)| *native)
}

/// The array type of a type that has a native one.
fn array(data_type: &DataType) -> String {
    format!("{data_type:?}Array")
}

fn is_whole(data_type: &DataType) -> bool {
    WHOLE.iter().any(|(known, _)| known == data_type)
}

fn widens(from: &str, to: &str) -> bool {
    let whole = |native: &str| {
        let (sign, bits) = native.split_at_checked(1)?;
        Some((sign.to_owned(), bits.parse::<u8>().ok()?)).filter(|(sign, _)| sign == "i" || sign == "u")
    };
    let among_whole = whole(from)
        .zip(whole(to))
        .is_some_and(|((a, narrow), (b, wide))| wide > narrow && (a == b || a == "u"));
    among_whole || EXACT.contains(&(from, to))
}

/// The code of a reject: `bad-` and what of the name is fit for one.
fn bad(name: &str) -> String {
    let fit: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(32).collect();
    if fit.is_empty() { "bad-value".to_owned() } else { format!("bad-{}", fit.replace('_', "-")) }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, TimeUnit};

    use super::{statements, widens};

    fn of(from: DataType, to: DataType) -> Option<String> {
        statements(&Field::new("n", from, true), &Field::new("n", to, true))
    }

    #[test]
    fn conversions_with_one_meaning_are_written_and_others_are_left_to_the_author() {
        assert!(of(DataType::Utf8, DataType::Decimal128(12, 2)).unwrap().contains("decimal(text, 12, 2)"));
        assert!(of(DataType::Int32, DataType::Int64).unwrap().contains("i64::from"));
        assert!(of(DataType::Int64, DataType::Int32).unwrap().contains("i32::try_from"));
        assert!(of(DataType::Float64, DataType::Utf8).unwrap().contains("to_string"));
        let second = DataType::Timestamp(TimeUnit::Second, None);
        for (from, to) in [
            (DataType::Int64, DataType::Float64),
            (DataType::Float64, DataType::Int64),
            (DataType::Utf8, second.clone()),
            (second, DataType::Date32),
        ] {
            assert_eq!(of(from, to), None);
        }
    }

    #[test]
    fn rows_without_a_value_are_refused_where_the_target_has_no_null() {
        let made =
            statements(&Field::new("n", DataType::Utf8, true), &Field::new("n", DataType::Utf8, false));
        let expected = "        reject_nulls(batch, \"n\", out)?;\n        out.set(\"n\", Arc::clone(batch.array(\"n\")?))?;\n";
        assert_eq!(made.unwrap(), expected);
    }

    #[test]
    fn a_wider_type_of_the_same_or_no_sign_holds_every_value() {
        assert!(widens("i32", "i64") && widens("u8", "i16") && widens("u16", "u64") && widens("f32", "f64"));
        assert!(
            !widens("i8", "u16") && !widens("u32", "i32") && !widens("i64", "i32") && !widens("i64", "f64")
        );
    }

    mod helper {
        include!("../../template/decimal.rs.in");

        #[test]
        fn a_sign_stands_before_the_digits_and_nowhere_else() {
            let found = |text| decimal(text, 5, 2);
            for (text, value) in [("-.5", -50), ("1.2", 120), (" 12 ", 1_200), ("-0.05", -5), ("+7.", 700)] {
                assert_eq!(found(text), Some(value), "{text}");
            }
            for text in [".-5", ".+5", "1.-5", "1.2.3", "-", ".", "", "1e3", "1.234", "12345", "--1"] {
                assert_eq!(found(text), None, "{text}");
            }
        }
    }
}
