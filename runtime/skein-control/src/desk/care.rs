//! What whoever looks after a server has to know of its data: alarms that are still open, what was read again last, and the last copy.
//!
//! An alarm is an event, and whether it is open follows from what it is about: a run's, as long as its result is what it published and can
//! be gone back from; a dataset's, until it is read again and nothing is found. Nobody closes one by hand.

use skein_api::{Message, Name, Text, Time};
use skein_ledger::{DatasetDamaged, Event, EventFilter, Kind, Limit, Recorded, RunAlarmed};
use skein_types::{CampaignId, DatasetId, RunState};

use super::Desk;
use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;
use crate::shown;

/// Alarms of which it is looked at whether they are open, the last ones.
const LOOKED_AT: usize = 200;
/// Alarms that are told.
const TOLD: usize = 20;

/// What there is to know.
#[derive(Debug)]
pub struct Care {
    /// Open alarms, the last one first.
    pub alarms: Vec<OpenAlarm>,
    /// There may be more.
    pub more: bool,
    /// When a dataset was last read in full; and which, for whoever may see it.
    pub scrubbed: Option<(Time, Option<Name>)>,
    /// Whether what is kept is read by itself.
    pub scrubs: bool,
    /// The last copy of the server, none if there is none; or why whoever asks is not told.
    pub backup: Result<Option<LastBackup>, ServiceError>,
}

/// Something that is wrong.
#[derive(Debug)]
pub struct OpenAlarm {
    /// The decision that tells it.
    pub position: u64,
    /// When it was found.
    pub at: Time,
    /// The run that published it; none: it is about what is kept of a dataset.
    pub run: Option<(CampaignId, u64)>,
    /// What the dataset is called.
    pub dataset: Name,
    /// The error's code, where it has one.
    pub code: Option<Name>,
    /// In words.
    pub message: Message,
}

/// A copy of the server.
#[derive(Clone, Copy, Debug)]
pub struct LastBackup {
    /// When it was begun.
    pub at: Time,
    /// Whether the server's keys are in it.
    pub with_keys: bool,
}

impl Control {
    /// As far as somebody may know.
    pub(crate) fn care(&self, who: &Principal) -> Result<Care, ServiceError> {
        self.ledger.at_once(|| {
            let (alarms, more) = self.open_alarms(who)?;
            let scrubbed =
                self.ledger.last_scrubbed()?.map(|(dataset, at)| self.read_last(who, dataset, Time(at)));
            let backup = who.check_whole(Act::See).and_then(|()| self.last_backup());
            Ok(Care {
                alarms,
                more,
                scrubbed: scrubbed.transpose()?,
                scrubs: self.scrub_rate.is_some(),
                backup,
            })
        })?
    }

    fn open_alarms(&self, who: &Principal) -> Result<(Vec<OpenAlarm>, bool), ServiceError> {
        let kinds = vec![Kind::RunAlarmed, Kind::DatasetDamaged];
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let page = self.ledger.newest_events(None, &filter, Limit::new(LOOKED_AT))?;
        let mut open = Vec::new();
        for recorded in &page.items {
            if !who.may_hear(&self.whose_event(&recorded.event)?) {
                continue;
            }
            let alarm = if let Event::RunAlarmed(told) = &recorded.event {
                self.alarm_of_run(recorded, told)?
            } else if let Event::DatasetDamaged(told) = &recorded.event {
                self.alarm_of_dataset(recorded, told)?
            } else {
                None
            };
            if open.len() == TOLD && alarm.is_some() {
                return Ok((open, true));
            }
            open.extend(alarm);
        }
        Ok((open, page.next.is_some()))
    }

    fn alarm_of_run(&self, of: &Recorded, told: &RunAlarmed) -> Result<Option<OpenAlarm>, ServiceError> {
        let Some(run) = self.ledger.run(told.campaign, told.seq)? else { return Ok(None) };
        let open = match run.state {
            // What was said before it was published again is about what is gone.
            RunState::Published => of.at >= run.since,
            RunState::Reverting | RunState::RevertFailed => true,
            RunState::Ineligible
            | RunState::Planned
            | RunState::Held
            | RunState::Intended
            | RunState::Finalized
            | RunState::Failed
            | RunState::Skipped
            | RunState::Stale
            | RunState::Cancelled
            | RunState::Reverted => false,
        };
        if !open {
            return Ok(None);
        }
        Ok(Some(OpenAlarm {
            position: of.position,
            at: Time(of.at),
            run: Some((told.campaign, told.seq)),
            dataset: self.dataset_called(run.dataset)?,
            code: Some(shown::text(&told.code)),
            message: Text::escaped(told.message.as_str()),
        }))
    }

    fn alarm_of_dataset(
        &self,
        of: &Recorded,
        told: &DatasetDamaged,
    ) -> Result<Option<OpenAlarm>, ServiceError> {
        if !self.is_still_damaged(told)? {
            return Ok(None);
        }
        let message = format!("version {}: {} {}", told.version, told.path, told.message);
        Ok(Some(OpenAlarm {
            position: of.position,
            at: Time(of.at),
            run: None,
            dataset: self.dataset_called(told.dataset)?,
            code: None,
            message: Text::escaped(&message),
        }))
    }

    fn read_last(
        &self,
        who: &Principal,
        dataset: DatasetId,
        at: Time,
    ) -> Result<(Time, Option<Name>), ServiceError> {
        let row = self.ledger.dataset(dataset)?.filter(|row| who.may_in(Act::See, &row.owner));
        Ok((at, row.map(|row| shown::text(&row.name))))
    }

    fn last_backup(&self) -> Result<Option<LastBackup>, ServiceError> {
        let filter = EventFilter { kinds: vec![Kind::BackupMade], ..EventFilter::default() };
        let page = self.ledger.newest_events(None, &filter, Limit::new(1))?;
        Ok(page.items.first().and_then(|recorded| {
            let Event::BackupMade(made) = &recorded.event else { return None };
            Some(LastBackup { at: Time(recorded.at), with_keys: made.with_keys })
        }))
    }

    fn dataset_called(&self, dataset: DatasetId) -> Result<Name, ServiceError> {
        let row = self.ledger.dataset(dataset)?;
        Ok(row.map_or_else(|| shown::text(dataset), |row| shown::text(&row.name)))
    }
}

impl Desk<'_> {
    /// Open alarms, what was read again last, and the last copy of the server, as far as whoever asks may know.
    pub fn care(&self) -> Result<Care, ServiceError> {
        self.control.care(self.who)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use skein_ledger::{
        Actor, BackupMade, DatasetDamaged, Entry, Name, RunAlarmed, RunIntended, RunPublished, RunReverted,
        RunReverting, Scrubbed, Text,
    };
    use skein_types::{AttemptId, Blake3, DatasetId, Role, RunState, Timestamp, codes};
    use uuid::Uuid;

    use crate::access::{Principal, Right};
    use crate::control::Control;
    use crate::scene::{HandClock, campaign, open, open_for, running, running_for};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// The run of the scene is published.
    fn publish(control: &Control) {
        let intended = RunIntended {
            campaign: campaign(),
            seq: 0,
            publish: name("p"),
            descriptor: Blake3::of(b"{}"),
            base: 1,
            attempt: AttemptId::new(Uuid::from_u128(9)),
        };
        let meters = skein_ledger::Meters::default();
        let published = RunPublished { campaign: campaign(), seq: 0, version: 2, meters, statement: None };
        control.write(control.itself.unit().decide(intended).decide(published)).unwrap();
    }

    /// What it published is found wrong.
    fn alarmed() -> RunAlarmed {
        RunAlarmed {
            campaign: campaign(),
            seq: 0,
            check: name("5m"),
            code: name("SK0560"),
            version: 2,
            path: None,
            consumer: None,
            message: Text::clip("a.parquet is not there"),
        }
    }

    #[test]
    fn what_was_found_before_it_was_published_again_is_about_what_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        running(&control);
        let at = |time, work: &dyn Fn()| {
            clock.0.store(time, Ordering::SeqCst);
            work();
            control.care(control.everybody()).unwrap().alarms.len()
        };
        let alarm = || control.write(control.itself.unit().decide(alarmed())).unwrap();
        assert_eq!(at(9_000, &|| publish(&control)), 0);
        assert_eq!([at(8_000, &alarm), at(9_000, &alarm)], [0, 1]);
    }

    #[test]
    fn an_alarm_is_open_until_what_it_is_about_is_undone_or_read_and_found_whole() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        running(&control);
        let (dataset, seq) = (DatasetId::new(Uuid::from_u128(2)), 0);
        let unit = || control.itself.unit();
        let told = || {
            let care = control.care(control.everybody()).unwrap();
            care.alarms.iter().map(|one| (one.run.is_some(), one.dataset.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(told(), []);
        publish(&control);
        clock.0.store(1_000, Ordering::SeqCst);
        let (path, message) = (Text::clip("a.parquet"), Text::clip("is another"));
        let damaged = DatasetDamaged { dataset, version: 1, current: false, path, message };
        let report = |damaged: &str| {
            let report = format!(
                r#"{{"versions":[{{"version":1,"current":false,"files":1,"bytes":1,"damaged":[{damaged}]}}]}}"#
            );
            Entry::Scrubbed(Scrubbed { dataset, at: Timestamp(1_000), report })
        };
        let broken = r#"{"path":"a.parquet","how":"is another","written":false}"#;
        control.write(unit().decide(alarmed()).decide(damaged).then(report(broken))).unwrap();
        assert_eq!(told(), [(false, "d0".to_owned()), (true, "d0".to_owned())]);
        control.write(unit().then(report(""))).unwrap();
        assert_eq!(told(), [(true, "d0".to_owned())]);
        let (from, reason) = (RunState::Published, Text::clip("undo"));
        control.write(unit().decide(RunReverting { campaign: campaign(), seq, from, reason })).unwrap();
        assert_eq!(told().len(), 1);
        control.write(unit().decide(RunReverted { campaign: campaign(), seq, version: 3 })).unwrap();
        assert_eq!(told(), []);

        let care = control.care(control.everybody()).unwrap();
        assert_eq!(
            care.scrubbed.map(|(at, of)| (at.0, of.unwrap().to_string())),
            Some((Timestamp(1_000), "d0".to_owned()))
        );
        assert!(care.backup.unwrap().is_none());
        let (to, hash) = (Text::clip("/copy"), Blake3([0; 32]));
        control.write(unit().decide(BackupMade { to, with_keys: true, position: 1, hash })).unwrap();
        assert!(control.care(control.everybody()).unwrap().backup.unwrap().unwrap().with_keys);
    }

    #[test]
    fn what_is_wrong_is_told_to_whose_it_is_and_of_the_last_copy_who_sees_all_teams() {
        let place = tempfile::tempdir().unwrap();
        let control = open_for(place.path(), &Arc::new(HandClock::default()), false);
        running_for(&control, &["pay"]);
        let (dataset, at) = (DatasetId::new(Uuid::from_u128(2)), Timestamp(1_000));
        let (path, message) = (Text::clip("a.parquet"), Text::clip("is another"));
        let damaged = DatasetDamaged { dataset, version: 1, current: false, path, message };
        let broken = r#"{"path":"a.parquet","how":"is another","written":false}"#;
        let report = format!(
            r#"{{"versions":[{{"version":1,"current":false,"files":1,"bytes":1,"damaged":[{broken}]}}]}}"#
        );
        let (to, hash) = (Text::clip("/copy"), Blake3([0; 32]));
        let copied = BackupMade { to, with_keys: false, position: 1, hash };
        let scrubbed = Entry::Scrubbed(Scrubbed { dataset, at, report });
        control.write(control.itself.unit().decide(damaged).then(scrubbed).decide(copied)).unwrap();
        let told = |team: Option<&str>| {
            let right = Right { team: team.map(name), role: Role::Viewer };
            let care = control.care(&Principal::with(Actor::new("vi").unwrap(), vec![right])).unwrap();
            let (read, of) = care.scrubbed.unwrap();
            assert_eq!(read.0, at);
            let copied = care.backup.map(|copy| copy.is_some()).map_err(|refused| refused.code);
            (care.alarms.len(), of.map(|name| name.to_string()), copied)
        };
        assert_eq!(told(Some("pay")), (1, Some("d0".to_owned()), Err(codes::ROLE_MISSING)));
        assert_eq!(told(Some("bank")), (0, None, Err(codes::ROLE_MISSING)));
        assert_eq!(told(None), (1, Some("d0".to_owned()), Ok(true)));
    }
}
