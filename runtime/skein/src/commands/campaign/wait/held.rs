//! The end of a wait for a campaign of which held runs alone are left: which, why, and what to ask for.

use skein_api::{CampaignProgress, Page, Run};
use skein_types::codes;

use super::{Patience, asked};
use crate::failure::Failure;
use crate::render;
use crate::server::{Server, encoded};

/// Held runs that are named; the rest is counted.
const NAMED: usize = 5;

/// What is held: how many, and the first of them; and how many others are put off.
pub(super) struct Held {
    all: u64,
    put_off: u64,
    first: Vec<Run>,
}

/// Asks for the first held runs.
pub(super) fn first(
    server: &Server,
    (campaign, last): (&str, &CampaignProgress),
    patience: &mut Patience,
) -> Result<Held, Failure> {
    let path = format!("campaigns/{}/runs?state=held&limit={NAMED}", encoded(campaign));
    let page: Page<Run> = asked(server, &path, patience)?;
    Ok(Held { all: last.runs.held, put_off: last.put_off, first: page.items.into_vec() })
}

/// That somebody has to decide about them.
pub(super) fn waits(campaign: &str, held: &Held) -> Failure {
    let of = render::counted(held.all, "run");
    let others = match held.put_off {
        0 => String::new(),
        others => format!(", beside {others} put off or not approved"),
    };
    let message =
        format!("all that is left of {campaign} is {of} that rules hold{others}: somebody has to decide");
    let why = |run: &Run| run.why.as_ref().map(|why| format!(": {}", why.message)).unwrap_or_default();
    let mut lines: Vec<String> =
        held.first.iter().map(|run| format!("run {} over {}{}", run.seq, run.name, why(run))).collect();
    let more = held.all.saturating_sub(held.first.len() as u64);
    if more > 0 {
        lines.push(format!("and {more} more: skein campaign runs {campaign} --in held"));
    }
    // Somebody may have decided about the last one since.
    let run = held.first.first().map_or_else(|| "RUN".to_owned(), |run| run.seq.to_string());
    Failure::text(codes::CAMPAIGN_WAITS, message)
        .details(lines)
        .hint(Some(format!("skein campaign release|recheck|discard {campaign} {run} --reason WHY")))
}

#[cfg(test)]
mod tests {
    use super::{Held, waits};

    #[test]
    fn what_is_not_named_is_counted() {
        let failure = waits("cmp_1", &Held { all: 7, put_off: 0, first: Vec::new() });
        assert_eq!(
            failure.message(),
            "all that is left of cmp_1 is 7 runs that rules hold: somebody has to decide"
        );
        let told = format!("{failure:?}");
        assert!(told.contains("and 7 more: skein campaign runs cmp_1 --in held"), "{told}");
        assert!(told.contains("skein campaign release|recheck|discard cmp_1 RUN --reason WHY"), "{told}");
        let beside = waits("cmp_1", &Held { all: 1, put_off: 3, first: Vec::new() });
        assert_eq!(
            beside.message(),
            "all that is left of cmp_1 is 1 run that rules hold, beside 3 put off or not approved: somebody has to decide"
        );
    }
}
