//! Modules and datasets.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Row};
use skein_types::{Bytes, DatasetId, ModuleDigest, Name, Timestamp};

use super::{Query, merged, text, whose};
use crate::error::LedgerError;
use crate::page::{Limit, Page};
use crate::sqlite::cells::Cells;
use crate::view::{Dataset, DatasetFilter, Module, ModuleState, ModulesOf};

const DATASET: &str =
    "SELECT d.id, d.name, d.driver, d.location, d.owner, d.labels, d.since, d.version FROM dataset d";
const MODULE: &str =
    "SELECT m.digest, l.name, l.version, l.owner, l.source, l.revision, m.bytes, m.state, m.reason, m.code, m.manifest, m.since
    FROM module_label l JOIN module m ON m.digest = l.digest";

pub(in crate::sqlite) fn dataset(db: &Connection, id: DatasetId) -> rusqlite::Result<Option<Dataset>> {
    let mut find = db.prepare_cached(&format!("{DATASET} WHERE d.id = ?1"))?;
    find.query_row([id.to_string()], dataset_of).optional()
}

pub(in crate::sqlite) fn dataset_named(db: &Connection, name: &Name) -> rusqlite::Result<Option<Dataset>> {
    let mut find = db.prepare_cached(&format!("{DATASET} WHERE d.name = ?1"))?;
    find.query_row([name.as_str()], dataset_of).optional()
}

/// A label leads by its index to the names; the other conditions are looked up from there. Without one each team's list is walked
/// by name, and they are merged.
pub(in crate::sqlite) fn datasets(
    db: &Connection,
    filter: &DatasetFilter,
    after: Option<&Name>,
    limit: Limit,
) -> Result<Page<Dataset, Name>, LedgerError> {
    let (mut query, name) = narrowed(filter);
    if let Some(after) = after {
        query.and(&format!("{name} > ?"), text(after));
    }
    let key = |dataset: &Dataset| dataset.name.clone();
    let Some(owners) = whose(filter.owner.as_ref(), filter.owners.as_deref())? else {
        return Ok(query.page(db, (name, limit), dataset_of, key)?);
    };
    if owners.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    if !filter.labels.is_empty() {
        query.and_any("d.owner", owners);
        return Ok(query.page(db, (name, limit), dataset_of, key)?);
    }
    let list = |owner: &Name| {
        let mut query = query.clone();
        query.and("d.owner = ?", text(owner));
        query
    };
    // The second column is the name.
    Ok(merged(owners.into_iter().map(list).collect(), db, ("2", limit), dataset_of, key)?)
}

/// Every condition but the owner, and the column that pages are ordered by.
fn narrowed(filter: &DatasetFilter) -> (Query, &'static str) {
    let mut labels = filter.labels.iter();
    let first = labels.next();
    let (mut query, name) = match first {
        None => (Query::new(DATASET), "d.name"),
        Some((key, value)) => {
            let join = "CROSS JOIN dataset d ON d.id = l.dataset";
            let select = DATASET.replace("FROM dataset d", &format!("FROM dataset_label l {join}"));
            let mut query = Query::new(&select);
            query.and("l.key = ?", text(key));
            query.and("l.value = ?", text(value));
            (query, "l.name")
        }
    };
    for (key, value) in labels {
        let more = "EXISTS (SELECT 1 FROM dataset_label m WHERE m.name = d.name AND m.key = ?";
        query.and(more, text(key));
        query.and("m.value = ?)", text(value));
    }
    if let Some(driver) = &filter.driver {
        query.and("d.driver = ?", text(driver));
    }
    if let Some(prefix) = &filter.prefix {
        query.and(&format!("{name} >= ?"), text(prefix));
        if let Some(end) = behind(prefix.as_str()) {
            query.and(&format!("{name} < ?"), text(end));
        }
    }
    (query, name)
}

/// The first text behind all that begin with the prefix: its last character that has one is the next.
pub(super) fn behind(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Characters skip the surrogates, which no text has.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn dataset_of(row: &Row<'_>) -> rusqlite::Result<Dataset> {
    let mut cells = Cells::of(row);
    Ok(Dataset {
        id: cells.parse()?,
        name: cells.parse()?,
        driver: cells.parse()?,
        location: cells.parse()?,
        owner: cells.parse()?,
        labels: cells.json()?,
        since: Timestamp(cells.get()?),
        version: cells.get()?,
    })
}

pub(in crate::sqlite) fn module(db: &Connection, digest: ModuleDigest) -> rusqlite::Result<Option<Module>> {
    module_among(db, digest, None)
}

/// The names of one digest are looked through in their order, which is that of the index.
pub(in crate::sqlite) fn module_among(
    db: &Connection,
    digest: ModuleDigest,
    owners: Option<&[Name]>,
) -> rusqlite::Result<Option<Module>> {
    let mut query = Query::new(MODULE);
    query.and("l.digest = ?", digest.0.to_vec());
    if let Some(owners) = owners {
        query.and_any("l.owner", owners);
    }
    let key = |module: &Module| (module.name.clone(), module.version.clone());
    let page = query.page(db, ("l.name, l.version", Limit::new(1)), module_of, key)?;
    Ok(page.items.into_iter().next())
}

pub(in crate::sqlite) fn modules_of(db: &Connection, owner: &Name) -> rusqlite::Result<ModulesOf> {
    let mut count = db.prepare_cached("SELECT count(*) FROM module_label l WHERE l.owner = ?1")?;
    let versions = count.query_row([owner.as_str()], |row| Cells::of(row).get())?;
    let sql = "SELECT coalesce(sum(m.bytes), 0) FROM module m WHERE m.state != 'refused'
               AND m.digest IN (SELECT l.digest FROM module_label l WHERE l.owner = ?1)";
    let bytes = db.prepare_cached(sql)?.query_row([owner.as_str()], |row| Cells::of(row).get())?;
    Ok(ModulesOf { versions, bytes: Bytes(bytes) })
}

pub(in crate::sqlite) fn module_owners(
    db: &Connection,
    digest: ModuleDigest,
) -> rusqlite::Result<BTreeSet<Option<Name>>> {
    let mut find = db.prepare_cached("SELECT l.owner FROM module_label l WHERE l.digest = ?1")?;
    let owners = find.query_map([digest.0], |row| Cells::of(row).parse_opt())?;
    owners.collect()
}

pub(in crate::sqlite) fn module_named(
    db: &Connection,
    name: &Name,
    version: &Name,
) -> rusqlite::Result<Option<Module>> {
    let sql = format!("{MODULE} WHERE l.name = ?1 AND l.version = ?2");
    db.prepare_cached(&sql)?.query_row([name.as_str(), version.as_str()], module_of).optional()
}

pub(in crate::sqlite) fn modules(
    db: &Connection,
    owners: Option<&[Name]>,
    after: Option<&(Name, Name)>,
    limit: Limit,
) -> Result<Page<Module, (Name, Name)>, LedgerError> {
    let list = |owner: Option<&Name>| {
        let mut query = Query::new(MODULE);
        if let Some(owner) = owner {
            query.and("l.owner = ?", text(owner));
        }
        if let Some((name, version)) = after {
            query.and("(l.name, l.version) > (?", text(name));
            query.sql.push_str(", ?)");
            query.values.push(text(version));
        }
        query
    };
    let lists = match whose(None, owners)? {
        None => vec![list(None)],
        Some(owners) => owners.into_iter().map(|owner| list(Some(owner))).collect(),
    };
    let key = |module: &Module| (module.name.clone(), module.version.clone());
    // The second column is the name, the third the version.
    Ok(merged(lists, db, ("2, 3", limit), module_of, key)?)
}

pub(in crate::sqlite) fn module_versions(
    db: &Connection,
    (name, owners): (&Name, Option<&[Name]>),
    after: Option<&Name>,
    limit: Limit,
) -> Result<Page<Module, Name>, LedgerError> {
    // Of nobody.
    if owners.is_some_and(<[Name]>::is_empty) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let mut query = Query::new(MODULE);
    query.and("l.name = ?", text(name));
    if let Some(owners) = whose(None, owners)? {
        query.and_any("l.owner", owners);
    }
    if let Some(after) = after {
        query.and("l.version > ?", text(after));
    }
    Ok(query.page(db, ("l.version", limit), module_of, |module| module.version.clone())?)
}

fn module_of(row: &Row<'_>) -> rusqlite::Result<Module> {
    let mut cells = Cells::of(row);
    Ok(Module {
        digest: ModuleDigest(cells.get()?),
        name: cells.parse()?,
        version: cells.parse()?,
        owner: cells.parse_opt()?,
        source: cells.parse_opt()?,
        commit: cells.parse_opt()?,
        bytes: Bytes(cells.get()?),
        state: cells.word(ModuleState::of)?,
        reason: cells.parse()?,
        code: cells.parse_opt()?,
        manifest: cells.digest_opt()?,
        since: Timestamp(cells.get()?),
    })
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn what_follows_a_prefix_is_the_next_character() {
        assert_eq!(behind("ab").as_deref(), Some("ac"));
        assert_eq!(behind("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(behind("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind("\u{10ffff}"), None);
    }
}
