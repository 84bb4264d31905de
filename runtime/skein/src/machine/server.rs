//! What `skein.toml` says for a server: prices, and how fast its nodes may read and write.
//!
//! ```toml
//! [prices]
//! currency = "EUR"
//! core_hour = 0.04
//! gib_read = 0.002
//!
//! [nodes]                 # of all of this machine's nodes together
//! read = "400MiB/s"
//! write = "200MiB/s"
//! ```

use serde::Deserialize;
use skein_control::Prices;
use skein_types::Bytes;
use toml::Value;

/// How fast the nodes of this machine may be, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bandwidth {
    /// Bytes a second from stores.
    pub(crate) read: Option<Bytes>,
    /// Bytes a second to stores.
    pub(crate) write: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Priced {
    currency: String,
    core_hour: f64,
    slot_hour: f64,
    gib_read: f64,
    gib_written: f64,
}

impl Default for Priced {
    fn default() -> Self {
        Self { currency: "EUR".to_owned(), core_hour: 0.0, slot_hour: 0.0, gib_read: 0.0, gib_written: 0.0 }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Nodes {
    read: Option<String>,
    write: Option<String>,
}

/// `[prices]`.
pub(super) fn prices(value: Value) -> Result<Prices, String> {
    let priced: Priced = of("prices", value)?;
    let price = |key: &str, price: f64| {
        // A price beyond that is a slip.
        if (0.0..=1_000_000.0).contains(&price) {
            Ok((price * 1_000_000.0).round() as u64)
        } else {
            Err(format!("`{key}` of `prices` is {price}, and not between 0 and a million"))
        }
    };
    if priced.currency.len() > 16 || priced.currency.chars().any(char::is_control) {
        return Err("`currency` of `prices` is longer than 16 bytes".to_owned());
    }
    Ok(Prices {
        core_hour: price("core_hour", priced.core_hour)?,
        slot_hour: price("slot_hour", priced.slot_hour)?,
        gib_read: price("gib_read", priced.gib_read)?,
        gib_written: price("gib_written", priced.gib_written)?,
        currency: priced.currency,
    })
}

/// `[nodes]`.
pub(super) fn nodes(value: Value) -> Result<Bandwidth, String> {
    let nodes: Nodes = of("nodes", value)?;
    let rate = |key: &str, text: Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let bytes = text.strip_suffix("/s").and_then(|bytes| bytes.parse::<Bytes>().ok());
        match bytes.filter(|bytes| bytes.0 > 0) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(format!("`{key}` of `nodes` is {text:?}, and not a rate such as 400MiB/s")),
        }
    };
    Ok(Bandwidth { read: rate("read", nodes.read)?, write: rate("write", nodes.write)? })
}

fn of<T: serde::de::DeserializeOwned>(key: &str, value: Value) -> Result<T, String> {
    let one_line = |error: toml::de::Error| format!("`{key}`: {}", error.message().replace('\n', ", "));
    value.try_into().map_err(one_line)
}

#[cfg(test)]
mod tests {
    use super::{nodes, prices};
    use skein_types::Bytes;
    use toml::{Table, Value};

    fn value(text: &str) -> Value {
        Value::Table(text.parse::<Table>().unwrap())
    }

    #[test]
    fn prices_are_millionths_of_the_currency() {
        let said = prices(value("currency = \"USD\"\ncore_hour = 0.04\ngib_read = 0.0021")).unwrap();
        assert_eq!((said.currency.as_str(), said.core_hour, said.gib_read), ("USD", 40_000, 2_100));
        assert_eq!((said.slot_hour, said.gib_written), (0, 0));
        for bad in ["core_hour = -1.0", "core_hours = 1.0", "core_hour = \"1\"", "core_hour = nan"] {
            assert!(prices(value(bad)).unwrap_err().contains("prices"), "{bad}");
        }
    }

    #[test]
    fn rates_are_sizes_a_second() {
        let said = nodes(value("read = \"400MiB/s\"")).unwrap();
        assert_eq!((said.read, said.write), (Some(Bytes::mib(400)), None));
        for bad in ["read = \"400MiB\"", "read = \"0/s\"", "reads = \"1MiB/s\""] {
            assert!(nodes(value(bad)).is_err(), "{bad}");
        }
    }
}
