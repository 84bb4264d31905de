//! What a page of a scan found, and what becomes of it.

use skein_api::node::Found;
use skein_api::{
    DRIVER_FILES, DatasetAdd, DatasetAdded, DatasetsAdd, List, Location, Name, Scan, ScanAsk, ScanFound,
    Text, Why,
};
use skein_types::codes;

use crate::control::{Control, name};
use crate::error::ServiceError;

/// Datasets that are registered with one wait for the disk.
const CHUNK: usize = 500;

/// Refuses what could not be carried out on any page.
pub(super) fn check(asked: &ScanAsk) -> Result<(), ServiceError> {
    if !asked.below.starts_with('/') {
        let message = format!("{} is no absolute path", asked.below);
        return Err(ServiceError::new(codes::BODY_INVALID, message));
    }
    name("owner", &asked.owner)?;
    for (key, value) in asked.labels.iter() {
        name("a label", key)?;
        name("a label", value)?;
    }
    asked.prefix.as_ref().map_or(Ok(()), |prefix| name("prefix", prefix).map(|_| ()))
}

/// Adds a page to the totals.
pub(super) fn count(scan: &mut Scan, items: &[ScanFound]) {
    let mut refused = std::mem::take(&mut scan.refused).into_vec();
    for item in items {
        scan.found += 1;
        let why = match &item.became {
            Some(DatasetAdded::Added(_)) => {
                scan.added += 1;
                None
            }
            Some(DatasetAdded::Known(_)) => {
                scan.known += 1;
                None
            }
            Some(DatasetAdded::Refused(why)) => Some(why),
            None => item.why.as_ref(),
        };
        if let Some(why) = why {
            scan.refusals += 1;
            refused.push((item.location.clone(), why.clone()));
        }
    }
    scan.refused = List::first(refused).0;
}

impl Control {
    /// What becomes of what was found: registered, if that was asked for and it can be a dataset.
    pub(super) fn taken_in(
        &self,
        record: &super::Record,
        found: Vec<Found>,
    ) -> Result<Vec<ScanFound>, ServiceError> {
        let asked = &record.scan.asked;
        let who = self.whose(record)?;
        let mut items: Vec<ScanFound> = found.into_iter().map(|found| item(asked, found)).collect();
        if asked.look_only {
            return Ok(items);
        }
        let fit: Vec<usize> = (0..items.len()).filter(|at| items[*at].why.is_none()).collect();
        for some in fit.chunks(CHUNK) {
            let adds = some.iter().map(|at| add(asked, &items[*at])).collect();
            let answers = self.add_datasets(&who, DatasetsAdd { datasets: List::first(adds).0 })?;
            for (at, answer) in some.iter().zip(answers.datasets) {
                items[*at].became = Some(answer);
            }
        }
        Ok(items)
    }
}

fn item(asked: &ScanAsk, found: Found) -> ScanFound {
    let path = found.location.strip_prefix(asked.below.trim_end_matches('/')).unwrap_or(&found.location);
    let named = format!("{}{}", asked.prefix.as_deref().unwrap_or_default(), path.trim_start_matches('/'));
    let (name, why) = match Name::new(named.clone()) {
        Ok(name) => (name, found.why),
        Err(error) => {
            let why = Why::new(codes::BODY_INVALID, &format!("its name: {error}"), Some("add it by hand"));
            (Text::escaped(&named), found.why.or(Some(why)))
        }
    };
    let (location, bytes, files) = (found.location, found.bytes, found.files);
    ScanFound { location, name, bytes, files, why, became: None }
}

fn add(asked: &ScanAsk, item: &ScanFound) -> DatasetAdd {
    DatasetAdd {
        name: item.name.clone(),
        driver: Text::escaped(DRIVER_FILES),
        location: Location::clone(&item.location),
        state: None,
        owner: asked.owner.clone(),
        labels: asked.labels.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, ScanAsk, item};
    use serde_json::{from_value, json};

    #[test]
    fn a_name_is_the_path_from_where_was_looked_behind_the_prefix() {
        let asked = |below: &str, prefix: &str| -> ScanAsk {
            from_value(json!({ "below": below, "owner": "shop", "prefix": prefix })).unwrap()
        };
        let found = |at: &str| -> Found {
            from_value(json!({ "location": at, "bytes": 1, "files": 1, "why": null })).unwrap()
        };
        assert_eq!(item(&asked("/d", "eu/"), found("/d/sales/nz")).name.as_str(), "eu/sales/nz");
        assert_eq!(item(&asked("/d/", "x-"), found("/d/nz")).name.as_str(), "x-nz");
        let long = format!("/d/{}", "n".repeat(201));
        assert_eq!(item(&asked("/d", "x"), found(&long)).why.unwrap().code.as_str(), "SK0664");
    }
}
