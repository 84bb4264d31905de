//! What people read of a fact: a title, and a few sentences.

use skein_types::{Reason, grouped};

use super::{Account, Fact};

impl Fact {
    pub(super) fn title(&self) -> String {
        match self {
            Self::ApprovalAsked { of, team, .. } => format!("{}: {team} is asked to approve", of.name),
            Self::CampaignHalted { of, .. } => format!("{} halted", of.name),
            Self::CampaignPublished { of, .. } => format!("{} is published", of.name),
            Self::CampaignCompleted { of, state, .. } => {
                format!("{} ended: {}", of.name, spaced(state.as_str()))
            }
            Self::CampaignRolledBack { of, .. } => format!("{} was rolled back", of.name),
            Self::WindowEnding { of, .. } => format!("{} can soon not be rolled back any more", of.name),
            Self::RunFailed { of, dataset, .. } => format!("{}: the run over {dataset} failed", of.name),
            Self::RunHeld { of, dataset, .. } => format!("{}: the result for {dataset} is held", of.name),
            Self::RuleBroken { dataset, team, current: false, .. } => {
                format!("A rule of {team} keeps a new version of {dataset} back")
            }
            Self::RuleBroken { dataset, team, .. } => format!("A rule of {team} does not hold of {dataset}"),
            Self::RunAlarm { of, dataset, .. } => {
                format!("{}: something is wrong with {dataset}", of.name)
            }
            Self::DatasetDamaged { dataset, version, .. } => {
                format!("Version {version} of {dataset} is damaged")
            }
            Self::ModuleSuspended { name, .. } => format!("The module {name} is suspended"),
            Self::ModuleBanned { name, .. } => format!("The module {name} is banned"),
            Self::NodeLost { name, .. } => format!("The node {name} is lost"),
            Self::WebhookTest { name, .. } => format!("A test for {name}"),
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::ApprovalAsked { plan, datasets, rows, risk, approvals, .. } => vec![
                format!("{}, {} rows; risk {risk}.", counted(*datasets, "dataset"), grouped(rows.0)),
                format!("{} needed, of the plan {plan}.", counted(u64::from(*approvals), "approval")),
            ],
            Self::CampaignHalted { wave, failed, budget, reason, .. } => vec![
                halted(*wave, (*failed, *budget), reason),
                "Nothing more is published. What is staged waits.".to_owned(),
            ],
            Self::CampaignPublished { account, window_ends, .. } => {
                let until = format!("It can be rolled back until {window_ends}.");
                account.lines().into_iter().chain([until]).collect()
            }
            Self::CampaignCompleted { account, .. } => account.lines(),
            Self::CampaignRolledBack { reverted, revert_failed, .. } => vec![format!(
                "{} undone, {} could not be.",
                counted(*reverted, "run"),
                grouped(*revert_failed)
            )],
            Self::WindowEnding { published, window_ends, .. } => {
                vec![format!(
                    "The old versions of {} are kept until {window_ends}.",
                    counted(*published, "run")
                )]
            }
            Self::RunFailed { seq, code, .. } => vec![format!("Run {seq}: {}: {}.", code.id, code.title)],
            Self::RunHeld { of, seq, consumers, reason, .. } => {
                let whose = match consumers.as_slice() {
                    [] => String::new(),
                    teams => format!(" Rules of {}, who read it, are among them.", teams.join(", ")),
                };
                vec![
                    format!("Run {seq}: {reason}.{whose}"),
                    format!(
                        "It is published or given up when somebody says so: skein campaign release {} {seq}",
                        of.campaign
                    ),
                ]
            }
            Self::RuleBroken { dataset, reason, .. } => vec![
                format!("{reason}."),
                format!("Whoever owns {dataset} decides; see the rule with: skein rule list {dataset}"),
            ],
            Self::RunAlarm { seq, code, check, message, .. } => vec![
                format!("Run {seq}: {}: {}.", code.id, code.title),
                format!("Found by the check {check}: {message}."),
            ],
            Self::DatasetDamaged { current, path, message, .. } => {
                let what = if *current { "It is the current one" } else { "It is kept to go back to" };
                vec![format!("{path}: {message}."), format!("{what}.")]
            }
            Self::ModuleSuspended { module, reason, .. } | Self::ModuleBanned { module, reason, .. } => {
                vec![format!("Its campaigns halt: {reason}."), format!("{module}")]
            }
            Self::NodeLost { reason, .. } => {
                vec![format!("What it had goes to other nodes: {reason}.")]
            }
            Self::WebhookTest { .. } => vec!["If you can read this, notices arrive.".to_owned()],
        }
    }
}

impl Account {
    fn lines(&self) -> Vec<String> {
        vec![
            ended(self.published, self.failed, self.left_out),
            format!(
                "Rows: {} read, {} written, {} rejected.",
                grouped(self.rows_read.0),
                grouped(self.rows_written.0),
                grouped(self.rows_rejected.0)
            ),
            format!("Bytes: {} read, {} written.", self.bytes_read, self.bytes_written),
            format!("It took {} s, and {} s of CPU.", self.took_ms.0 / 1_000, self.cpu_ms.0 / 1_000),
        ]
    }
}

fn halted(wave: u32, (failed, budget): (u64, u64), reason: &str) -> String {
    let runs = counted(failed, "run");
    if reason == Reason::BudgetSpent.as_str() {
        format!("{runs} of wave {wave} failed; {} might.", grouped(budget))
    } else {
        format!("Wave {wave}, with {runs} failed: {}.", spaced(reason))
    }
}

fn ended(published: u64, failed: u64, left_out: u64) -> String {
    let runs = counted(published, "run");
    format!("{runs} published, {} failed, {} left out.", grouped(failed), grouped(left_out))
}

fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}
