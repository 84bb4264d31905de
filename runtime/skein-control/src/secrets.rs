//! Teams' secrets: set and removed by people, named by parameters, told to nodes that need them and to nobody else.
//!
//! A campaign pins the versions that its parameters name when it is made, so all its runs have the same values. What the
//! ledger holds is names, versions and keyed digests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skein_api::node::{SecretsAsk, SecretsTold, to_hex};
use skein_api::{List, Page, Text as ApiText, Time, secret_names};
use skein_ledger::{Limit, Name, SecretRemoved, SecretSet, Subject, Text};
use skein_types::{Blake3, ParamsDigest, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::shown;
use crate::vault::Of;
use crate::webhooks::SEALED_TEAM;

/// Versions by name.
pub(crate) type Pinned = BTreeMap<Name, u64>;

impl Control {
    /// Sets a secret to a value.
    pub(crate) fn set_secret(
        &self,
        who: &Principal,
        (team, named, seen): (&str, &str, Seen),
        value: &[u8],
    ) -> Result<skein_api::Secret, ServiceError> {
        let (team, named) = (self.team_row(team)?.name, name("secret", named)?);
        if value.is_empty() {
            return Err(ServiceError::new(codes::BODY_INVALID, "a secret without a value")
                .hint(Some("send the value as the body of the request")));
        }
        let _turn = self.vault.turn();
        let what = format!("secret {named} of team {team}");
        let there = seen.against(&what, self.ledger.secret(&team, &named)?.map(|row| row.version))?;
        // Higher than that of any value that it ever had, also before it was removed: campaigns may have those still.
        let version = self.ledger.head()?.position + 1;
        // The value first: a record of one that is not there would be a promise that nobody can keep.
        self.vault.keep(Of { team: team.as_str(), name: named.as_str(), version }, value)?;
        let digest = self.vault.digest_of((team.as_str(), named.as_str()), value);
        let set = SecretSet { team: team.clone(), name: named.clone(), version, digest };
        let subject = Subject::Secret(team.clone(), named.clone());
        self.set((&what, subject, there), who.unit().decide(set))?;
        self.secret(team.as_str(), named.as_str())
    }

    /// A secret, without its value.
    pub(crate) fn secret(&self, team: &str, named: &str) -> Result<skein_api::Secret, ServiceError> {
        let row = self.ledger.secret(&name("team", team)?, &name("secret", named)?)?;
        Ok(shown_secret(&row.ok_or_else(|| ServiceError::absent("secret", named))?))
    }

    /// Secrets of a team, by name.
    pub(crate) fn secrets(
        &self,
        team: &str,
        part: &ListPart,
    ) -> Result<Page<skein_api::Secret>, ServiceError> {
        let team = self.team_row(team)?.name;
        let after = part.after.as_deref().map(|after| name("after", after)).transpose()?;
        let after = after.map(|after| (team.clone(), after));
        let page = self.ledger.secrets(Some(&team), after.as_ref(), part.limit())?;
        shown::page(page.items, page.next.map(|(_, name)| name.to_string()), |row| Ok(shown_secret(&row)))
    }

    /// Removes a secret. Campaigns that were made with it keep its value until they are over.
    pub(crate) fn remove_secret(
        &self,
        who: &Principal,
        (team, named, seen): (&str, &str, Seen),
    ) -> Result<skein_api::Secret, ServiceError> {
        let shown = self.secret(team, named)?;
        let (team, named) = (name("team", team)?, name("secret", named)?);
        let what = format!("secret {named} of team {team}");
        let version = seen.against(&what, Some(shown.version))?;
        let subject = Subject::Secret(team.clone(), named.clone());
        let removed = SecretRemoved { team, name: named, reason: Text::clip("asked") };
        self.set((&what, subject, version), who.unit().decide(removed))?;
        Ok(shown)
    }

    /// Versions of the secrets that parameters name, as they are now, and the digest of both.
    pub(crate) fn pin_secrets(
        &self,
        team: &Name,
        (params, own): (&Value, &[Value]),
    ) -> Result<(ParamsDigest, Pinned), ServiceError> {
        let mut pinned = Pinned::new();
        let mut digests: BTreeMap<&str, Blake3> = BTreeMap::new();
        let all = secret_names(params);
        let others = own.iter().flat_map(|own| secret_names(own));
        for named in all.iter().copied().chain(others) {
            let row = self.ledger.secret(team, &name("secret", named)?)?;
            let row = row.ok_or_else(|| {
                let message = format!("team {team} has no secret {named:?}, which the parameters name");
                ServiceError::new(codes::SECRET_MISSING, message)
                    .hint(Some(format!(
                        "set it: `skein secret set {named} --team {team}`, or PUT /v1/teams/{team}/secrets/{named}"
                    )))
            })?;
            digests.insert(named, row.digest);
            pinned.insert(row.name, row.version);
        }
        if pinned.len() > skein_api::node::SECRETS_MAX {
            let message = format!("parameters that name {} secrets", pinned.len());
            return Err(ServiceError::new(codes::BODY_TOO_LARGE, message));
        }
        let named = all.iter().filter_map(|named| Some((*named, *digests.get(named)?)));
        Ok((ParamsDigest::with_secrets(&params.to_string(), named), pinned))
    }

    /// What a node is told that has a task of a campaign.
    pub fn secrets_for_node(&self, asked: &SecretsAsk) -> Result<SecretsTold, ServiceError> {
        let row = self.campaign_row(asked.campaign)?;
        let mut values = Vec::with_capacity(asked.names.len());
        for named in asked.names.iter() {
            let of = name("secret", named)?;
            let absent = || ServiceError::absent("secret", named);
            let version = *row.secrets.get(&of).ok_or_else(absent)?;
            let of = Of { team: row.owner.as_str(), name: named, version };
            values.push((named.clone(), to_hex(&self.vault.value(of)?)));
        }
        let digest_key = to_hex(&self.vault.digest_key_of(row.owner.as_str()));
        Ok(SecretsTold { digest_key, values: List::first(values).0 })
    }

    /// Removes values that nothing names any more: neither a secret or receiver as it is now nor a campaign that is
    /// open.
    pub(crate) fn sweep_secrets(&self) -> Result<(), ServiceError> {
        let _turn = self.vault.turn();
        let mut kept: BTreeSet<(Name, Name, u64)> = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.ledger.secrets(None, after.as_ref(), Limit::MAX)?;
            kept.extend(page.items.into_iter().map(|row| (row.team, row.name, row.version)));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for id in self.state().open.clone() {
            let row = self.campaign_row(id)?;
            kept.extend(row.secrets.into_iter().map(|(name, version)| (row.owner.clone(), name, version)));
        }
        let sealed: Vec<(String, u64)> =
            self.sealed_for_webhooks()?.into_iter().map(|(id, number)| (id.to_string(), number)).collect();
        let sealed = sealed.iter().map(|(id, number)| Of { team: SEALED_TEAM, name: id, version: *number });
        let kept = kept.iter().map(|(team, name, version)| Of {
            team: team.as_str(),
            name: name.as_str(),
            version: *version,
        });
        let gone = self.vault.keep_only(&kept.chain(sealed).collect())?;
        tracing::info!(gone, "removed values of secrets that nothing names");
        Ok(())
    }
}

fn shown_secret(row: &skein_ledger::Secret) -> skein_api::Secret {
    skein_api::Secret {
        team: ApiText::escaped(row.team.as_str()),
        name: ApiText::escaped(row.name.as_str()),
        version: row.version,
        digest: row.digest,
        since: Time(row.since),
    }
}
