//! What a module says, as much of it as a page has room for.

use std::io::{self, Write};

use maud::{Markup, html};
use serde_json::Value;

/// Bytes of one value to choose from.
const VALUE: usize = 200;
/// Bytes of a schema that are shown.
const SCHEMA: usize = 16 << 10;

pub(super) fn is_short(value: &Value) -> bool {
    !written(value, false, VALUE).1
}

/// As JSON, at most so many bytes of it; and whether there is more.
pub(super) fn written(value: &Value, pretty: bool, most: usize) -> (String, bool) {
    let mut room = Room { bytes: Vec::new(), most };
    // Where there is no more room, writing ends.
    let ended = match pretty {
        true => serde_json::to_writer_pretty(&mut room, value),
        false => serde_json::to_writer(&mut room, value),
    };
    let cut = ended.is_err();
    let text = String::from_utf8_lossy(&room.bytes).into_owned();
    (if cut { format!("{text} …") } else { text }, cut)
}

/// Takes so many bytes and no more.
struct Room {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Room {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let fits = more.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&more[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.get(..text.floor_char_boundary(most)) {
        Some(beginning) if beginning.len() < text.len() => format!("{beginning} …"),
        _ => text.to_owned(),
    }
}

/// The schema as it was said, where it is long its beginning.
pub(in crate::pages) fn whole(schema: &Value) -> Markup {
    let (text, cut) = written(schema, true, SCHEMA);
    html! {
        pre tabindex="0" { code { (text) } }
        @if cut { p.note { "It is longer than is shown here." } }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::{Kind, fields, view};
    use super::{clipped, whole};
    use serde_json::Value;

    /// A module may say a megabyte, and each word of it may stand for much.
    #[test]
    fn a_page_stays_small_whatever_a_module_says() {
        let small = |schema: &Value| {
            let page = view(Some(schema), &BTreeMap::new()).into_string() + &whole(schema).into_string();
            assert!(page.len() < 150_000, "{}", page.len());
        };
        let many = |count: usize, of: &Value| -> Value {
            let all: serde_json::Map<_, _> = (0..count).map(|one| (format!("p{one}"), of.clone())).collect();
            json!({ "$defs": { "all": { "enum": (0..20_000).collect::<Vec<_>>() } }, "properties": all })
        };
        let refers = json!({ "$ref": "#/$defs/all" });
        assert_eq!(fields(&many(100, &refers)).unwrap()[7].kind, Kind::Json);
        for count in [100, 101, 3_000] {
            small(&many(count, &refers));
        }
        let kind = |of: Value| fields(&many(1, &of)).unwrap()[0].kind.clone();
        let choices = |count: usize| kind(json!({ "enum": (0..count).collect::<Vec<_>>() }));
        assert!(matches!(choices(100), Kind::Choice(_)) && choices(101) == Kind::Json);
        // Whether it may be left out is looked for in short lists alone.
        let or_null = |nulls: usize| {
            let nulls = vec![json!({ "type": "null" }); nulls];
            let any = [vec![json!({ "type": "string" })], nulls].concat();
            kind(json!({ "anyOf": any }))
        };
        assert_eq!([or_null(1), or_null(7), or_null(8)], [Kind::Text, Kind::Text, Kind::Json]);
        let few = json!({ "oneOf": [{ "enum": (0..60).collect::<Vec<_>>() }] });
        let kinds = fields(&many(100, &few)).unwrap();
        assert_eq!(kinds.iter().filter(|field| matches!(field.kind, Kind::Choice(_))).count(), 8);
        let long = "\"ü".repeat(50_000);
        let deep = (0..100).fold(json!(vec![1; 20_000]), |inner, _| json!([inner]));
        small(&many(100, &json!({ "description": long, "default": deep, "enum": [long] })));
        small(&json!({ "properties": { long: { "type": "string" } } }));
        small(&json!({ "type": "object", "description": deep }));
        assert_eq!(clipped("äb", 1), " …");
    }
}
