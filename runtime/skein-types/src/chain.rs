//! An error as one line.

use std::error::Error;
use std::fmt::Write as _;

/// The error and what caused it, on one line, without repeating a cause that the message already quotes.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            // Writing to a String cannot fail.
            write!(text, ": {inner_text}").expect("a string can always grow");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        source: Option<Box<Layer>>,
    }

    #[test]
    fn causes_follow_and_none_is_said_twice() {
        let layer = |text, source: Option<Layer>| Layer { text, source: source.map(Box::new) };
        let error = layer("cannot open a", Some(layer("a", Some(layer("denied", None)))));
        assert_eq!(chain(&error), "cannot open a: denied");
    }
}
