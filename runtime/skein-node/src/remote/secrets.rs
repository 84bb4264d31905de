//! The values of secrets, from control into this process's memory. They are kept with the parameters that name them.

use std::collections::BTreeMap;

use serde_json::Value;
use skein_api::node::{SecretsAsk, from_hex};
use skein_api::{List, Name, secret_names};
use skein_types::CampaignId;

use super::client::{Client, ClientError};

/// Values by name, and the key of their digests.
pub(super) type Secrets = (BTreeMap<String, Vec<u8>>, [u8; 32]);

/// Those that the parameters name.
pub(super) fn of(client: &Client, campaign: CampaignId, params: &Value) -> Result<Secrets, ClientError> {
    let nonsense = |what: &str| ClientError::Nonsense(what.to_owned());
    let names = secret_names(params).into_iter().map(Name::new).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|error| nonsense(&error.to_string()))?;
    let names = List::new(names).map_err(|error| nonsense(&error.to_string()))?;
    let told = client.secrets(&SecretsAsk { campaign, names })?;
    let key = from_hex(&told.digest_key).and_then(|key| key.try_into().ok());
    let key = key.ok_or_else(|| nonsense("a key of digests that is none"))?;
    let mut values = BTreeMap::new();
    for (name, value) in told.values {
        let value = from_hex(&value).ok_or_else(|| nonsense("a secret that is no hex"))?;
        values.insert(name.to_string(), value);
    }
    Ok((values, key))
}
