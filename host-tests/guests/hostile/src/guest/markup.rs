//! Behaviours that say, wherever a module can say something, what a page must not take for markup.

use super::nothing;
use super::resources::say;
use super::skein::migration::log;
use super::skein::migration::types::{Batch, Failure, Output, Reject};

const MARKUP: &str = "\"'><script>window.hurt=1</script><img src=x onerror=window.hurt=1>";

/// `None` if `behave` is none of these.
pub(super) fn process(behave: &str, b: &Batch) -> Option<Result<Output, Failure>> {
    Some(match behave {
        "markup-told" => {
            let field = (format!("field {MARKUP}"), format!("value {MARKUP}"));
            log::write(log::Level::Warn, &format!("log {MARKUP}"), &[field]);
            say(&format!("print {MARKUP}"));
            Ok(Output { data: Some(b.data.clone()), ..nothing() })
        }
        "markup-refused" => {
            let end = b.first_row + u64::from(b.rows);
            let reject = |row| Reject { row, code: MARKUP.to_owned(), message: format!("reject {MARKUP}") };
            Ok(Output { rejects: (b.first_row..end).map(reject).collect(), ..nothing() })
        }
        "markup-failed" => Err(Failure { code: MARKUP.to_owned(), message: format!("failure {MARKUP}") }),
        #[expect(clippy::panic, reason = "the behaviour asked for")]
        "markup-panicked" => panic!("panic {MARKUP}"),
        _ => return None,
    })
}
