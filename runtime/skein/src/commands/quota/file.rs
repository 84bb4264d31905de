//! Quotas as people write them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use skein_api::{QuotaEntry, QuotaPut, Text};
use skein_campaign::Span;
use skein_types::{Bounds, Bytes, Excess, Fuel, FuelBudget, Resource, codes};
use toml::Value;

use crate::failure::Failure;
use crate::toml_text;

const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quotas {
    org: Option<Quota>,
    default: Option<Quota>,
    #[serde(default)]
    team: BTreeMap<String, Quota>,
    #[serde(default)]
    campaign: BTreeMap<String, Quota>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    weight: Option<u32>,
    cpu: Option<Written>,
    memory: Option<Written>,
    slots: Option<Written>,
    read: Option<Written>,
    write: Option<Written>,
    fuel: Option<Budget>,
    excess: Option<Excess>,
}

/// Bounds of a resource: numbers with their units.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    guaranteed: Option<Value>,
    limit: Option<Value>,
    lendable: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    fuel: u64,
    per: Span,
}

/// All quotas of a file.
pub(super) fn read(path: &Path) -> Result<Vec<QuotaEntry>, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    let refused = |message: String| Failure::text(codes::QUOTA_INVALID, message).about(path);
    match read {
        Err(error) => return Err(Failure::unread(path, codes::QUOTA_INVALID, &error)),
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => {
            return Err(refused("it is larger than 1 MiB".to_owned()));
        }
        Ok(_) => {}
    }
    parse(&text).map_err(refused)
}

fn parse(text: &str) -> Result<Vec<QuotaEntry>, String> {
    let Quotas { org, default, team, campaign } = toml_text::parse(text)?;
    let alone = [("org", org), ("default", default)];
    let alone = alone.into_iter().filter_map(|(of, quota)| Some((of.to_owned(), quota?)));
    let teams = team.into_iter().map(|(name, quota)| (format!("team:{name}"), quota));
    let campaigns = campaign.into_iter().map(|(id, quota)| (format!("campaign:{id}"), quota));
    alone.chain(teams).chain(campaigns).map(|(of, quota)| entry(of, quota)).collect()
}

fn entry(of: String, written: Quota) -> Result<QuotaEntry, String> {
    let Quota { weight, cpu, memory, slots, read, write, fuel, excess } = written;
    let mut bounds = BTreeMap::new();
    for (resource, written) in [
        (Resource::Cpu, cpu),
        (Resource::Memory, memory),
        (Resource::Slots, slots),
        (Resource::Read, read),
        (Resource::Write, write),
    ] {
        let Some(Written { guaranteed, limit, lendable }) = written else { continue };
        let amount = |what: &str, value: Option<Value>| {
            let amount = value.map(|value| amount(resource, &value)).transpose();
            amount.map_err(|error| format!("{of}: {what} of {resource}: {error}"))
        };
        let guaranteed = amount("guaranteed", guaranteed)?.unwrap_or(0);
        let (limit, lendable) = (amount("limit", limit)?, amount("lendable", lendable)?);
        bounds.insert(resource, Bounds { guaranteed, limit, lendable });
    }
    let standard = QuotaPut::default();
    let quota = QuotaPut {
        weight: weight.unwrap_or(standard.weight),
        bounds,
        fuel: fuel.map(|Budget { fuel, per }| FuelBudget { fuel: Fuel(fuel), per: per.length() }),
        excess: excess.unwrap_or(standard.excess),
    };
    Ok(QuotaEntry { of: Text::new(&*of).map_err(|error| format!("{of}: {error}"))?, quota })
}

/// A number with its unit: `2 cores`, `512MiB`, `4`, `50MiB/s`.
fn amount(resource: Resource, value: &Value) -> Result<u64, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            return Err(format!("{value} is no amount"));
        }
    };
    let refused = |example: &str| format!("{text:?} is not an amount such as {example}");
    match resource {
        Resource::Cpu => {
            let number = text.strip_suffix("cores").or_else(|| text.strip_suffix("core")).unwrap_or(&text);
            thousandths(number.trim()).ok_or_else(|| refused("\"2 cores\" or \"0.5 cores\""))
        }
        Resource::Slots => {
            let number = text.strip_suffix("slots").or_else(|| text.strip_suffix("slot")).unwrap_or(&text);
            number.trim().parse().map_err(|_| refused("4"))
        }
        Resource::Memory => text.parse::<Bytes>().map(|bytes| bytes.0).map_err(|_| refused("\"512MiB\"")),
        Resource::Read | Resource::Write => {
            let rate = text.strip_suffix("/s").ok_or_else(|| refused("\"50MiB/s\""))?;
            rate.parse::<Bytes>().map(|bytes| bytes.0).map_err(|_| refused("\"50MiB/s\""))
        }
    }
}

/// `1.5` as 1500.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::{amount, parse};
    use skein_types::{Bounds, Excess, Millis, Resource};
    use toml::Value;

    #[test]
    fn a_file_sets_what_it_names_and_the_rest_is_the_standard() {
        let text = "[org]\ncpu = { limit = \"16 cores\" }\n[team.shop]\nweight = 2\n\
                    slots = { guaranteed = 2, limit = \"8 slots\", lendable = 1 }\nread = { limit = \"50MiB/s\" }\n\
                    fuel = { fuel = 1_000, per = \"1h\" }\nexcess = \"reject\"\n[team.pay]\n";
        let quotas = parse(text).unwrap();
        let of: Vec<&str> = quotas.iter().map(|entry| entry.of.as_str()).collect();
        assert_eq!(of, ["org", "team:pay", "team:shop"]);
        let shop = &quotas[2].quota;
        assert_eq!((shop.weight, shop.excess), (2, Excess::Reject));
        assert_eq!(
            shop.bounds[&Resource::Slots],
            Bounds { guaranteed: 2, limit: Some(8), lendable: Some(1) }
        );
        assert_eq!(shop.bounds[&Resource::Read].limit, Some(50 << 20));
        assert_eq!(shop.fuel.unwrap().per, Millis(3_600_000));
        assert_eq!(quotas[1].quota, skein_api::QuotaPut::default());
    }

    #[test]
    fn amounts_have_the_units_of_their_resource() {
        let of = |resource, text: &str| amount(resource, &Value::String(text.to_owned()));
        assert_eq!(of(Resource::Cpu, "1.5 cores"), Ok(1_500));
        assert_eq!(of(Resource::Cpu, "1 core"), Ok(1_000));
        assert_eq!(amount(Resource::Cpu, &Value::Integer(2)), Ok(2_000));
        assert_eq!(of(Resource::Memory, "512MiB"), Ok(512 << 20));
        for (resource, bad) in [
            (Resource::Cpu, "2 MiB"),
            (Resource::Cpu, "1.2345"),
            (Resource::Cpu, "-1"),
            (Resource::Slots, "1.5"),
            (Resource::Read, "50MiB"),
            (Resource::Memory, "x"),
        ] {
            assert!(of(resource, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        assert_eq!(
            parse("[team.shop]\nread = { limit = 5 }").unwrap_err(),
            "team:shop: limit of read: \"5\" is not an amount such as \"50MiB/s\""
        );
        assert!(parse("[team.shop]\nslot = { limit = 5 }").unwrap_err().contains("unknown field `slot`"));
    }
}
