//! What people say about a plan, and the questions that are to be resolved before anything is started.

use skein_api::{Comment, CommentAdd, CommentResolve, Page};
use skein_ledger::{CommentAdded, CommentResolved, Guard, Limit, Name, Text};
use skein_types::{CampaignId, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;

/// Comments on one campaign.
const COMMENTS_MAX: u64 = 1_000;

impl Control {
    /// Says something.
    pub(crate) fn comment(
        &self,
        who: &Principal,
        id: CampaignId,
        asked: &CommentAdd,
    ) -> Result<Comment, ServiceError> {
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

    /// A question that is open, by its number.
    fn question(&self, id: CampaignId, number: u64) -> Result<skein_ledger::Comment, ServiceError> {
        let row = self.comment_row(id, number)?;
        if row.question && row.resolved.is_none() {
            return Ok(row);
        }
        let what = if row.question { "was resolved before" } else { "is no question" };
        Err(ServiceError::new(codes::CAMPAIGN_STATE, format!("comment {number} {what}"))
            .hint(Some("there is nothing to resolve")))
    }

    /// What each question that is open is about.
    pub(super) fn asked_about(&self, id: CampaignId) -> Result<Vec<Option<Name>>, ServiceError> {
        let (mut about, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.comments(id, after, Limit::MAX)?;
            let open = page.items.into_iter().filter(|row| row.question && row.resolved.is_none());
            about.extend(open.map(|row| row.team));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(about),
            }
        }
    }

    /// Resolves a question. Who may was asked before.
    pub(crate) fn resolve(
        &self,
        who: &Principal,
        (id, number): (CampaignId, u64),
        asked: &CommentResolve,
    ) -> Result<Comment, ServiceError> {
        let mut state = self.state();
        self.question(id, number)?;
        let row = self.campaign_row(id)?;
        let note = Text::clip(asked.note.as_deref().unwrap_or_default());
        let resolved = CommentResolved { campaign: id, comment: number, person: who.person()?, note };
        let unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch: row.epoch }).decide(resolved);
        self.write(unit)?;
        if !row.state.is_terminal() {
            self.settle_approvals(&mut state, id, who)?;
        }
        drop(state);
        self.wake.reconciler();
        self.comment_row(id, number).map(shown_comment)
    }

    /// Comments by number.
    pub(crate) fn comments(&self, id: CampaignId, part: &ListPart) -> Result<Page<Comment>, ServiceError> {
        let after = part.after.as_deref().map(crate::campaigns::number).transpose()?;
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
