//! `[oidc]` of a server: the provider that says who somebody is, and what somebody of a group is here.
//!
//! ```toml
//! [oidc]
//! issuer = "https://id.example.org"
//! client_id = "skein"
//! client_secret_file = "/etc/skein/oidc-secret"   # left out: a client without a secret
//! name = "Example"                                # on the button; left out: the issuer's host
//! name_claim = "preferred_username"
//! groups_claim = "groups"
//! scopes = "openid profile"
//!
//! [oidc.groups]
//! payments-approvers = "approver@payments"        # or a list of them; without a team: in all teams
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Url;
use skein_api::Grant;
use toml::{Table, Value};

use super::{absolute, known};
use crate::commands::token::grant;
use crate::oidc::OidcSettings;

const KEYS: [&str; 8] =
    ["issuer", "client_id", "client_secret_file", "name", "name_claim", "groups_claim", "scopes", "groups"];

pub(super) fn oidc(value: Value) -> Result<OidcSettings, String> {
    let Value::Table(mut keys) = value else { return Err("`oidc` is a table".to_owned()) };
    let groups = keys.remove("groups");
    let mut text = |key: &str| text(&mut keys, key);
    let (issuer, client_id, secret_file) = (text("issuer")?, text("client_id")?, text("client_secret_file")?);
    let (name, name_claim, groups_claim) = (text("name")?, text("name_claim")?, text("groups_claim")?);
    let scopes = text("scopes")?.unwrap_or_else(|| "openid profile".to_owned());
    // A misspelt key explains a missing one.
    known(&keys, &KEYS)?;
    let groups = groups.ok_or("`oidc` needs `groups`: nobody would be let in without")?;
    let issuer = issuer.ok_or("`oidc` needs `issuer`")?;
    let host = Url::parse(&issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    if !scopes.split(' ').any(|scope| scope == "openid") {
        return Err("`scopes` of `oidc` has no `openid`".to_owned());
    }
    Ok(OidcSettings {
        client_id: client_id.ok_or("`oidc` needs `client_id`")?,
        name: name.or(host).unwrap_or_else(|| issuer.clone()),
        name_claim: name_claim.unwrap_or_else(|| "preferred_username".to_owned()),
        groups_claim: groups_claim.unwrap_or_else(|| "groups".to_owned()),
        secret_file: secret_file.map(|file| absolute("client_secret_file", &file)).transpose()?,
        groups: mapped(groups)?,
        issuer,
        scopes,
    })
}

/// What is in the file of the client's secret.
pub(super) fn secret(file: &Path) -> Result<String, String> {
    super::notices::password(file).map_err(|error| error.replace("password_file", "client_secret_file"))
}

fn text(keys: &mut Table, key: &str) -> Result<Option<String>, String> {
    match keys.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` of `oidc` is no text")),
    }
}

fn mapped(groups: Value) -> Result<BTreeMap<String, Vec<Grant>>, String> {
    let Value::Table(groups) = groups else { return Err("`groups` of `oidc` is a table".to_owned()) };
    let one = |group: &str, value: &Value| {
        let text = value.as_str().ok_or_else(|| format!("group `{group}` of `oidc` is no ROLE@TEAM"))?;
        grant(text).map_err(|error| format!("group `{group}` of `oidc`: {error}"))
    };
    let all = groups.iter().map(|(group, value)| {
        let grants = match value.as_array() {
            Some(values) => values.iter().map(|value| one(group, value)).collect(),
            None => one(group, value).map(|grant| vec![grant]),
        };
        Ok((group.clone(), grants?))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use skein_types::Role;
    use toml::Value;

    use super::oidc;

    fn read(text: &str) -> Result<crate::oidc::OidcSettings, String> {
        oidc(Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn groups_are_roles_and_what_is_misspelt_is_said() {
        let least = "issuer = \"https://id.example.org\"\nclient_id = \"skein\"\n";
        let groups = "[groups]\n\"a b\" = \"approver@payments\"\nall = [\"viewer\", \"author@shop\"]\n";
        let settings = read(&format!("{least}{groups}")).unwrap();
        assert_eq!(settings.name, "id.example.org");
        assert_eq!(settings.groups["a b"][0].team.as_deref(), Some("payments"));
        assert_eq!(
            settings.groups["all"].iter().map(|grant| grant.role).collect::<Vec<_>>(),
            [Role::Viewer, Role::Author]
        );
        for (bad, says) in [
            (least.to_owned(), "needs `groups`"),
            (format!("{least}clientid = \"x\"\n{groups}"), "did you mean `client_id`?"),
            (format!("{least}scopes = \"profile\"\n{groups}"), "no `openid`"),
            (format!("{least}[groups]\na = \"boss@shop\"\n"), "group `a` of `oidc`"),
            (format!("{least}client_secret_file = \"x\"\n{groups}"), "absolute"),
        ] {
            let error = read(&bad).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
