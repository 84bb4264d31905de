//! Behaviours that tell what stands in rows, and one whose answer depends on how rows are cut into batches.

use super::arrow::Message;
use super::nothing;
use super::resources::say;
use super::skein::migration::types::{Batch, Failure, Output, Reject};
use super::skein::migration::{log, metrics};

/// What a planted value begins with.
const PLANTED: &[u8] = b"canary-";

/// `None` if `behave` is none of these.
pub(super) fn process(behave: &str, b: &Batch) -> Option<Result<Output, Failure>> {
    let planted = planted(&b.data);
    let echo = || Output { data: Some(b.data.clone()), ..nothing() };
    Some(match behave {
        "rows-told" => {
            log::write(log::Level::Warn, &planted, &[(planted.clone(), planted.clone())]);
            say(&planted);
            metrics::count(&planted, 1);
            metrics::gauge(&planted, 0.5);
            Ok(echo())
        }
        "rows-refused" => {
            let end = b.first_row + u64::from(b.rows);
            let reject = |row| Reject { row, code: planted.clone(), message: planted.clone() };
            Ok(Output { rejects: (b.first_row..end).map(reject).collect(), ..nothing() })
        }
        "rows-failed" => Err(Failure { code: planted.clone(), message: planted }),
        #[expect(clippy::panic, reason = "the behaviour asked for")]
        "rows-panicked" => panic!("{planted}"),
        "by-batch" => {
            let numbers = vec![i64::from(b.rows); b.rows as usize];
            let message = Message::with(&numbers, &vec![b'x'; b.rows as usize], |row| row);
            Ok(Output { data: Some(super::arrow::stream(&b.data, &[message.bytes()])), ..nothing() })
        }
        _ => return None,
    })
}

/// The first planted value among texts of a batch, which lie in its body as they are.
fn planted(data: &[u8]) -> String {
    let at = data.windows(PLANTED.len()).position(|some| some == PLANTED);
    let rest = at.map(|at| &data[at..]).unwrap_or_default();
    let word = rest.iter().take(40).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    String::from_utf8_lossy(&word.copied().collect::<Vec<u8>>()).into_owned()
}
