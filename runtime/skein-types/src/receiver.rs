//! Where notices go, as a word.

use crate::word::words;

words! {
    /// What receives notices.
    ReceiverKind {
        /// Something that takes a signed body over HTTP.
        Http = "http",
        /// A channel of Slack, or what understands the same.
        Slack = "slack",
        /// A mailbox.
        Mail = "mail",
    }
}
