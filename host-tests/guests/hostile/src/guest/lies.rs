//! Answers that are sound and not true: rows that are lost, doubled, moved or emptied while the plan says that both columns pass
//! through unchanged, and counts that do not hold.
//!
//! A word after the lie says when it is told: `lie-null` always, `lie-null-later` not in the first rows that somebody may look
//! at before, `lie-null-ragged` only in batches of an odd number of rows.

use super::arrow::{Message, Rows, stream};
use super::nothing;
use super::skein::migration::types::{Batch, Output, Reject};

/// Rows that are told right where the lie comes later.
const HONEST: u64 = 40_000;

/// The answer, if `behave` is a lie.
pub(super) fn answer(behave: &str, b: &Batch) -> Option<Output> {
    let lie = behave.strip_prefix("lie-")?;
    if lie == "none" {
        // Whatever types they have.
        return Some(Output { data: Some(b.data.clone()), ..nothing() });
    }
    let mut rows = Rows::read(&b.data);
    let (lie, now) = match lie.split_once('-') {
        Some((lie, "later")) => (lie, b.first_row >= HONEST),
        Some((lie, "ragged")) => (lie, b.rows % 2 == 1),
        _ => (lie, true),
    };
    let mut answer = nothing();
    if now && rows.numbers.len() > 1 {
        told(lie, b, (&mut rows, &mut answer));
    }
    answer.data = Some(stream(&b.data, &[Message::of(&rows).bytes()]));
    Some(answer)
}

fn told(lie: &str, b: &Batch, (rows, answer): (&mut Rows, &mut Output)) {
    match lie {
        "drop" => rows.remove(0),
        "duplicate" => rows.push_again(0),
        "trade" => {
            // As many rows as before.
            rows.remove(0);
            rows.push_again(0);
        }
        "reorder" => rows.reverse(),
        "swap" => rows.texts.swap(0, 1),
        "null" => {
            // The first that is something.
            if let Some(text) = rows.texts.iter_mut().find(|text| text.is_some()) {
                *text = None;
            }
        }
        "change" => rows.numbers[0] += 1,
        // Refused, and there all the same.
        "reject" => {
            let (code, message) = ("bad".to_owned(), "a row".to_owned());
            answer.rejects = vec![Reject { row: b.first_row, code, message }];
        }
        // All are kept, and one is missing.
        "kept" => {
            let mut bits = vec![0xff; b.rows.div_ceil(8) as usize];
            let tail = b.rows % 8;
            if let Some(last) = bits.last_mut().filter(|_| tail > 0) {
                *last = (1 << tail) - 1;
            }
            answer.kept = Some(bits);
            rows.remove(0);
        }
        _ => {}
    }
}
