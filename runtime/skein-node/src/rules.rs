//! Rules of a run: looked at on what is staged, before it is handed over or published.
//!
//! Which files are `before`, `after` and `rejects` is decided here; how a rule is evaluated is `skein-verify`'s business.
//! What is found is in the run's report and in the dataset's log.

mod sight;

use std::path::PathBuf;

use serde_json::json;
use skein_dataset::{Dataset, LogError, Partitions, Role, Snapshot};
use skein_types::{Clock, Name, Rule, RuleResult, RuleVerdict, RulesLead, RunId, Text};
use skein_verify::{Answer, Asked, Jail, JailOptions, Limits, Question, Table, TableFile, Whose};

use self::sight::Sensitive;
use crate::progress::Progress;
use crate::staged::Staged;

/// Rules to be looked at.
#[derive(Debug, Default)]
pub struct RulesAsked {
    /// In this order.
    pub rules: Vec<RuleAsked>,
    /// Other datasets that they name.
    pub others: Vec<OtherDataset>,
}

/// A rule to be looked at.
#[derive(Clone, Debug)]
pub struct RuleAsked {
    /// What must hold.
    pub rule: Rule,
    /// The campaign's policy has it.
    pub of_policy: bool,
    /// The team that reads the dataset and wants it.
    pub consumer: Option<Name>,
    /// That team may look at the dataset no more.
    pub unseen: bool,
}

impl RuleAsked {
    /// A rule that nobody keeps for others.
    pub const fn here(rule: Rule) -> Self {
        Self { rule, of_policy: false, consumer: None, unseen: false }
    }

    fn whose(&self) -> Whose {
        match &self.consumer {
            Some(team) => Whose::Reader(team.clone()),
            None if self.of_policy => Whose::Policy,
            None => Whose::Owner,
        }
    }
}

/// A dataset that rules may name.
#[derive(Debug)]
pub struct OtherDataset {
    /// For the rules of the campaign's policy.
    pub of_policy: bool,
    /// Else for whose rules; none: the owner's.
    pub team: Option<Name>,
    /// What they call it.
    pub name: Name,
    /// It, or why it cannot be looked at.
    pub dataset: Result<Dataset, String>,
    /// Columns of it that are named as sensitive where it is registered.
    pub sensitive: Vec<String>,
}

/// The processes in which rules are evaluated, so many at a time. Each is this program, started with the word for it.
pub fn jail(children: usize) -> Jail {
    // Not by its path, which may have become another program's.
    let exe = PathBuf::from("/proc/self/exe");
    Jail::new(JailOptions { exe, args: vec!["evaluate".to_owned()], memory: JailOptions::MEMORY, children })
}

/// Columns that rejected rows have besides those of the dataset.
const OF_REJECTS: [&str; 4] = ["skein_file", "skein_row", "skein_code", "skein_message"];
/// The place of `before` among the tables that every rule has.
const BEFORE: usize = 0;
/// Why a rule is not run over data that its team may not look at.
const UNSEEN: &str = "its team may look at the dataset no more";
/// Where the log has what was found.
const RESULTS: &str = "rules";

impl RulesAsked {
    /// Which of the other datasets a rule means by a name.
    fn meant(&self, by: &RuleAsked, name: &Name) -> Option<usize> {
        let whose = (by.of_policy, &by.consumer);
        self.others.iter().position(|other| other.name == *name && whose == (other.of_policy, &other.team))
    }

    /// The datasets that a rule names and that can be opened.
    pub(crate) fn named_by(&self, by: &RuleAsked) -> impl Iterator<Item = &Dataset> {
        let places = by.rule.with.values().filter_map(|name| self.meant(by, name));
        places.filter_map(|at| self.others.get(at)?.dataset.as_ref().ok())
    }
}

/// How rules are looked at.
pub struct Judging<'a> {
    /// Where.
    pub jail: &'a Jail,
    /// By which time.
    pub clock: &'a dyn Clock,
    /// What each may take.
    pub limits: Limits,
    /// Why one could not be evaluated is not said, whatever it could look at.
    pub hushed: bool,
    /// Columns of the dataset, before or after, that readers' rules do not see and of which no rule tells a number.
    pub sensitive: Sensitive,
    /// Nobody waits for the answers any more.
    pub stopped: &'a dyn Fn() -> bool,
}

impl<'a> Judging<'a> {
    /// With the standard limits, for whoever may see all that is in the dataset.
    pub const fn here(jail: &'a Jail, clock: &'a dyn Clock) -> Self {
        Self {
            jail,
            clock,
            limits: Limits::STANDARD,
            hushed: false,
            sensitive: Sensitive::new(),
            stopped: &|| false,
        }
    }

    /// What is found of each rule over these tables, to which those of other datasets are added.
    fn judge(&self, mut tables: Vec<Table>, asked: &RulesAsked) -> Vec<RuleResult> {
        let for_readers = self.for_readers(&mut tables);
        let others: Vec<Result<(usize, Sensitive), &str>> = asked
            .others
            .iter()
            .map(|other| {
                let found = other.dataset.as_ref().map_err(String::as_str)?;
                let looked = sight::look(found, &other.sensitive).map_err(|_| "it cannot be read")?;
                tables.push(Table { name: None, ..of_snapshot(found, &looked.0) });
                Ok((tables.len() - 1, looked.1))
            })
            .collect();
        let place = |by: &RuleAsked, name: &Name| {
            let other = asked.meant(by, name).and_then(|at| others.get(at)).ok_or("it is not there")?;
            other.as_ref().map_err(|why| *why)
        };
        let (mut ready, mut places) = (Vec::new(), Vec::new());
        for rule in &asked.rules {
            if rule.unseen {
                places.push(Err(UNSEEN.to_owned()));
                continue;
            }
            let named = rule.rule.with.iter().map(|(table, name)| {
                place(rule, name).map(|at| (table, at)).map_err(|why| format!("{name}: {why}"))
            });
            match named.collect::<Result<Vec<_>, String>>() {
                Ok(named) => {
                    let seen: Vec<&Sensitive> = named.iter().map(|(_, (_, sensitive))| sensitive).collect();
                    places.push(Ok(sight::could_see(&rule.rule, &self.sensitive, &seen)));
                    let named = named.iter().map(|(table, (at, _))| ((*table).clone(), *at));
                    let own = rule.consumer.iter().flat_map(|_| for_readers.iter().cloned());
                    let whose = rule.whose();
                    ready.push(Asked { rule: rule.rule.clone(), tables: named.chain(own).collect(), whose });
                }
                Err(why) => places.push(Err(why)),
            }
        }
        let question = Question { tables, rules: ready, limits: self.limits };
        let mut answers = self.jail.ask(&question, self.clock, self.stopped).into_iter();
        let results = asked.rules.iter().zip(places).map(|(rule, place)| {
            let answer = match place {
                Err(why) => Answer::inconclusive(&why),
                Ok(quiet) => {
                    let answer = answers.next();
                    let answer = answer.unwrap_or_else(|| Answer::inconclusive("it was not evaluated"));
                    let unsure = answer.verdict == RuleVerdict::Inconclusive;
                    if quiet || unsure && self.hushed { sight::hushed(answer) } else { answer }
                }
            };
            told(rule, answer)
        });
        results.collect()
    }

    /// The dataset's own tables once more, without what is sensitive: where readers' rules find them.
    fn for_readers(&self, tables: &mut Vec<Table>) -> Vec<(String, usize)> {
        if self.sensitive.is_empty() {
            return Vec::new();
        }
        let (own, first) = (tables.clone(), tables.len());
        let hidden = || self.sensitive.iter().cloned().collect::<Vec<String>>();
        let like = |table: &Table| table.like.map(|like| first + like);
        tables.extend(own.iter().map(|table| Table {
            name: None,
            like: like(table),
            hidden: hidden(),
            ..table.clone()
        }));
        let named = (first..).zip(own);
        named.filter_map(|(at, table)| Some((table.name?, at))).collect()
    }
}

impl Staged {
    /// Looks at rules on what is staged. What is found goes with the run, and says what it leads to.
    pub fn judge(&mut self, jail: &Jail, asked: &RulesAsked, progress: &Progress) -> RulesLead {
        let clock = std::sync::Arc::clone(&self.job.clock);
        if asked.rules.is_empty() {
            return RulesLead::On;
        }
        let (sensitive, stopped) = (sight::of_job(&self.job), || progress.is_cancelled());
        let how = Judging { sensitive, stopped: &stopped, ..Judging::here(jail, &*clock) };
        let results = how.judge(self.tables(), asked);
        self.commit.ext[RESULTS] = json!(results);
        let lead = RulesLead::of(&results);
        self.report.rules = results;
        lead
    }

    fn tables(&self) -> Vec<Table> {
        let named = |name: &str, table: Table| Table { name: Some(name.to_owned()), ..table };
        let before = of_snapshot(&self.dataset, &self.snapshot);
        let entries = self.staging.entries();
        let data: Vec<_> = entries.iter().filter(|entry| entry.role == Role::Data).collect();
        let partitions = Partitions::of(data.iter().map(|entry| entry.path.as_str()));
        let files = data.iter().map(|entry| TableFile {
            path: self.staging.place(&self.dataset, entry),
            size: entry.size,
            partitions: partitions.values(&entry.path),
        });
        let after =
            Table { files: files.collect(), partitions: partitions.keys().to_vec(), ..Table::default() };
        let rejected = self.staging.rejects_place(&self.dataset);
        let files = rejected.map(|(path, size)| TableFile { path, size, partitions: Vec::new() });
        let rejects = Table {
            files: files.into_iter().collect(),
            like: Some(BEFORE),
            added: OF_REJECTS.map(str::to_owned).to_vec(),
            ..Table::default()
        };
        vec![named("before", before), named("after", after), named("rejects", rejects)]
    }
}

/// What a run found of rules, as it is in the log among the `ext` of what it published or holds.
pub fn rules_found(ext: &serde_json::Value) -> Vec<RuleResult> {
    // What another version of this program wrote there and this one cannot read says nothing.
    let found = ext.get(RESULTS).cloned();
    found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default()
}

/// What was found of rules before a run's result was published, as the dataset's log has it.
pub(crate) fn results_of(dataset: &Dataset, run: RunId) -> Result<Vec<RuleResult>, LogError> {
    Ok(dataset.history()?.ext_of(run).map(rules_found).unwrap_or_default())
}

/// Looks at rules on a dataset as it is: nothing is done to it, so before and after are the same.
pub fn judge_as_it_is(
    dataset: &Dataset,
    asked: &RulesAsked,
    how: &Judging<'_>,
) -> Result<Vec<RuleResult>, crate::RunError> {
    let snapshot = dataset.look()?;
    let named = |name: &str| Table { name: Some(name.to_owned()), ..of_snapshot(dataset, &snapshot) };
    let added = OF_REJECTS.map(str::to_owned).to_vec();
    let rejects = Table { name: Some("rejects".to_owned()), like: Some(BEFORE), added, ..Table::default() };
    Ok(how.judge(vec![named("before"), named("after"), rejects], asked))
}

/// The data files of a dataset as they were pinned.
fn of_snapshot(dataset: &Dataset, snapshot: &Snapshot) -> Table {
    let partitions = Partitions::of(snapshot.data_files().map(|file| file.stat.path.as_str()));
    let path = |file: &str| match dataset.kind() {
        skein_dataset::Kind::Directory => dataset.path().join(file),
        skein_dataset::Kind::File => dataset.path(),
    };
    let files = snapshot.data_files().map(|file| TableFile {
        path: path(&file.stat.path),
        size: file.stat.size,
        partitions: partitions.values(&file.stat.path),
    });
    Table { files: files.collect(), partitions: partitions.keys().to_vec(), ..Table::default() }
}

/// A reader of a dataset is told whether its rule holds, and not how far it is from it: a count can say what a value is.
fn told(asked: &RuleAsked, answer: Answer) -> RuleResult {
    let mut result = RuleResult { consumer: asked.consumer.clone(), ..answer.of(&asked.rule) };
    if asked.consumer.is_some() && result.verdict != RuleVerdict::Inconclusive {
        result.observed = Text::clip("");
    }
    result
}
