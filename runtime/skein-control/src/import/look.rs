//! Looking through a list before anything is done about it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use skein_api::{DRIVER_FILES, DatasetLine, Line, Slips};
use skein_ledger::{DatasetFilter, DatasetRegistered, Labels, Limit, Name, Text};
use skein_types::{DatasetId, codes};
use uuid::Uuid;

use super::{ImportAsk, refused};
use crate::access::{Act, Principal};
use crate::control::{Control, name};
use crate::error::ServiceError;

/// A dataset that would be registered, with its line.
type Fit = Line<DatasetRegistered>;

/// A list that was looked at.
pub(super) struct Looked {
    slips: Slips,
    taken: Taken,
    fits: Vec<Fit>,
}

/// Lines by what no two of them may have.
#[derive(Default)]
struct Taken {
    names: BTreeMap<String, u64>,
    places: BTreeMap<String, u64>,
}

impl Control {
    /// Looks at every line by itself, and at its place.
    pub(super) fn looked_through(
        &self,
        who: &Principal,
        lines: Vec<Line<DatasetLine>>,
        asked: &ImportAsk,
    ) -> Result<Looked, ServiceError> {
        let unknown = self.unknown_teams(who, &lines, asked)?;
        let (mut slips, mut taken, mut fits) = (Slips::default(), Taken::default(), Vec::new());
        for Line { line, item } in lines {
            let fit = self.fit(who, item, (asked, &unknown));
            match fit.and_then(|fit| taken.by(line, &fit).map(|()| fit)) {
                Ok(item) => fits.push(Line { line, item }),
                // Ours to mend, and of no line.
                Err(error) if error.code == codes::BUG => return Err(error),
                Err(error) => slips.add(line, &error.message),
            }
        }
        Ok(Looked { slips, taken, fits })
    }

    /// What of a list is new, and how much is registered just so already. Refuses it if any line does not fit. As true as long as nobody
    /// else registers anything.
    pub(super) fn still_free(&self, looked: Looked) -> Result<(Vec<Fit>, u64), ServiceError> {
        let Looked { mut slips, taken, mut fits } = looked;
        let known = self.without_known(&mut fits, &mut slips)?;
        self.refuse_places(&fits, &taken, &mut slips)?;
        if slips.is_empty() { Ok((fits, known)) } else { Err(refused(&slips)) }
    }

    /// Teams of a list that there are not, for whoever asks. Whoever lacks the role in one that there is is told so.
    fn unknown_teams(
        &self,
        who: &Principal,
        lines: &[Line<DatasetLine>],
        asked: &ImportAsk,
    ) -> Result<BTreeSet<String>, ServiceError> {
        let said = |line: &Line<DatasetLine>| line.item.owner.as_ref().map(|owner| owner.to_string());
        let teams: BTreeSet<String> = lines.iter().filter_map(said).chain(asked.owner.clone()).collect();
        let mut unknown = BTreeSet::new();
        for team in teams {
            match who.check(Act::Register, Some(&team), ("team", &team)) {
                Err(error) if error.code == codes::ROLE_MISSING => return Err(error),
                Ok(()) if self.is_team(&team)? => {}
                Ok(()) | Err(_) => {
                    unknown.insert(team);
                }
            }
        }
        Ok(unknown)
    }

    /// Whether there is such a team. Where there is one user teams are words.
    pub(crate) fn is_team(&self, team: &str) -> Result<bool, ServiceError> {
        if self.single_user {
            return Ok(true);
        }
        let Ok(team) = Name::new(team) else { return Ok(false) };
        Ok(self.ledger.team(&team)?.is_some())
    }

    fn fit(
        &self,
        who: &Principal,
        item: DatasetLine,
        (asked, unknown): (&ImportAsk, &BTreeSet<String>),
    ) -> Result<DatasetRegistered, ServiceError> {
        let owner = item.owner.as_deref().or(asked.owner.as_deref());
        let owner = owner.ok_or_else(|| {
            ServiceError::new(codes::OWNER_NEEDED, "it is not said which team it shall belong to")
        })?;
        if unknown.contains(owner) {
            return Err(ServiceError::absent("team", owner));
        }
        let mut labels = Labels::new();
        for (key, value) in item.labels.iter() {
            labels.insert(name("a label", key)?, name("a label", value)?);
        }
        let (named, owner) = (name("name", &item.name)?, name("owner", owner)?);
        let place = self.place_of(who, owner.as_str(), &item.path)?;
        let path = self.open_at(&place)?.path();
        self.may_be_of(who, owner.as_str(), &path)?;
        // The real path: two names for one place are one dataset.
        let location = path.to_str().ok_or_else(|| {
            ServiceError::new(codes::BODY_INVALID, format!("{} is no text", path.display()))
        })?;
        Ok(DatasetRegistered {
            dataset: DatasetId::new(Uuid::now_v7()),
            name: named,
            driver: name("driver", DRIVER_FILES)?,
            location: Text::new(location).map_err(|error| ServiceError::unfit("path", &error))?,
            owner,
            labels,
        })
    }

    /// Takes out what is registered just so, and counts it. Another one of the same name is a slip.
    fn without_known(&self, fits: &mut Vec<Fit>, slips: &mut Slips) -> Result<u64, ServiceError> {
        let (mut known, mut new) = (0, Vec::with_capacity(fits.len()));
        for fit in fits.drain(..) {
            let Some(there) = self.ledger.dataset_named(&fit.item.name)? else {
                new.push(fit);
                continue;
            };
            let Fit { line, item } = fit;
            if there.location != item.location {
                slips.add(line, &format!("the name {:?} is that of another dataset", item.name.as_str()));
            } else if there.owner != item.owner || there.labels != item.labels {
                slips.add(line, "it is registered already, with another owner or other labels");
            } else {
                known += 1;
            }
        }
        *fits = new;
        Ok(known)
    }

    /// Places of new ones that are registered under other names.
    fn refuse_places(&self, fits: &[Fit], taken: &Taken, slips: &mut Slips) -> Result<(), ServiceError> {
        if fits.is_empty() {
            return Ok(());
        }
        let new: BTreeSet<u64> = fits.iter().map(|fit| fit.line).collect();
        let mut after = None;
        loop {
            let page = self.ledger.datasets(&DatasetFilter::default(), after.as_ref(), Limit::MAX)?;
            for there in &page.items {
                if let Some(line) =
                    taken.places.get(there.location.as_str()).filter(|line| new.contains(line))
                {
                    slips.add(*line, "its place is that of a dataset with another name");
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl Taken {
    fn by(&mut self, line: u64, fit: &DatasetRegistered) -> Result<(), ServiceError> {
        let both = [
            (&mut self.names, fit.name.as_str(), "name"),
            (&mut self.places, fit.location.as_str(), "place"),
        ];
        for (taken, text, what) in both {
            match taken.entry(text.to_owned()) {
                Entry::Vacant(free) => {
                    free.insert(line);
                }
                Entry::Occupied(other) => {
                    let message = format!("the same {what} as in line {}", other.get());
                    return Err(ServiceError::new(codes::DATASET_TAKEN, message));
                }
            }
        }
        Ok(())
    }
}
