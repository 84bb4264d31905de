//! What a page of a scan found, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use skein_api::node::Found;
use skein_api::{
    DRIVER_FILES, DatasetAdd, DatasetAdded, DatasetsAdd, Labels, List, Location, Name, PathSays, Scan,
    ScanAsk, ScanFound, Text, Why,
};
use skein_types::codes;

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;

/// Datasets that are registered with one wait for the disk.
const CHUNK: usize = 500;

/// Refuses what could not be carried out on any page.
pub(crate) fn check(asked: &ScanAsk) -> Result<(), ServiceError> {
    let refused = |message: String| Err(ServiceError::new(codes::BODY_INVALID, message));
    if !asked.below.starts_with('/') {
        return refused(format!("{} is no absolute path", asked.below));
    }
    match (&asked.owner, paths_say_owner(asked)) {
        (None, true) => {}
        (Some(owner), false) => name("owner", owner).map(|_| ())?,
        (Some(_), true) => {
            return refused("whose it is is said twice: as owner, and by {owner} in the layout".to_owned());
        }
        (None, false) => {
            let message = "it is not said which team it shall belong to";
            return Err(ServiceError::new(codes::OWNER_NEEDED, message)
                .hint(Some("say the owner, or let the layout have {owner} where it stands in the path")));
        }
    }
    for (key, value) in asked.labels.iter() {
        name("a label", key)?;
        name("a label", value)?;
    }
    let keys: BTreeSet<&str> = asked.labels.iter().map(|(key, _)| key).collect();
    let more: Vec<&str> = asked.layout.iter().flat_map(|layout| layout.label_keys()).collect();
    if let Some(twice) = more.iter().find(|key| keys.contains(*key)) {
        return refused(format!("the label {twice:?} is said twice: for all, and by the layout"));
    }
    if keys.len() + more.len() > Labels::MAX {
        return refused(format!("more than {} labels", Labels::MAX));
    }
    asked.prefix.as_ref().map_or(Ok(()), |prefix| name("prefix", prefix).map(|_| ()))
}

/// Whether each path says whose its dataset is.
fn paths_say_owner(asked: &ScanAsk) -> bool {
    asked.layout.as_ref().is_some_and(skein_api::Layout::has_owner)
}

/// Whether something lies elsewhere than was asked for: the directory was replaced by a link meanwhile.
pub(super) fn strays(asked: &ScanAsk, found: &[Found]) -> bool {
    found.iter().any(|found| !Path::new(&*found.location).starts_with(&*asked.below))
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
    /// The directory that is meant, with no links in its path, if the principal may look there.
    pub(super) fn place_to_scan(&self, who: &Principal, asked: &ScanAsk) -> Result<Location, ServiceError> {
        let place = match asked.owner.as_deref() {
            Some(owner) => {
                let place = self.place_of(who, owner, &asked.below)?;
                if !self.is_team(owner)? {
                    return Err(ServiceError::absent("team", owner));
                }
                place
            }
            None => Path::new(&*asked.below).to_owned(),
        };
        // One that is not there is told by whoever looks for it.
        let Ok(real) = std::fs::canonicalize(place) else { return Ok(asked.below.clone()) };
        Text::new(real.to_string_lossy()).map_err(|error| ServiceError::unfit("below", &error))
    }

    /// What becomes of what was found: registered, if that was asked for and it can be a dataset.
    pub(super) fn taken_in(
        &self,
        record: &super::Record,
        found: Vec<Found>,
    ) -> Result<Vec<ScanFound>, ServiceError> {
        let asked = &record.scan.asked;
        let who = self.whose(record)?;
        let mut items: Vec<ScanFound> = found.into_iter().map(|found| item(asked, found)).collect();
        if paths_say_owner(asked) {
            self.refuse_unknown_teams(&mut items)?;
        }
        if asked.look_only {
            self.foresee(&who, &mut items)?;
            return Ok(items);
        }
        let fit: Vec<(usize, DatasetAdd)> =
            items.iter().enumerate().filter_map(|(at, item)| Some((at, add(item)?))).collect();
        for some in fit.chunks(CHUNK) {
            let adds = some.iter().map(|(_, add)| add.clone()).collect();
            let answers = self.add_datasets(&who, DatasetsAdd { datasets: List::first(adds).0 })?;
            for ((at, _), answer) in some.iter().zip(answers.datasets) {
                items[*at].became = Some(answer);
            }
        }
        Ok(items)
    }

    /// A word in a path is a team only if there is one.
    fn refuse_unknown_teams(&self, items: &mut [ScanFound]) -> Result<(), ServiceError> {
        let mut known = BTreeMap::new();
        for item in items.iter_mut().filter(|item| item.why.is_none()) {
            let Some(owner) = item.owner.clone() else { continue };
            if !known.contains_key(&owner) {
                known.insert(owner.clone(), self.is_team(&owner)?);
            }
            if known.get(&owner) == Some(&false) {
                let absent = ServiceError::absent("team", &owner);
                item.why = Some(Why::new(absent.code, &absent.message, Some("an admin adds teams")));
            }
        }
        Ok(())
    }

    /// What registering would come to, as far as names tell: whether another one has it, or it is registered just so.
    fn foresee(&self, who: &Principal, items: &mut [ScanFound]) -> Result<(), ServiceError> {
        for item in items {
            let Some(add) = add(item) else { continue };
            let Some(there) = self.ledger.dataset_named(&name("name", &item.name)?)? else { continue };
            if crate::datasets::is_just_so(&there, &add, &add.location) {
                item.became = Some(DatasetAdded::Known(there.id));
            } else {
                let same_place = there.location.as_str() == &*item.location;
                let taken = crate::datasets::taken(who, &there, same_place);
                item.why = Some(Why::new(taken.code, &taken.message, taken.hint.as_deref()));
            }
        }
        Ok(())
    }
}

fn item(asked: &ScanAsk, found: Found) -> ScanFound {
    let path = Path::new(&*found.location).strip_prefix(&*asked.below).ok().and_then(Path::to_str);
    let path = path.unwrap_or(&found.location).trim_start_matches('/');
    let named = format!("{}{path}", asked.prefix.as_deref().unwrap_or_default());
    let (name, why) = match Name::new(named.clone()) {
        Ok(name) => (name, None),
        Err(error) => {
            let why = Why::new(codes::BODY_INVALID, &format!("its name: {error}"), Some("add it by hand"));
            (Text::escaped(&named), Some(why))
        }
    };
    let (says, unfit) = match asked.layout.as_ref().map(|layout| layout.read(path)) {
        None => (PathSays::default(), None),
        Some(Ok(says)) => (says, None),
        Some(Err(error)) => {
            let hint = "move it, or scan the directory that it lies in with another layout";
            (PathSays::default(), Some(Why::new(codes::PATH_UNFIT, &error.to_string(), Some(hint))))
        }
    };
    let labels = says.labels.and(&asked.labels);
    let owner = asked.owner.clone().or(says.owner);
    let why = found.why.or(why).or(unfit);
    let (location, bytes, files) = (found.location, found.bytes, found.files);
    ScanFound { location, name, owner, labels, bytes, files, why, became: None }
}

/// Of what can be a dataset and says whose it is.
fn add(item: &ScanFound) -> Option<DatasetAdd> {
    let owner = item.owner.clone().filter(|_| item.why.is_none())?;
    Some(DatasetAdd {
        name: item.name.clone(),
        driver: Text::escaped(DRIVER_FILES),
        location: Location::clone(&item.location),
        state: None,
        owner,
        labels: item.labels.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Found, ScanAsk, add, check, item, strays};
    use serde_json::{Value, from_value, json};
    use std::collections::BTreeMap;

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

    #[test]
    fn what_a_path_says_stands_beside_what_is_said_for_all_and_what_does_not_fit_is_refused() {
        let asked: ScanAsk = from_value(json!({
            "below": "/d", "layout": "{owner}/{label:region}/**", "labels": { "tier": "gold" }, "prefix": "wh/",
        }))
        .unwrap();
        let found = |at: &str, why: Value| -> Found {
            from_value(json!({ "location": at, "bytes": 1, "files": 1, "why": why })).unwrap()
        };
        let one = item(&asked, found("/d/pay/eu/orders", Value::Null));
        let labels: Vec<_> = one.labels.iter().collect();
        assert_eq!((one.name.as_str(), one.owner.as_deref()), ("wh/pay/eu/orders", Some("pay")));
        assert_eq!((labels, one.why.as_ref()), (vec![("region", "eu"), ("tier", "gold")], None));
        assert_eq!(add(&one).unwrap().owner.as_str(), "pay");
        let short = item(&asked, found("/d/pay/orders", Value::Null));
        let why = short.why.clone().unwrap();
        let said = "its path has 2 of the 3 parts that the layout asks for";
        assert_eq!((why.code.as_str(), why.message.as_str()), ("SK0765", said));
        assert_eq!((short.owner.as_ref(), add(&short)), (None, None));
        // What it is by itself comes first.
        let why = json!({ "code": "SK0511", "class": "bad_input", "message": "m", "hint": null });
        assert_eq!(item(&asked, found("/d/t", why)).why.unwrap().code.as_str(), "SK0511");
    }

    #[test]
    fn a_scan_that_says_nothing_or_two_things_of_an_owner_or_a_label_is_refused() {
        let code = |more: Value| {
            let mut body = json!({ "below": "/d" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            check(&from_value(body).unwrap()).err().map(|error| error.code.id)
        };
        assert_eq!(code(json!({ "owner": "pay" })), None);
        assert_eq!(code(json!({ "layout": "{owner}/**" })), None);
        assert_eq!(code(json!({ "owner": "pay", "layout": "{label:a}/**" })), None);
        assert_eq!(code(json!({})), Some("SK0698"));
        assert_eq!(code(json!({ "layout": "{label:a}/**" })), Some("SK0698"));
        assert_eq!(code(json!({ "owner": "pay", "layout": "{owner}/**" })), Some("SK0664"));
        let twice = json!({ "owner": "pay", "layout": "{label:a}", "labels": { "a": "x" } });
        assert_eq!(code(twice), Some("SK0664"));
        let many: BTreeMap<String, &str> = (0..32).map(|n| (format!("k{n}"), "v")).collect();
        assert_eq!(code(json!({ "owner": "pay", "labels": many })), None);
        let more = json!({ "owner": "pay", "layout": "{label:a}", "labels": many });
        assert_eq!(code(more), Some("SK0664"));
    }

    #[test]
    fn what_lies_elsewhere_strays() {
        let asked: ScanAsk = from_value(json!({ "below": "/d/pay", "owner": "pay" })).unwrap();
        let found = |at: &str| -> Found {
            from_value(json!({ "location": at, "bytes": 1, "files": 1, "why": null })).unwrap()
        };
        assert!(!strays(&asked, &[found("/d/pay/a")]));
        assert!(strays(&asked, &[found("/d/pay/a"), found("/d/payments/a")]));
    }
}
