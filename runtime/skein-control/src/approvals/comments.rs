//! What people say about a plan, and the questions that are to be resolved before anything is started.

use skein_api::{Comment, CommentAdd, CommentResolve, Page};
use skein_campaign::approval::Person;
use skein_ledger::{CommentAdded, CommentResolved, Guard, Limit, Name, Text, Unit};
use skein_types::{CampaignId, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;

/// Comments on one campaign.
const COMMENTS_MAX: u64 = 1_000;
/// Of these, what one of many may say.
const OF_ONE_MAX: u64 = 50;
/// Questions of one person that are open at once: an answer to one makes room for the next.
const OPEN_OF_ONE_MAX: u64 = 3;
/// Questions that are resolved in one unit.
const CHUNK: usize = 256;

impl Control {
    /// Says something.
    pub(crate) fn comment(
        &self,
        who: &Principal,
        id: CampaignId,
        asked: &CommentAdd,
    ) -> Result<Comment, ServiceError> {
        if asked.question {
            who.is_a_person("asks what has to be answered first")?;
        }
        let team = asked.slice.as_deref().map(|slice| name("slice", slice)).transpose()?;
        let mut state = self.state();
        let row = self.campaign_row(id)?;
        if let Some(team) = &team {
            self.slice(id, team)?;
        }
        if row.comments >= COMMENTS_MAX {
            let message = format!("the campaign has {COMMENTS_MAX} comments, and no more fit");
            return Err(ServiceError::new(codes::BODY_TOO_LARGE, message));
        }
        self.has_room(who, id, asked.question)?;
        let comment = row.comments + 1;
        let (person, text) = (who.person()?, Text::clip(&asked.text));
        let added = CommentAdded { campaign: id, comment, team, question: asked.question, text, person };
        let unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch: row.epoch }).decide(added);
        self.write(unit)?;
        if asked.question && !row.state.is_terminal() {
            self.settle_approvals(&mut state, id, who)?;
        }
        drop(state);
        self.wake.reconciler();
        self.comment_row(id, comment).map(shown_comment)
    }

    /// Refuses what one person says beyond their part: nobody fills the place of all, or holds a campaign up with more and more.
    fn has_room(&self, who: &Principal, id: CampaignId, asks: bool) -> Result<(), ServiceError> {
        let (mut said, mut open) = (0, 0);
        self.each_comment(id, |row| {
            if Person::of(row.person.as_str()) == who.who() {
                said += 1;
                open += u64::from(is_open(&row));
            }
        })?;
        if said >= OF_ONE_MAX {
            let message =
                format!("{} has made {said} comments on this campaign, and no more fit", who.actor());
            return Err(ServiceError::new(codes::BODY_TOO_LARGE, message));
        }
        if asks && open >= OPEN_OF_ONE_MAX {
            let message = format!("{open} questions of {} about this plan are not resolved", who.actor());
            return Err(ServiceError::new(codes::QUESTION_OPEN, message)
                .hint(Some("resolve one that was answered, or say more without a question")));
        }
        Ok(())
    }

    fn each_comment(
        &self,
        id: CampaignId,
        mut of: impl FnMut(skein_ledger::Comment),
    ) -> Result<(), ServiceError> {
        let mut after = None;
        loop {
            let page = self.ledger.comments(id, after, Limit::MAX)?;
            page.items.into_iter().for_each(&mut of);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Questions that are open, from a number through another one.
    pub(crate) fn open_among(
        &self,
        id: CampaignId,
        (from, through): (u64, u64),
    ) -> Result<Vec<skein_ledger::Comment>, ServiceError> {
        let mut open = Vec::new();
        self.each_comment(id, |row| {
            if is_open(&row) && (from..=through).contains(&row.number) {
                open.push(row);
            }
        })?;
        Ok(open)
    }

    /// A question that is open, by its number.
    pub(crate) fn question(
        &self,
        id: CampaignId,
        number: u64,
    ) -> Result<skein_ledger::Comment, ServiceError> {
        let row = self.comment_row(id, number)?;
        if is_open(&row) {
            return Ok(row);
        }
        let what = if row.question { "was resolved before" } else { "is no question" };
        Err(ServiceError::new(codes::CAMPAIGN_STATE, format!("comment {number} {what}"))
            .hint(Some("there is nothing to resolve")))
    }

    /// What each question that is open is about.
    pub(super) fn asked_about(&self, id: CampaignId) -> Result<Vec<Option<Name>>, ServiceError> {
        let mut about = Vec::new();
        self.each_comment(id, |row| {
            if is_open(&row) {
                about.push(row.team);
            }
        })?;
        Ok(about)
    }

    /// Resolves questions, which are open; answers with the first of them. Who may was asked before.
    pub(crate) fn resolve(
        &self,
        who: &Principal,
        (id, numbers): (CampaignId, &[u64]),
        asked: &CommentResolve,
    ) -> Result<Comment, ServiceError> {
        let mut state = self.state();
        for number in numbers {
            self.question(id, *number)?;
        }
        let row = self.campaign_row(id)?;
        let note = Text::clip(asked.note.as_deref().unwrap_or_default());
        let person = who.person()?;
        for some in numbers.chunks(CHUNK) {
            let unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch: row.epoch });
            let resolved = some.iter().map(|number| CommentResolved {
                campaign: id,
                comment: *number,
                person: person.clone(),
                note: note.clone(),
            });
            self.write(resolved.fold(unit, Unit::decide))?;
        }
        if !row.state.is_terminal() {
            self.settle_approvals(&mut state, id, who)?;
        }
        drop(state);
        self.wake.reconciler();
        let first = numbers.first().ok_or_else(|| ServiceError::bug("no question is resolved"))?;
        self.comment_row(id, *first).map(shown_comment)
    }

    /// Comments by number.
    pub(crate) fn comments(&self, id: CampaignId, part: &ListPart) -> Result<Page<Comment>, ServiceError> {
        let after = part.after.as_deref().map(crate::list::number).transpose()?;
        let page = self.ledger.comments(id, after, part.limit())?;
        shown::page(page.items, page.next.map(|next| next.to_string()), |row| Ok(shown_comment(row)))
    }

    pub(crate) fn comment_row(
        &self,
        id: CampaignId,
        number: u64,
    ) -> Result<skein_ledger::Comment, ServiceError> {
        let absent = || ServiceError::absent("comment", &number.to_string());
        let after = number.checked_sub(1).ok_or_else(absent)?;
        let page = self.ledger.comments(id, Some(after), Limit::new(1))?;
        page.items.into_iter().next().filter(|row| row.number == number).ok_or_else(absent)
    }
}

fn is_open(row: &skein_ledger::Comment) -> bool {
    row.question && row.resolved.is_none()
}

fn shown_comment(row: skein_ledger::Comment) -> Comment {
    let said = |text: &Text| (!text.as_str().is_empty()).then(|| shown::text(text));
    let by = |text: &Text| (!text.as_str().is_empty()).then(|| shown::text(text));
    Comment {
        number: row.number,
        slice: row.team.as_ref().map(|team: &Name| shown::text(team)),
        question: row.question,
        text: shown::text(&row.text),
        person: shown::text(&row.person),
        at: skein_api::Time(row.at),
        resolved: row.resolved.map(skein_api::Time),
        resolved_by: by(&row.resolved_by),
        resolution: said(&row.resolution),
    }
}
