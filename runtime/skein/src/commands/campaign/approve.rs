//! What people say of a plan: approve, revoke, defer, decline, break the glass, comment; and how the plan stands with them.

use clap::{Args, Subcommand};
use skein_api::{
    ApprovalGiven, Approvals, Campaign, CampaignAction, CampaignVerb, Comment, CommentAdd, CommentResolve,
    Slice, Text, Time,
};
use skein_types::{Blake3, SliceState, codes, grouped};

use super::shown;
use crate::args::ListArgs;
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Said wherever a campaign is shown, for ever.
pub(super) const BROKEN_GLASS: &str =
    "somebody went on without the approvals that a plan of this campaign needed";

/// Which part of a plan, and why.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// Of which campaign.
    campaign: String,
    /// The part of the plan, by the team whose datasets it has [default: that of your team].
    #[arg(long, value_name = "TEAM")]
    slice: Option<String>,
    /// The digest of the plan that you looked at [default: the plan as it is now].
    #[arg(long, value_name = "DIGEST")]
    plan: Option<Blake3>,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
}

/// What is said about a campaign, or which question is resolved.
#[derive(Debug, Args)]
pub(crate) struct CommentArgs {
    /// About which campaign.
    campaign: String,
    /// What; nothing lists what was said.
    text: Option<String>,
    /// About this part of the plan, by its team.
    #[arg(long, value_name = "TEAM")]
    slice: Option<String>,
    /// It is a question: nothing is started before it is resolved.
    #[arg(long, requires = "text")]
    question: bool,
    /// Resolve this question, by its number; what is said is the answer.
    #[arg(long, value_name = "N", conflicts_with_all = ["question", "slice"])]
    resolve: Option<u64>,
    /// Resolve those behind it too, through this number, as far as you may.
    #[arg(long, value_name = "N", requires = "resolve")]
    through: Option<u64>,
}

/// What people say of a plan.
#[derive(Debug, Subcommand)]
pub(crate) enum Saying {
    /// Say yes to a part of its plan, exactly as it is; or let the wave behind one that is through its gate begin.
    Approve {
        #[command(flatten)]
        said: Said,
        /// Let this wave through, instead of a part of the plan.
        #[arg(long, value_name = "N", conflicts_with = "slice")]
        wave: Option<u32>,
    },
    /// Take your approval of a part of its plan back, before it is started.
    Revoke(Said),
    /// Put the runs of a part of its plan off: the others do not wait for them.
    Defer {
        #[command(flatten)]
        said: Said,
        /// They do not start before this time.
        #[arg(long, value_name = "TIME")]
        until: Time,
    },
    /// Leave the runs of a part of its plan out, with a reason.
    Decline {
        #[command(flatten)]
        said: Said,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Go on without the approvals that its plan needs, with a reason. It is on record for ever.
    #[command(name = "break-glass", alias = "break_glass")]
    BreakGlass {
        #[command(flatten)]
        said: Said,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show how its plan stands with the people whose datasets it is over: what each part needs, has and lacks, and who could give it.
    Approvals {
        /// Of which campaign.
        campaign: String,
    },
    /// Say something about its plan, ask a question that is to be resolved first, resolve one; or list what was said.
    Comment(CommentArgs),
}

/// What is said beside the part of the plan.
#[derive(Default)]
struct Beside {
    wave: Option<u32>,
    until: Option<Time>,
}

impl Row for Slice {
    const HEADS: &'static [&'static str] =
        &["team", "risk", "datasets", "state", "approved by", "lacks", "could"];
    fn cells(&self) -> Vec<String> {
        let until = self.until.as_ref().map(|until| format!(", not before {until}")).unwrap_or_default();
        let by: Vec<String> = self.approvals.iter().map(approved).collect();
        // Who left it out or put it off, and why; whom approvals are from stands beside.
        let said = match (&self.by, self.state == SliceState::Declined || self.until.is_some()) {
            (Some(by), true) => {
                format!(" by {by}{}", self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())
            }
            (Some(_) | None, _) => String::new(),
        };
        let lacks = self.lacks.as_ref().map(|lacks| {
            let of = if lacks.of_owner { format!(", one of {}", self.team) } else { String::new() };
            format!("{}{of}", render::counted(lacks.approvals.into(), "approval"))
        });
        let could = self.lacks.iter().flat_map(|lacks| lacks.who_could.iter());
        vec![
            self.team.to_string(),
            self.risk.to_string(),
            grouped(self.datasets),
            format!("{}{until}{said}", self.state),
            by.join(", "),
            lacks.unwrap_or_default(),
            could.map(|name| name.to_string()).collect::<Vec<_>>().join(", "),
        ]
    }
}

fn approved(one: &ApprovalGiven) -> String {
    match (one.broken_glass, &one.note) {
        (false, _) => one.person.to_string(),
        (true, None) => format!("{} (broke the glass)", one.person),
        (true, Some(why)) => format!("{} (broke the glass: {why})", one.person),
    }
}

impl Row for Comment {
    const HEADS: &'static [&'static str] = &["comment", "by", "at", "about", "what"];
    fn cells(&self) -> Vec<String> {
        let open = match (self.question, &self.resolved) {
            (true, None) => " (open question)",
            (true, Some(_)) => " (resolved)",
            (false, _) => "",
        };
        let answer = self.resolution.as_ref().map(|answer| format!(" -> {answer}")).unwrap_or_default();
        vec![
            self.number.to_string(),
            self.person.to_string(),
            self.at.to_string(),
            self.slice.as_ref().map(|slice| slice.to_string()).unwrap_or_default(),
            format!("{}{open}{answer}", self.text),
        ]
    }
}

pub(super) fn say(settings: &Settings, to: (&Server, View), saying: &Saying) -> CommandResult {
    match saying {
        Saying::Approve { said, wave } => {
            sent(to, (said, CampaignVerb::Approve), Beside { wave: *wave, until: None })
        }
        Saying::Revoke(said) => sent(to, (said, CampaignVerb::Revoke), Beside::default()),
        Saying::Defer { said, until } => {
            sent(to, (said, CampaignVerb::Defer), Beside { wave: None, until: Some(*until) })
        }
        Saying::Decline { said, yes } => {
            confirmed(settings, *yes, &format!("leave this part of {} out for good?", said.campaign))?;
            sent(to, (said, CampaignVerb::Decline), Beside::default())
        }
        Saying::BreakGlass { said, yes } => {
            let question = format!(
                "go on with {} without the approvals that it needs? That is on record for ever, with your name",
                said.campaign
            );
            confirmed(settings, *yes, &question)?;
            sent(to, (said, CampaignVerb::BreakGlass), Beside::default())
        }
        Saying::Approvals { campaign } => approvals(to, campaign),
        Saying::Comment(asked) => comment(to, asked),
    }
}

fn sent(
    (server, view): (&Server, View),
    (said, verb): (&Said, CampaignVerb),
    beside: Beside,
) -> CommandResult {
    let path = format!("campaigns/{}", encoded(&said.campaign));
    let there: Campaign = server.get(&path)?;
    let action = CampaignAction {
        reason: said.reason.as_deref().map(|text| worded("--reason", text)).transpose()?,
        plan: said.plan.or(there.plan.as_ref().map(|plan| plan.digest)),
        slice: said.slice.as_deref().map(|text| worded("--slice", text)).transpose()?,
        wave: beside.wave,
        until: beside.until,
        ..CampaignAction::seen(there.state)
    };
    let now: Campaign = server.post(&format!("{path}/actions/{verb}"), &action)?;
    shown::campaign(view, &now);
    Ok(())
}

/// How its plan stands with people.
fn approvals((server, view): (&Server, View), campaign: &str) -> CommandResult {
    let now: Approvals = server.get(&format!("campaigns/{}/approvals", encoded(campaign)))?;
    view.told(&now, || {
        banner(&now).iter().for_each(|line| render::line(line));
        let plan = now.plan.map(|plan| format!(", plan {plan}")).unwrap_or_default();
        render::line(&format!("{} {}: {}{plan}", now.campaign, now.name, now.state));
        if !now.slices.is_empty() {
            view.all(&now.slices);
        }
        for wave in now.waves.iter() {
            render::line(&format!("wave {} was let through by {}", wave.wave, wave.person));
        }
        if let Some(wave) = now.wave_waits {
            render::line(&format!(
                "wave {wave} waits: skein campaign approve {} --wave {wave}",
                now.campaign
            ));
        }
        if now.open_questions > 0 {
            render::line(&format!(
                "{} open: skein campaign comment {}",
                render::counted(now.open_questions, "question"),
                now.campaign
            ));
        }
    });
    Ok(())
}

/// What nobody is to overlook.
pub(super) fn banner(now: &Approvals) -> Vec<String> {
    let mut lines = Vec::new();
    if now.single_user {
        lines.push("** this server is one user's alone: nobody has to approve anything **".to_owned());
    }
    if now.broken_glass {
        lines.push(format!("** {BROKEN_GLASS} **"));
    }
    lines
}

fn comment((server, view): (&Server, View), asked: &CommentArgs) -> CommandResult {
    let path = format!("campaigns/{}/comments", encoded(&asked.campaign));
    let text = asked.text.as_deref().map(|text| worded("the comment", text)).transpose()?;
    let said: Comment = match (asked.resolve, text) {
        (Some(number), note) => {
            let through = asked.through;
            server.post(&format!("{path}/{number}/resolve"), &CommentResolve { note, through })?
        }
        (None, Some(text)) => {
            let slice = asked.slice.as_deref().map(|slice| worded("--slice", slice)).transpose()?;
            server.post(&path, &CommentAdd { text, slice, question: asked.question })?
        }
        (None, None) => {
            let all = ListArgs { limit: None, all: true, columns: Vec::new() };
            return view.list::<Comment>(server, (&path, ""), &all);
        }
    };
    view.one(&said);
    Ok(())
}

fn worded<const MAX: usize, const MIN: usize>(what: &str, text: &str) -> Result<Text<MAX, MIN>, Failure> {
    Text::new(text).map_err(|error| Failure::text(codes::USAGE, format!("{what}: {error}")))
}
