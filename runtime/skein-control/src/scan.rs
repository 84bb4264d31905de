//! Scans: nodes look for datasets below a directory, page by page, and what they find is registered if that was asked for.
//!
//! ```text
//! begin     the record, durable; then the task of the first page
//! page      a node's answer waits in the row of its task
//! take      what was found is registered, written down as a page, the record goes on; then one unit: the row goes, the
//!           task of the next page comes
//! end       no more pages, a failure, or somebody who cancels it: the record says which
//! ```
//! A scan is work and no decision: its record is a file beside the ledger. Whoever dies between two steps finds the record and at
//! most one row, and does the step again; to register twice is to find it registered. The name of a page's task follows from the
//! scan and the number of the page, so there is never more than one.

mod found;

use std::collections::BTreeMap;

use skein_api::node::{Payload, ScanTask};
use skein_api::{List, Location, Name, Page, Scan, ScanAsk, ScanFound, Time, Why};
use skein_ledger::{Actor, Enqueue, Entry, PhaseName, SizeClass, Task, TaskKind};
use skein_types::{Blake3, Bytes, CauseId, Role, TaskId, Timestamp, codes};
use uuid::Uuid;

use crate::access::{Act, Principal, Right};
use crate::control::{Control, State, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::looks::Looked;
use crate::shown;

pub(crate) use found::check;

/// Scans of one team that are under way at a time.
const AT_A_TIME: usize = 8;
/// Scans of one team that are remembered.
const KEPT: usize = 64;
/// Pages of one scan.
const PAGES_MAX: u64 = 1_000;
/// Nodes that may die with a page before the scan is given up.
const DEATHS_MAX: u32 = 3;
/// What a page may take; a node has little else to do meanwhile.
const COST: Bytes = Bytes::mib(64);

/// Scans that have not ended.
pub(crate) type Scans = BTreeMap<TaskId, Record>;

/// A scan as it is written down.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Record {
    scan: Scan,
    /// The last place that was found.
    after: Option<Location>,
    /// Who asked for it: what it finds is registered in that name.
    #[serde(default)]
    by: Option<By>,
    /// The request that it began with, if that can be asked again.
    #[serde(default)]
    cause: Option<CauseId>,
}

/// Whoever asked for a scan, who may have lost its token since.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct By {
    actor: String,
    /// Not only where the team's data may be.
    anywhere: bool,
}

impl Control {
    /// Begins to look.
    pub(crate) fn begin_scan(&self, who: &Principal, mut asked: ScanAsk) -> Result<Scan, ServiceError> {
        asked.below = self.place_to_scan(who, &asked)?;
        let id = TaskId::new(Uuid::now_v7());
        let scan = Scan {
            scan: id,
            asked,
            since: Time(self.clock.now()),
            done: false,
            pages: 0,
            found: 0,
            added: 0,
            known: 0,
            refusals: 0,
            refused: List::EMPTY,
            why: None,
            waits: None,
        };
        let record = Record {
            scan: scan.clone(),
            after: None,
            by: Some(By { actor: who.actor().to_owned(), anywhere: who.may(Act::Register, None) }),
            cause: who.cause,
        };
        let mut state = self.state();
        if let Some(before) = self.begun_by(who, &state)? {
            return Ok(before);
        }
        let own = state.scans.values().filter(|other| other.scan.asked.owner == record.scan.asked.owner);
        if own.count() >= AT_A_TIME {
            let message = format!("{AT_A_TIME} scans are under way");
            return Err(ServiceError::new(codes::SCANS_BUSY, message)
                .hint(Some("wait for one of them, or cancel one")));
        }
        self.forget_old_scans(&state, record.scan.asked.owner.as_ref())?;
        self.note(&record)?;
        self.write(who.unit().then(entry(&record)))?;
        state.scans.insert(id, record);
        self.wake.nodes();
        Ok(scan)
    }

    /// The scan that this request began already.
    fn begun_by(&self, who: &Principal, state: &State) -> Result<Option<Scan>, ServiceError> {
        if who.cause.is_none() {
            return Ok(None);
        }
        for name in self.scan_names()? {
            let Some(id) = name.parse().ok() else { continue };
            let record = match state.scans.get(&id) {
                Some(record) => Some(record.clone()),
                None => self.noted(id)?,
            };
            if let Some(record) = record.filter(|record| record.cause == who.cause) {
                return Ok(Some(record.scan));
            }
        }
        Ok(None)
    }

    /// A scan.
    pub(crate) fn scan(&self, named: &str) -> Result<Scan, ServiceError> {
        let id: TaskId = named.parse().map_err(|_| ServiceError::absent("scan", named))?;
        let state = self.state();
        if let Some(record) = state.scans.get(&id) {
            return Ok(Scan { waits: self.nothing_begins(&state)?, ..record.scan.clone() });
        }
        drop(state);
        Ok(self.noted(id)?.ok_or_else(|| ServiceError::absent("scan", named))?.scan)
    }

    /// Scans, in the order in which they began.
    pub(crate) fn scans(
        &self,
        part: &ListPart,
        may_see: impl Fn(&Scan) -> bool,
    ) -> Result<Page<Scan>, ServiceError> {
        let after = part.after.as_deref().unwrap_or_default();
        let named: Vec<String> = self.scan_names()?.into_iter().filter(|name| &**name > after).collect();
        let mut scans = named.iter().map(|name| self.scan(name)).collect::<Result<Vec<Scan>, _>>()?;
        scans.retain(may_see);
        let more = scans.len() > part.items();
        scans.truncate(part.items());
        let next = scans.last().filter(|_| more).map(|scan| scan.scan.to_string());
        shown::page(scans, next, Ok)
    }

    /// A page of what a scan found.
    pub(crate) fn scan_found(&self, named: &str, part: &ListPart) -> Result<Page<ScanFound>, ServiceError> {
        let scan = self.scan(named)?;
        let number = part.after.as_deref().map_or(Ok(0), |after| {
            after
                .parse::<u64>()
                .map_err(|_| ServiceError::new(codes::BODY_INVALID, format!("{after:?} is no number")))
        })?;
        let bytes = self.shelf_of_scans.get(&page_file(scan.scan, number))?;
        let items: Vec<ScanFound> = bytes
            .map_or(Ok(Vec::new()), |bytes| serde_json::from_slice(&bytes))
            .map_err(|error| ServiceError::bug(format!("page {number} of {named}: {error}")))?;
        let next = number.checked_add(1).filter(|next| *next < scan.pages).map(|next| next.to_string());
        shown::page(items, next, Ok)
    }

    /// Ends a scan early. What it has registered stays so.
    pub(crate) fn cancel_scan(&self, who: &Principal, named: &str) -> Result<Scan, ServiceError> {
        let id: TaskId = named.parse().map_err(|_| ServiceError::absent("scan", named))?;
        let mut state = self.state();
        let Some(mut record) = state.scans.get(&id).cloned() else {
            drop(state);
            return self.scan(named);
        };
        record.ends(Some(Why::new(codes::CANCELLED, "it was cancelled", None)));
        self.note(&record)?;
        state.scans.remove(&id);
        let page = page_task(id, record.scan.pages);
        if let Some(task) = self.ledger.task(page)? {
            // Without its hold the node is told that the task is not its any more.
            for seat in state.fleet.seats.values_mut() {
                seat.holds.remove(&page);
            }
            self.write(who.unit().then(Entry::Remove { task: page, token: task.token }))?;
        }
        Ok(record.scan)
    }

    /// At the start: scans that the process before did not end are gone on with.
    pub(crate) fn resume_scans(&self) -> Result<(), ServiceError> {
        let mut state = self.state();
        for name in self.scan_names()? {
            let Some(id) = name.parse().ok() else { continue };
            if let Some(record) = self.noted(id)?.filter(|record| !record.scan.done) {
                state.scans.insert(id, record);
            }
        }
        // Rows of pages that were taken in, or of scans that ended.
        let pages: Vec<TaskId> =
            state.scans.values().map(|record| page_task(record.scan.scan, record.scan.pages)).collect();
        self.remove_tasks(|task| task.kind == TaskKind::Scan && !pages.contains(&task.id))
    }

    /// Takes in what nodes found; true if there was something.
    pub(crate) fn attend_scans(&self) -> bool {
        let scans: Vec<Record> = self.state().scans.values().cloned().collect();
        let mut done = false;
        for record in scans {
            let id = record.scan.scan;
            match self.attend_scan(record) {
                Ok(did) => done |= did,
                Err(error) => {
                    tracing::warn!(scan = %id, code = error.code.id, %error, "a scan cannot go on just now")
                }
            }
        }
        done
    }

    fn attend_scan(&self, mut record: Record) -> Result<bool, ServiceError> {
        let page = page_task(record.scan.scan, record.scan.pages);
        let Some(task) = self.ledger.task(page)? else {
            // The process died after the record, or the row was lost.
            let state = self.state();
            if state.scans.contains_key(&record.scan.scan) {
                self.write(self.itself.unit().then(entry(&record)))?;
                self.wake.nodes();
            }
            return Ok(false);
        };
        let dies = task.deaths >= DEATHS_MAX;
        let looked = match self.looked(&task)? {
            Some(looked) => looked,
            None if dies => {
                Looked::Failed(Why::new(codes::BUG, "nodes die of looking through this page", None))
            }
            None => return Ok(false),
        };
        match looked {
            Looked::Scanned(scanned) if found::strays(&record.scan.asked, &scanned.found) => {
                let message = "the directory was replaced by a link to another one";
                record.ends(Some(Why::new(codes::PLACE_REFUSED, message, None)));
            }
            Looked::Scanned(scanned) => {
                let (number, more) = (record.scan.pages, scanned.more && !scanned.found.is_empty());
                record.after = scanned.found.last().map(|last| last.location.clone()).or(record.after);
                // Without the lock: places are looked at and markers written.
                let items = self.taken_in(&record, scanned.found.into_vec())?;
                let file = page_file(record.scan.scan, number);
                let bytes =
                    serde_json::to_vec(&items).map_err(|error| ServiceError::bug(error.to_string()))?;
                self.shelf_of_scans.put(&file, &bytes)?;
                record.takes(&items);
                if !more {
                    record.ends(None);
                } else if record.scan.pages >= PAGES_MAX {
                    let message = format!("it ended after {PAGES_MAX} pages; there may be more");
                    record.ends(Some(Why::new(codes::PLACE_REFUSED, &message, None)));
                }
            }
            Looked::Failed(why) => record.ends(Some(why)),
            Looked::Planned(_)
            | Looked::Sampled(_)
            | Looked::Checked(_)
            | Looked::Scrubbed(_)
            | Looked::InBlob => {
                record.ends(Some(Why::new(codes::BUG, "a node answered something else", None)));
            }
        }
        self.go_on(record, &task)
    }

    fn go_on(&self, record: Record, task: &Task) -> Result<bool, ServiceError> {
        let mut state = self.state();
        let id = record.scan.scan;
        if !state.scans.contains_key(&id) {
            // Cancelled meanwhile.
            return Ok(true);
        }
        self.note(&record)?;
        let mut unit = self.itself.unit().then(Entry::Remove { task: task.id, token: task.token });
        if record.scan.done {
            state.scans.remove(&id);
        } else {
            unit = unit.then(entry(&record));
            state.scans.insert(id, record);
        }
        self.write(unit)?;
        self.wake.nodes();
        Ok(true)
    }

    /// Pages that may be given to a node now.
    pub(crate) fn scans_to_give(&self, state: &State, most: u32) -> Result<Vec<Task>, ServiceError> {
        let mut given = Vec::new();
        // Those that have had least first: no team's scans keep another's waiting.
        let mut records: Vec<&Record> = state.scans.values().collect();
        records.sort_by_key(|record| record.scan.pages);
        for record in records {
            if given.len() >= most as usize {
                break;
            }
            let task = self.ledger.task(page_task(record.scan.scan, record.scan.pages))?;
            given.extend(task.filter(|task| task.phase.name() == PhaseName::Ready));
        }
        Ok(given)
    }

    /// What a node is given to look through.
    pub(crate) fn scan_task(&self, state: &State, task: &Task) -> Result<Payload, ServiceError> {
        let of = |record: &&Record| page_task(record.scan.scan, record.scan.pages) == task.id;
        let record = state.scans.values().find(of);
        let record = record.ok_or_else(|| ServiceError::bug("a page of a scan that is over"))?;
        let (below, after) = (record.scan.asked.below.clone(), record.after.clone());
        Ok(Payload::Scan(Box::new(ScanTask { below, after })))
    }

    /// Whoever asked for a scan, with what it takes to register what is found and no more.
    fn whose(&self, record: &Record) -> Result<Principal, ServiceError> {
        let Some(By { actor, anywhere }) = &record.by else { return Ok(self.everybody().clone()) };
        let actor = Actor::new(actor.as_str()).map_err(|error| ServiceError::bug(error.to_string()))?;
        let team = match (anywhere, record.scan.asked.owner.as_deref()) {
            (true, _) => None,
            (false, Some(owner)) => Some(name("owner", owner)?),
            (false, None) => {
                return Err(ServiceError::bug("a scan for any team by who may not register for all"));
            }
        };
        Ok(Principal::with(actor, vec![Right { team, role: Role::Operator }]))
    }

    fn note(&self, record: &Record) -> Result<(), ServiceError> {
        let bytes = serde_json::to_vec(record).map_err(|error| ServiceError::bug(error.to_string()))?;
        Ok(self.shelf_of_scans.put(&record.scan.scan.to_string(), &bytes)?)
    }

    fn noted(&self, id: TaskId) -> Result<Option<Record>, ServiceError> {
        let bytes = self.shelf_of_scans.get(&id.to_string())?;
        let record = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        record.map_err(|error| ServiceError::bug(format!("the record of {id}: {error}")))
    }

    /// Names of records, oldest first.
    fn scan_names(&self) -> Result<Vec<String>, ServiceError> {
        let names = self.shelf_of_scans.names()?;
        Ok(names.into_iter().filter(|name| name.parse::<TaskId>().is_ok()).collect())
    }

    /// Makes room for one more of a team.
    fn forget_old_scans(&self, state: &State, owner: Option<&Name>) -> Result<(), ServiceError> {
        let mut own = Vec::new();
        for id in self.scan_names()?.into_iter().filter_map(|name| name.parse::<TaskId>().ok()) {
            own.extend(self.noted(id)?.filter(|record| record.scan.asked.owner.as_ref() == owner));
        }
        let over = (own.len() + 1).saturating_sub(KEPT);
        let ended = own.iter().filter(|record| !state.scans.contains_key(&record.scan.scan));
        for Scan { scan, pages, .. } in ended.map(|record| &record.scan).take(over) {
            for number in 0..*pages {
                self.shelf_of_scans.remove(&page_file(*scan, number))?;
            }
            self.shelf_of_scans.remove(&scan.to_string())?;
        }
        Ok(())
    }
}

impl Record {
    fn ends(&mut self, why: Option<Why>) {
        self.scan.done = true;
        self.scan.why = why;
    }

    /// One more page.
    fn takes(&mut self, items: &[ScanFound]) {
        found::count(&mut self.scan, items);
        self.scan.pages += 1;
    }
}

/// The task of a page.
fn page_task(scan: TaskId, number: u64) -> TaskId {
    if number == 0 {
        return scan;
    }
    let Blake3(digest) = Blake3::of(format!("{scan} {number}").as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    TaskId::new(Uuid::from_bytes(id))
}

fn page_file(scan: TaskId, number: u64) -> String {
    format!("{scan}.page-{number}")
}

fn entry(record: &Record) -> Entry {
    Entry::Enqueue(Enqueue {
        task: page_task(record.scan.scan, record.scan.pages),
        campaign: None,
        seq: None,
        kind: TaskKind::Scan,
        class: SizeClass::Small,
        cost: COST,
        payload: "{}".to_owned(),
        input: None,
        not_before: Timestamp(0),
    })
}
