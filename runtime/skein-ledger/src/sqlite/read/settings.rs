//! Settings.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use skein_types::{Name, QuotaOf, Timestamp, WebhookId};

use super::{Query, text};
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Fleet, Policy, Quota, Secret, Webhook};

const QUOTA: &str = "SELECT whose, weight, bounds, fuel, excess, since, version FROM quota";
const POLICY: &str = "SELECT name, blob, note, since, version FROM policy";
const SECRET: &str = "SELECT team, name, version, digest, since FROM secret";
const WEBHOOK: &str = "SELECT id, name, team, kind, target, events, active, since, version FROM webhook";

pub(in crate::sqlite) fn quota(db: &Connection, of: &QuotaOf) -> rusqlite::Result<Option<Quota>> {
    let mut find = db.prepare_cached(&format!("{QUOTA} WHERE whose = ?1"))?;
    find.query_row([of.to_string()], quota_of).optional()
}

pub(in crate::sqlite) fn quotas(
    db: &Connection,
    after: Option<&QuotaOf>,
    limit: Limit,
) -> rusqlite::Result<Page<Quota, QuotaOf>> {
    let mut query = Query::new(QUOTA);
    if let Some(after) = after {
        query.and("whose > ?", text(after));
    }
    query.page(db, ("whose", limit), quota_of, |quota| quota.of.clone())
}

fn quota_of(row: &Row<'_>) -> rusqlite::Result<Quota> {
    let mut cells = Cells::of(row);
    Ok(Quota {
        of: cells.parse()?,
        weight: cells.get()?,
        bounds: cells.json()?,
        fuel: cells.json_opt()?,
        excess: cells.parse()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}

pub(in crate::sqlite) fn policy(db: &Connection, name: &Name) -> rusqlite::Result<Option<Policy>> {
    let mut find = db.prepare_cached(&format!("{POLICY} WHERE name = ?1"))?;
    find.query_row([name.as_str()], policy_of).optional()
}

pub(in crate::sqlite) fn policies(
    db: &Connection,
    after: Option<&Name>,
    limit: Limit,
) -> rusqlite::Result<Page<Policy, Name>> {
    let mut query = Query::new(POLICY);
    if let Some(after) = after {
        query.and("name > ?", text(after));
    }
    query.page(db, ("name", limit), policy_of, |policy| policy.name.clone())
}

fn policy_of(row: &Row<'_>) -> rusqlite::Result<Policy> {
    let mut cells = Cells::of(row);
    Ok(Policy {
        name: cells.parse()?,
        blob: cells.digest()?,
        note: cells.parse()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}

pub(in crate::sqlite) fn secret(
    db: &Connection,
    team: &Name,
    name: &Name,
) -> rusqlite::Result<Option<Secret>> {
    let mut find = db.prepare_cached(&format!("{SECRET} WHERE team = ?1 AND name = ?2"))?;
    find.query_row(params![team.as_str(), name.as_str()], secret_of).optional()
}

pub(in crate::sqlite) fn secrets(
    db: &Connection,
    team: Option<&Name>,
    after: Option<&(Name, Name)>,
    limit: Limit,
) -> rusqlite::Result<Page<Secret, (Name, Name)>> {
    let mut query = Query::new(SECRET);
    if let Some(team) = team {
        query.and("team = ?", text(team));
    }
    if let Some((team, name)) = after {
        query.and("(team, name) > (?", text(team));
        query.sql.push_str(", ?)");
        query.values.push(text(name));
    }
    let key = |secret: &Secret| (secret.team.clone(), secret.name.clone());
    query.page(db, ("team, name", limit), secret_of, key)
}

fn secret_of(row: &Row<'_>) -> rusqlite::Result<Secret> {
    let mut cells = Cells::of(row);
    Ok(Secret {
        team: cells.parse()?,
        name: cells.parse()?,
        version: cells.get()?,
        digest: cells.digest()?,
        since: Timestamp(cells.get()?),
    })
}

pub(in crate::sqlite) fn webhook(db: &Connection, id: WebhookId) -> rusqlite::Result<Option<Webhook>> {
    let mut find = db.prepare_cached(&format!("{WEBHOOK} WHERE id = ?1"))?;
    find.query_row([id.to_string()], webhook_of).optional()
}

pub(in crate::sqlite) fn webhooks(
    db: &Connection,
    after: Option<WebhookId>,
    limit: Limit,
) -> rusqlite::Result<Page<Webhook, WebhookId>> {
    let mut query = Query::new(WEBHOOK);
    if let Some(after) = after {
        query.and("id > ?", text(after));
    }
    query.page(db, ("id", limit), webhook_of, |webhook| webhook.id)
}

fn webhook_of(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let mut cells = Cells::of(row);
    Ok(Webhook {
        id: cells.parse()?,
        name: cells.parse()?,
        team: cells.parse_opt()?,
        kind: cells.parse()?,
        target: cells.parse()?,
        events: cells.json()?,
        active: cells.get()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}

pub(in crate::sqlite) fn fleet(db: &Connection) -> rusqlite::Result<Fleet> {
    let sql = "SELECT frozen, reason, since, version FROM fleet WHERE one = 1";
    db.prepare_cached(sql)?.query_row([], |row| {
        let mut cells = Cells::of(row);
        Ok(Fleet {
            frozen: cells.get()?,
            reason: cells.parse()?,
            since: Timestamp(cells.get()?),
            version: cells.get()?,
        })
    })
}
