//! Records of a CSV table as RFC 4180 has it: fields in quotes may hold commas, line breaks and doubled quotes.

/// A record and the line that it starts in, from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct CsvRecord {
    /// Where it starts.
    pub line: u64,
    /// What is in it.
    pub fields: Vec<String>,
}

/// All records but empty lines; the first `most` and one more, if there are so many. White space around a field without
/// quotes is not part of it.
pub fn csv_records(text: &str, most: usize) -> Result<Vec<CsvRecord>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Vec::new();
    let (mut rest, mut line) = (text, 1_u64);
    while !rest.is_empty() && records.len() <= most {
        let start = line;
        let mut fields = Vec::new();
        loop {
            let (field, after) = field(rest).map_err(|problem| format!("line {start}: {problem}"))?;
            line += rest[..rest.len() - after.len()].matches('\n').count() as u64;
            fields.push(field);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix("\r\n").or(after.strip_prefix('\n')).unwrap_or(after);
                    line += 1;
                    break;
                }
            }
        }
        if fields != [""] {
            records.push(CsvRecord { line: start, fields });
        }
    }
    Ok(records)
}

/// One field, and the text from the comma or line break behind it.
fn field(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.trim_start_matches([' ', '\t']).strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        // A carriage return belongs to the line break.
        let end = if text[..end].ends_with('\r') { end - 1 } else { end };
        let plain = text[..end].trim();
        if plain.contains('"') {
            return Err("a quote inside a field without quotes".to_owned());
        }
        return Ok((plain.to_owned(), &text[end..]));
    };
    let (mut field, mut rest) = (String::new(), quoted);
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => {
                let after = after.trim_start_matches([' ', '\t']);
                let ends = after.is_empty() || after.starts_with([',', '\n']) || after.starts_with("\r\n");
                return if ends { Ok((field, after)) } else { Err("text behind a closed quote".to_owned()) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CsvRecord, csv_records};

    fn record(line: u64, fields: &[&str]) -> CsvRecord {
        CsvRecord { line, fields: fields.iter().map(|field| (*field).to_owned()).collect() }
    }

    #[test]
    fn fields_are_plain_or_quoted_and_lines_are_counted() {
        let text = "\u{feff}dataset,params\r\n a b ,\n\n\"x, \"\"y\"\"\n\" , \"\"\n/last,{}";
        assert_eq!(
            csv_records(text, 9).unwrap(),
            [
                record(1, &["dataset", "params"]),
                record(2, &["a b", ""]),
                record(4, &["x, \"y\"\n", ""]),
                record(6, &["/last", "{}"]),
            ]
        );
        assert_eq!(csv_records("a\r\nb\r\n", 9).unwrap(), [record(1, &["a"]), record(2, &["b"])]);
        assert_eq!(csv_records("a,\n", 9).unwrap(), [record(1, &["a", ""])]);
        assert_eq!(csv_records("", 9).unwrap(), []);
        assert_eq!(csv_records("a\nb\nc\n\"d", 1).unwrap(), [record(1, &["a"]), record(2, &["b"])]);
    }

    #[test]
    fn a_table_that_is_none_is_refused_with_its_line() {
        for (text, said) in [
            ("a\n\"b", "line 2: a quote is not closed"),
            ("a\nb\"c\n", "line 2: a quote inside a field without quotes"),
            ("\"a\"b\n", "line 1: text behind a closed quote"),
        ] {
            assert_eq!(csv_records(text, 9).unwrap_err(), said);
        }
    }
}
