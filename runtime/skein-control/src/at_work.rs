//! Attempts that are at work: how far each is and what it has said so far, as its node told with its exchanges.
//!
//! In memory alone, and nothing is decided by it. It lies with the seat of its node and counts only as long as the node has the task
//! for this attempt; so it goes when the attempt is over or its node is given up, and another process begins anew. What is on record
//! when it is over is the log that comes with its report, and these lines only where none is waited for any more.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;
use skein_api::node::{Exchange, Progress, Said};
use skein_api::{Attempt, AttemptAtWork, AttemptPhase, List, Meters, Time};
use skein_ledger::{Holder, Task};
use skein_types::{AttemptId, Bytes, CampaignId, DatasetId, NodeId, Rows, TaskId, Timestamp};

use crate::attempts::{about, kind};
use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::fleet::{Fleet, Seat};
use crate::list::{ListPart, number};
use crate::policy;

/// Lines of an attempt, and their bytes: the last ones.
const LINES: usize = 500;
const BYTES: usize = 64 << 10;
/// Bytes of lines of all attempts.
const ALL_BYTES: usize = 16 << 20;

/// An attempt that is at work.
#[derive(Debug)]
pub(crate) struct AtWork {
    attempt: AttemptId,
    facts: Facts,
    lines: Tail,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
struct Facts {
    phase: AttemptPhase,
    began: Timestamp,
    said: Timestamp,
    rows: Rows,
    rows_all: Rows,
    rejected: Rows,
    memory: Bytes,
    meters: Meters,
}

impl Facts {
    /// None of what is not shown yet.
    fn of(progress: &Progress, now: Timestamp) -> Option<Self> {
        let (at_work, used) = (progress.at_work.as_ref()?, &progress.used);
        let meters = Meters {
            fuel: used.fuel,
            cpu_ms: used.cpu_ms,
            wall_ms: used.slot_ms,
            memory_peak: at_work.memory_peak,
            bytes_read: used.bytes_read,
            bytes_written: used.bytes_written,
            ..Meters::default()
        };
        Some(Self {
            phase: at_work.phase,
            began: Timestamp(now.0.saturating_sub(used.slot_ms.0)),
            said: now,
            rows: progress.rows,
            rows_all: at_work.rows_all,
            rejected: at_work.rejected,
            memory: at_work.memory,
            meters,
        })
    }
}

/// The last lines, each with its number.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<(u64, String)>,
    bytes: usize,
    /// The number of the line that comes next.
    next: u64,
}

impl Tail {
    fn hear(&mut self, said: &Said) {
        for (line, number) in said.lines.iter().zip(said.from..) {
            // The same exchange may come again after another process took it.
            if number < self.next {
                continue;
            }
            self.next = number.saturating_add(1);
            self.bytes += line.len();
            self.lines.push_back((number, line.to_string()));
        }
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some((_, gone)) = self.lines.pop_front() else { return };
            self.bytes -= gone.len();
        }
    }

    /// Lines from this number on, at most so many, and the number of the next; where some are missing there is one that says how many,
    /// and why.
    fn from(&self, after: u64, most: usize, why: &str) -> (Vec<u8>, u64) {
        let (mut text, mut next) = (String::new(), after);
        for (number, line) in self.lines.iter().filter(|(number, _)| *number >= after).take(most) {
            if *number > next {
                let left_out = number - next;
                let message = format!("{left_out} lines were left out here: {why}");
                let gap =
                    json!({ "from": "server", "level": "info", "left_out": left_out, "message": message });
                text.push_str(&format!("{gap}\n"));
            }
            text.push_str(line);
            text.push('\n');
            next = number.saturating_add(1);
        }
        (text.into_bytes(), next)
    }
}

impl Seat {
    /// What a node tells of what it is at.
    pub(crate) fn watch(&mut self, asked: &Exchange, now: Timestamp) {
        for progress in asked.holding.iter() {
            let (held, facts) = (progress.held, Facts::of(progress, now));
            let is_its = self.holds.get(&held.task).is_some_and(|hold| hold.held == held);
            let Some(facts) = facts.filter(|_| is_its) else { continue };
            let anew = || AtWork { attempt: held.attempt, facts, lines: Tail::default() };
            let at_work = self.at_work.entry(held.task).or_insert_with(anew);
            if at_work.attempt != held.attempt {
                *at_work = anew();
            }
            at_work.facts = facts;
            if let Some(said) = progress.at_work.as_ref().and_then(|at_work| at_work.said.as_ref()) {
                at_work.lines.hear(said);
            }
        }
    }

    /// Forgets attempts that it does not have any more.
    pub(crate) fn forget_over(&mut self) {
        let holds = &self.holds;
        self.at_work.retain(|task, at| holds.get(task).is_some_and(|hold| hold.held.attempt == at.attempt));
    }

    fn said_bytes(&self) -> usize {
        self.at_work.values().map(|at_work| at_work.lines.bytes).sum()
    }
}

/// How far an attempt was that is not at work any more and has told no end, when its node last spoke.
#[derive(Debug, Default)]
pub(crate) struct LastSeen {
    /// None of one that had not been at work for long enough to be shown.
    pub(crate) began: Option<Timestamp>,
    pub(crate) meters: Meters,
    pub(crate) rejected: Rows,
    said: Vec<u8>,
}

impl LastSeen {
    /// What it had said, and behind that why there is no more; none if it had said nothing.
    pub(crate) fn log(&self, why: &str) -> Option<Vec<u8>> {
        let message = format!("what it said later is not known: {why}");
        let end = json!({ "from": "server", "level": "info", "message": message });
        (!self.said.is_empty()).then(|| [self.said.as_slice(), format!("{end}\n").as_bytes()].concat())
    }
}

impl Fleet {
    /// How far an attempt is; none of one that its node did not say to be begun.
    pub(crate) fn last_seen(&self, task: TaskId, holder: &Holder) -> Option<LastSeen> {
        let seat = self.seats.get(&holder.node)?;
        seat.holds.get(&task).filter(|hold| hold.started && hold.held.attempt == holder.attempt)?;
        let at_work = seat.at_work.get(&task).filter(|at_work| at_work.attempt == holder.attempt);
        Some(at_work.map_or_else(LastSeen::default, |AtWork { facts, lines, .. }| LastSeen {
            began: Some(facts.began),
            meters: facts.meters,
            rejected: facts.rejected,
            said: lines.from(0, usize::MAX, "only the last ones are kept").0,
        }))
    }

    /// Lets what this node told go, if that of all nodes together is too much.
    pub(crate) fn bound_what_is_said(&mut self, node: NodeId) {
        if self.seats.values().map(Seat::said_bytes).sum::<usize>() <= ALL_BYTES {
            return;
        }
        for at_work in self.seats.get_mut(&node).into_iter().flat_map(|seat| seat.at_work.values_mut()) {
            at_work.lines = Tail { next: at_work.lines.next, ..Tail::default() };
        }
    }

    /// Attempts that are at work, with the run that each is at.
    fn seen(&self) -> impl Iterator<Item = (&AtWork, Seen, Option<CampaignId>, Option<u64>)> {
        self.seats.iter().flat_map(|(node, seat)| {
            let (node, incarnation) = (*node, seat.session.incarnation);
            seat.at_work.iter().filter_map(move |(task, at_work)| {
                let (attempt, facts) = (at_work.attempt, at_work.facts);
                // What was taken back is not its any more, whatever it told.
                let hold = seat.holds.get(task).filter(|hold| hold.held.attempt == attempt)?;
                let seen = Seen { attempt, node, incarnation, task: *task, facts };
                Some((at_work, seen, hold.campaign, hold.seq))
            })
        })
    }
}

/// One of them as it was when somebody looked.
#[derive(Clone, Copy, Debug)]
struct Seen {
    attempt: AttemptId,
    node: NodeId,
    incarnation: u64,
    task: TaskId,
    facts: Facts,
}

/// One that is at work, with what its task says.
#[derive(Debug)]
pub(crate) struct Working {
    seen: Seen,
    task: Task,
    pub(crate) campaign: CampaignId,
}

impl Control {
    /// An attempt that is at work.
    pub(crate) fn attempt_at_work(&self, attempt: AttemptId) -> Result<Option<Working>, ServiceError> {
        let found = self.state().fleet.seen().map(|(_, seen, ..)| seen).find(|seen| seen.attempt == attempt);
        found.map_or(Ok(None), |seen| self.claimed_still(seen))
    }

    /// Attempts of a campaign that are at work, in the order in which they were given to nodes; or those at one of its runs.
    pub(crate) fn attempts_at_work(
        &self,
        campaign: CampaignId,
        seq: Option<u64>,
    ) -> Result<Vec<Working>, ServiceError> {
        let is_of = |of: Option<CampaignId>, at: Option<u64>| {
            of == Some(campaign) && seq.is_none_or(|seq| at == Some(seq))
        };
        let seen = Self::seen_where(&self.state(), is_of);
        let mut seen: Vec<Seen> = seen.into_iter().map(|(seen, _)| seen).collect();
        seen.sort_by_key(|seen| seen.attempt);
        seen.into_iter().filter_map(|seen| self.claimed_still(seen).transpose()).collect()
    }

    /// Runs of a campaign that attempts are at, each with one of these.
    pub(crate) fn runs_at_work(&self, campaign: CampaignId) -> BTreeMap<u64, AttemptId> {
        let seen = Self::seen_where(&self.state(), |of, _| of == Some(campaign));
        seen.into_iter().filter_map(|(seen, seq)| Some((seq?, seen.attempt))).collect()
    }

    fn seen_where(
        state: &State,
        is_wanted: impl Fn(Option<CampaignId>, Option<u64>) -> bool,
    ) -> Vec<(Seen, Option<u64>)> {
        let all = state.fleet.seen().filter(|(_, _, campaign, seq)| is_wanted(*campaign, *seq));
        all.map(|(_, seen, _, seq)| (seen, seq)).collect()
    }

    /// None if its task has gone on meanwhile, or is about no campaign.
    fn claimed_still(&self, seen: Seen) -> Result<Option<Working>, ServiceError> {
        let task = self.ledger.task(seen.task)?;
        let is_its = |task: &Task| task.phase.holder().is_some_and(|holder| holder.attempt == seen.attempt);
        Ok(task.filter(is_its).and_then(|task| Some(Working { seen, campaign: task.campaign?, task })))
    }

    /// The one dataset that it is at, if there is one.
    pub(crate) fn dataset_at_work(&self, working: &Working) -> Result<Option<DatasetId>, ServiceError> {
        Ok(match working.task.seq {
            Some(seq) => self.ledger.run(working.campaign, seq)?.map(|run| run.dataset),
            None => about(&working.task)?.dataset,
        })
    }

    /// It as people see it.
    pub(crate) fn shown_at_work(&self, working: &Working) -> Result<Attempt, ServiceError> {
        let Working { seen, task, campaign } = working;
        let Seen { attempt, node, incarnation, facts, .. } = seen;
        let dataset = self.dataset_at_work(working)?;
        let limits = policy::limits(&self.live(&mut self.state(), *campaign)?.policy.limits);
        let at_work = AttemptAtWork {
            phase: facts.phase,
            rows: facts.rows,
            rows_all: Some(facts.rows_all).filter(|all| all.0 > 0),
            memory: facts.memory,
            limits,
            said: Time(facts.said),
        };
        Ok(Attempt {
            attempt: *attempt,
            campaign: *campaign,
            run: task.seq,
            dataset,
            name: self.name_of_dataset(dataset)?,
            task: task.id,
            kind: kind(task.kind),
            part: about(task)?.part,
            node: *node,
            incarnation: *incarnation,
            began: Some(Time(facts.began)),
            ended: None,
            ending: None,
            at_work: Some(at_work),
            why: None,
            meters: facts.meters,
            rejected: facts.rejected,
            reject_codes: List::EMPTY,
            source: None,
            log: None,
        })
    }

    /// What it has said so far, a part of it, and the number of the line that comes next.
    pub(crate) fn said_at_work(
        &self,
        working: &Working,
        part: &ListPart,
    ) -> Result<(Vec<u8>, Option<u64>), ServiceError> {
        let after = part.after.as_deref().map_or(Ok(0), number)?;
        let most = part.limit.map_or(usize::MAX, |_| part.items());
        let state = self.state();
        let found = state.fleet.seen().find(|(_, seen, ..)| seen.attempt == working.seen.attempt);
        let (lines, next) = found
            .map_or((Vec::new(), after), |(at_work, ..)| at_work.lines.from(after, most, "it is at work"));
        Ok((lines, Some(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL_BYTES, AtWork, BYTES, Facts, LINES, Said, Tail};
    use crate::fleet::Fleet;
    use crate::scene::seat;
    use skein_api::node::{AtWork as Told, Held, LINE_BYTES_MAX, Progress, SAID_MAX, Used};
    use skein_api::{AttemptPhase, List, Text};
    use skein_types::{AttemptId, Bytes, Millis, NodeId, Rows, TaskId, Timestamp, Token};
    use uuid::Uuid;

    fn said(from: u64, lines: impl IntoIterator<Item = String>) -> Said {
        Said { from, lines: List::new(lines.into_iter().map(|line| Text::escaped(&line)).collect()).unwrap() }
    }

    fn shown((text, next): (Vec<u8>, u64)) -> (Vec<String>, u64) {
        (String::from_utf8(text).unwrap().lines().map(str::to_owned).collect(), next)
    }

    #[test]
    fn lines_are_kept_once_and_the_last_of_them_and_what_is_missing_is_said() {
        let mut tail = Tail::default();
        tail.hear(&said(0, ["a".to_owned(), "b".to_owned()]));
        tail.hear(&said(1, ["b".to_owned(), "c".to_owned()]));
        assert_eq!(shown(tail.from(0, 9, "w")), (vec!["a".into(), "b".into(), "c".into()], 3));
        assert_eq!(shown(tail.from(1, 1, "w")), (vec!["b".into()], 2));
        assert_eq!(shown(tail.from(3, 9, "w")), (Vec::new(), 3));
        // Its node left some out.
        tail.hear(&said(10, ["k".to_owned()]));
        let (lines, next) = shown(tail.from(2, 9, "w"));
        assert_eq!((lines.len(), next), (3, 11));
        assert!(lines[1].contains("\"left_out\":7") && lines[2] == "k", "{lines:?}");
        for from in 0..2 * LINES as u64 / SAID_MAX as u64 {
            tail.hear(&said(11 + from * SAID_MAX as u64, (0..SAID_MAX).map(|line| line.to_string())));
        }
        assert_eq!(tail.lines.len(), LINES);
        let (lines, _) = shown(tail.from(0, 1, "w"));
        assert!(lines[0].contains("left_out") && lines.len() == 2, "{lines:?}");
        let next = tail.next;
        tail.hear(&said(next, (0..20).map(|_| "x".repeat(LINE_BYTES_MAX))));
        assert!(tail.bytes <= BYTES && tail.lines.len() == BYTES / LINE_BYTES_MAX, "{}", tail.bytes);
        assert_eq!(tail.lines.iter().map(|(_, line)| line.len()).sum::<usize>(), tail.bytes);
    }

    #[test]
    fn lines_of_all_attempts_together_are_bounded_and_the_next_ones_are_counted_on() {
        let id = |number: u128| Uuid::from_u128(number);
        let held = Held {
            task: TaskId::new(id(1)),
            token: Token { generation: 1, epoch: 1 },
            attempt: AttemptId::new(id(2)),
        };
        let told = Told {
            phase: AttemptPhase::Looking,
            rows_all: Rows(0),
            rejected: Rows(0),
            memory: Bytes(0),
            memory_peak: Bytes(0),
            said: None,
        };
        let used = Used { slot_ms: Millis(1_500), ..Used::default() };
        let progress = Progress {
            held,
            started: true,
            rows: Rows(0),
            bytes: Bytes(0),
            used,
            at_work: Some(Box::new(told)),
        };
        let facts = Facts::of(&progress, Timestamp(5_000)).unwrap();
        assert_eq!(facts.began, Timestamp(3_500));
        assert!(Facts::of(&Progress { at_work: None, ..progress }, Timestamp(5_000)).is_none());
        let full = |number: u128| {
            let mut lines = Tail::default();
            lines.hear(&said(0, (0..20).map(|_| "x".repeat(LINE_BYTES_MAX))));
            (TaskId::new(id(number)), AtWork { attempt: AttemptId::new(id(number)), facts, lines })
        };
        let most = (ALL_BYTES / BYTES) as u128;
        let (node, other) = (NodeId::new(id(1)), NodeId::new(id(2)));
        let mut seats = [(node, seat("n", 1)), (other, seat("o", 1))];
        seats[0].1.at_work.extend((1..most).map(full));
        seats[1].1.at_work.extend([full(0)]);
        let mut fleet = Fleet { seats: seats.into(), ..Fleet::default() };
        fleet.bound_what_is_said(node);
        let bytes = |fleet: &Fleet| [node, other].map(|node| fleet.seats[&node].said_bytes());
        assert_eq!(bytes(&fleet), [ALL_BYTES - BYTES, BYTES], "as many as there may be");
        fleet.seats.get_mut(&node).unwrap().at_work.extend([full(most)]);
        fleet.bound_what_is_said(node);
        assert_eq!(bytes(&fleet), [0, BYTES], "those of the other node are no part of what is too much");
        assert!(fleet.seats[&node].at_work.values().all(|at_work| at_work.lines.next == 20));
    }
}
