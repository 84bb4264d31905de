//! The one object that everything goes through: ledger, modules, campaigns and nodes.
//!
//! Two kinds of state. What is decided and what is queued is the ledger's, durable. What is here in memory (machines made
//! from it, seats of nodes) is soft: it is made again from the ledger and from what nodes say, so a restart loses nothing.
//! All of it lies behind one lock, which is held for decisions and never while files are touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use skein_api::node::Secret;
use skein_dataset::ProbeCache;
use skein_ledger::{Actor, Entry, Ledger, Name, Sqlite, Unit, UnitOutcome};
use skein_types::{Bytes, CampaignId, Clock, DatasetId, ServerId, Timestamp, TraceId, codes};

use crate::access::Principal;
use crate::approvals::Hands;
use crate::audit::signing::Signing;
use crate::compiler::Compiling;
use crate::counters::Counters;
use crate::datasets::rules::sight::Sights;
use crate::decide::{self, Told};
use crate::division::Division;
use crate::door::Trips;
use crate::error::ServiceError;
use crate::feed::Feed;
use crate::fleet::Fleet;
use crate::herald::{Bell, Notices};
use crate::live::Live;
use crate::map::Course;
use crate::metrics::Metrics;
use crate::modules::Modules;
use crate::once::UnderWay;
use crate::places::{Most, Places};
use crate::points::point;
use crate::prices::Prices;
use crate::roots::Roots;
use crate::scan::Scans;
use crate::sessions::Sessions;
use crate::shelf::Shelf;
use crate::soak::Watch;
use crate::soak::chores::Chores;
use crate::soak::scrub::Scrubbing;
use crate::submit::{UPLOADS, UPLOADS_OF_TEAM};
use crate::tokens::Uses;
use crate::vault::{SecretKeys, Vault};
use crate::wake::Wake;

/// Of a page of what a scan found.
const SCAN_PAGE_MAX: Bytes = Bytes::mib(16);

/// What control is opened with.
#[derive(Debug)]
pub struct Options {
    /// Its state directory.
    pub dir: PathBuf,
    /// The binary, which compiles modules as `skein compile`.
    pub exe: PathBuf,
    /// Where people find it: written into what it manages.
    pub address: String,
    /// Where the nodes of this machine find it.
    pub nodes_at: String,
    /// Seed of the key that signs compiled modules.
    pub artifact_key: [u8; 32],
    /// Where the data of each team may be.
    pub roots: Roots,
    /// Where the files of its keys are, for a backup that is to have them.
    pub keys: PathBuf,
    /// What use costs.
    pub prices: Option<Prices>,
    /// Of teams' secrets. Not kept in the directory.
    pub secret_keys: SecretKeys,
    /// Whoever reaches it without a token is the one user of this machine, who may do everything.
    pub single_user: bool,
    /// How receivers are told what happens.
    pub notices: Notices,
    /// Bytes in a second that versions are read again with in the background; 0: not at all.
    pub scrub: Bytes,
    /// Spans of this process that no collector got.
    pub spans_lost: Arc<AtomicU64>,
    /// Told how many modules are compiled before anything is answered, if any are: that takes seconds.
    pub compiles_first: fn(usize),
    /// Shown by every node: new with each process, so that nodes of an earlier one are strangers.
    pub secret: Secret,
}

/// Control.
#[derive(Debug)]
pub struct Control {
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) modules: Modules,
    pub(crate) vault: Vault,
    /// What statements are signed with.
    pub(crate) signing: Signing,
    /// Records of scans and pages of what they found.
    pub(crate) shelf_of_scans: Shelf,
    /// The list of datasets that is being registered, for whoever comes after a crash.
    pub(crate) shelf_of_imports: Shelf,
    /// Held alone by whoever registers a whole list, together by whoever registers each by itself.
    pub(crate) registering: RwLock<()>,
    /// Held by whoever reads the whole record.
    pub(crate) verifying: Mutex<()>,
    pub(crate) probes: Arc<ProbeCache>,
    pub(crate) wake: Wake,
    pub(crate) metrics: Metrics,
    /// Wakes the herald.
    pub(crate) bell: Arc<Bell>,
    pub(crate) notices: Notices,
    /// What decides where no person does.
    pub(crate) itself: Principal,
    /// Who asks, where there is one user.
    user: Principal,
    /// Who manages its datasets. Stays for as long as the state directory.
    pub(crate) server: ServerId,
    /// When this process opened it.
    pub(crate) started: Started,
    /// Its state directory, and that of its keys.
    pub(crate) dir: PathBuf,
    pub(crate) keys: PathBuf,
    address: String,
    pub(crate) nodes_at: String,
    pub(crate) roots: Roots,
    pub(crate) prices: Option<Prices>,
    pub(crate) single_user: bool,
    pub(crate) scrub_rate: Option<Bytes>,
    pub(crate) spans_lost: Arc<AtomicU64>,
    secret: Secret,
    pub(crate) uses: Mutex<Uses>,
    pub(crate) sights: Mutex<Sights>,
    pub(crate) under_way: UnderWay,
    pub(crate) feed: Feed,
    pub(crate) compiling: Compiling,
    pub(crate) hands: Mutex<Hands>,
    pub(crate) sessions: Sessions,
    /// Canary runs that go back and forth in a thread of their own.
    pub(crate) trips: Trips,
    /// Places for modules that are being sent.
    pub(crate) uploads: Arc<Places<Name>>,
    state: Mutex<State>,
    /// A node spoke, or is gone.
    pub(crate) heard: Condvar,
}

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) at: Timestamp,
    pub(crate) elapsed: Duration,
}

/// What is in memory.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Campaigns that are not over, whether their machines are here or are to be read again.
    pub(crate) open: BTreeSet<CampaignId>,
    pub(crate) campaigns: BTreeMap<CampaignId, Live>,
    pub(crate) fleet: Fleet,
    pub(crate) division: Division,
    /// Datasets of runs that came to rest, whose dead attempts may be of no use any more.
    pub(crate) to_sweep: BTreeSet<DatasetId>,
    pub(crate) counters: Counters,
    pub(crate) scans: Scans,
    pub(crate) chores: Chores,
    pub(crate) soak: BTreeMap<CampaignId, Watch>,
    pub(crate) courses: BTreeMap<CampaignId, Course>,
    pub(crate) scrubbing: Scrubbing,
}

impl Control {
    /// Opens the state directory, which no other process may have.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ServiceError> {
        #[cfg(feature = "crash-points")]
        crate::points::take_in_the_ledgers();
        let Options {
            dir,
            exe,
            address,
            nodes_at,
            artifact_key,
            secret_keys,
            keys,
            roots,
            prices,
            single_user,
            notices,
            scrub,
            spans_lost,
            compiles_first,
            secret,
        } = options;
        let feed = Feed::new();
        let bell = Arc::new(Bell::default());
        let ledger = open_ledger(&dir, &clock, (&bell, &feed))?;
        let modules = Modules::open(&dir, exe, &artifact_key)?;
        let actor = |name: &str| Actor::new(name).map_err(|error| ServiceError::bug(error.to_string()));
        let started = Started { at: clock.now(), elapsed: clock.elapsed() };
        crate::backup::note_keys(&dir, &secret_keys)?;
        let control = Self {
            ledger,
            clock,
            modules,
            vault: Vault::open(&dir, &secret_keys)?,
            signing: Signing::at(keys.join("statements.key")),
            shelf_of_scans: Shelf::open(&dir.join("scans"), SCAN_PAGE_MAX)?,
            shelf_of_imports: Shelf::open(&dir.join("imports"), crate::import::NOTED_MAX)?,
            registering: RwLock::default(),
            verifying: Mutex::default(),
            probes: Arc::default(),
            wake: Wake::default(),
            metrics: Metrics::default(),
            bell,
            notices,
            itself: Principal::control(actor("control")?),
            user: Principal::everybody(actor("local")?),
            server: identity(&dir)?,
            started,
            dir,
            keys,
            address,
            nodes_at,
            roots,
            prices,
            single_user,
            scrub_rate: Some(scrub).filter(|rate| rate.0 > 0),
            spans_lost,
            secret,
            uses: Mutex::default(),
            sights: Mutex::default(),
            under_way: UnderWay::default(),
            feed,
            compiling: Compiling::default(),
            hands: Mutex::default(),
            sessions: Sessions::default(),
            trips: Trips::default(),
            uploads: Places::new(Most { all: UPLOADS, of_each: UPLOADS_OF_TEAM }),
            state: Mutex::default(),
            heard: Condvar::new(),
        };
        control.resume(compiles_first)?;
        Ok(Arc::new(control))
    }

    /// What nodes show.
    pub const fn fleet_secret(&self) -> &Secret {
        &self.secret
    }

    /// The one user of a machine that is nobody else's, who may do everything.
    pub const fn everybody(&self) -> &Principal {
        &self.user
    }

    /// Where people find it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether its ledger can be read.
    pub fn can_be_asked(&self) -> Result<(), ServiceError> {
        self.ledger.head()?;
        Ok(())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|_| {
            tracing::error!("somebody panicked while deciding, which is a bug of Skein; the process ends");
            std::process::abort()
        })
    }

    /// Writes one unit.
    pub(crate) fn commit(&self, unit: Unit) -> Result<UnitOutcome, ServiceError> {
        let mut outcomes = self.ledger.commit(vec![unit])?;
        outcomes.pop().ok_or_else(|| ServiceError::bug("the ledger answered nothing"))
    }

    /// Writes one unit that nothing stands against.
    pub(crate) fn write(&self, unit: Unit) -> Result<(), ServiceError> {
        decide::done(&self.commit(unit)?)
    }

    /// Tells a campaign something and writes what follows, with more in the same unit. Answers what the machine refused, by
    /// index. If the campaign moved meanwhile it is read again and the caller's error says so.
    pub(crate) fn tell(
        &self,
        state: &mut State,
        id: CampaignId,
        told: Vec<Told>,
        (who, reason, more): (&Principal, &str, Vec<Entry>),
    ) -> Result<Vec<(usize, skein_campaign::Refused)>, ServiceError> {
        let live = self.live(state, id)?;
        let mut refusals = Vec::new();
        let drafted =
            decide::draft((id, &live.machine), told, (who, self.clock.now(), reason), |index, refused| {
                refusals.push((index, refused))
            })
            .with(more);
        if drafted.is_empty() {
            return Ok(refusals);
        }
        let decide::Drafted { machine, unit } = drafted;
        if let Err(error) = self.write(unit) {
            state.campaigns.remove(&id);
            return Err(error);
        }
        let live = live_of(state, id)?;
        live.machine = machine;
        live.trace = who.trace.or(live.trace);
        self.wake.reconciler();
        Ok(refusals)
    }

    /// The last request that moved a campaign.
    pub(crate) fn trace_of(&self, id: CampaignId) -> Option<tracing::field::DisplayValue<TraceId>> {
        self.state().campaigns.get(&id)?.trace.map(tracing::field::display)
    }

    /// A campaign, read from the ledger if it is not here.
    pub(crate) fn live<'s>(
        &self,
        state: &'s mut State,
        id: CampaignId,
    ) -> Result<&'s mut Live, ServiceError> {
        if let std::collections::btree_map::Entry::Vacant(entry) = state.campaigns.entry(id) {
            let live = Live::load(&*self.ledger, id)?;
            if !live.is_over() {
                state.open.insert(id);
            }
            let over = live.is_over();
            entry.insert(live);
            if !over && let Err(error) = self.gates(state, id) {
                state.campaigns.remove(&id);
                return Err(error);
            }
        }
        live_of(state, id)
    }
}

fn live_of(state: &mut State, id: CampaignId) -> Result<&mut Live, ServiceError> {
    state.campaigns.get_mut(&id).ok_or_else(|| ServiceError::bug("a campaign that was read is gone"))
}

fn open_ledger(
    dir: &Path,
    clock: &Arc<dyn Clock>,
    (bell, feed): (&Arc<Bell>, &Feed),
) -> Result<Box<dyn Ledger>, ServiceError> {
    let (bell, watched) = (Arc::clone(bell), feed.notify());
    let notify: skein_ledger::Notify = Box::new(move |head| {
        bell.ring();
        watched(head);
    });
    let options = skein_ledger::Options { clock: Arc::clone(clock), notify: Some(notify) };
    Ok(Box::new(Sqlite::open(&dir.join("ledger"), options)?))
}

/// The id that is kept in the state directory; made when there is none.
pub(crate) fn identity(dir: &Path) -> Result<ServerId, ServiceError> {
    if let Some(known) = identity_of(dir)? {
        return Ok(known);
    }
    let new = ServerId::new(uuid::Uuid::now_v7());
    Shelf::open(&dir.join("server"), Bytes(64))?.put(IDENTITY, new.to_string().as_bytes())?;
    point!("server.after-id")?;
    Ok(new)
}

/// The file of a server's id, in its directory's `server`.
const IDENTITY: &str = "id";

/// Whose a directory is, if it says so.
pub(crate) fn identity_of(dir: &Path) -> Result<Option<ServerId>, ServiceError> {
    let Some(kept) = Shelf::open(&dir.join("server"), Bytes(64))?.get(IDENTITY)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&kept);
    text.parse().map(Some).map_err(|error| ServiceError::bug(format!("the server's id: {error}")))
}

/// What a person writes and a record keeps.
pub(crate) fn name(what: &str, text: &str) -> Result<Name, ServiceError> {
    Name::new(text).map_err(|error| ServiceError::new(codes::BODY_INVALID, format!("{what}: {error}")))
}
