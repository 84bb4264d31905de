//! A notice as a message to a chat, in the form of Slack's incoming webhooks.
//!
//! <https://docs.slack.dev/messaging/formatting-message-text>: `&`, `<` and `>` are written as entities, so that a name can neither
//! call people (`<!channel>`) nor hide a link. Chats that take the same form and know no blocks show `text`, which
//! says all of it.

use serde_json::{Value, json};

use crate::notice::Notice;
use crate::plain::written_within;

/// Of a `header` block's text.
const HEADER_MOST: usize = 150;
/// Of a `section` block's text.
const SECTION_MOST: usize = 3_000;
/// Of `text`: what Slack recommends; it cuts at ten times that.
const TEXT_MOST: usize = 4_000;

/// The body, and each text of it within Slack's limits.
pub fn slack_body(notice: &Notice) -> Vec<u8> {
    let lines = notice.lines.join("\n");
    let mut blocks = vec![json!({ "type": "header", "text": plain(&notice.title, HEADER_MOST) })];
    if !lines.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&lines, SECTION_MOST) }));
    }
    if let Some(link) = &notice.link {
        let link = format!("<{}|Look>", escaped(link, SECTION_MOST - "<|Look>".len()));
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": link } }));
    }
    if let Some(chain) = &notice.chain {
        let elements = [plain(&format!("ledger {chain}"), SECTION_MOST)];
        blocks.push(json!({ "type": "context", "elements": elements }));
    }
    let said = [Some(&notice.title), Some(&lines), notice.link.as_ref()];
    let said = said.into_iter().flatten().filter(|text| !text.is_empty());
    let text = escaped(&said.cloned().collect::<Vec<_>>().join("\n"), TEXT_MOST);
    let body = json!({ "text": text, "mrkdwn": false, "blocks": blocks });
    serde_json::to_vec(&body).expect("texts under names")
}

/// Text in which signs such as `*` mean nothing.
fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": escaped(text, most), "emoji": false })
}

fn escaped(text: &str, most: usize) -> String {
    written_within(text, most, |character| match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::slack_body;
    use crate::notice::Notice;
    use crate::notice::tests::{head, notice, said};

    #[test]
    fn a_message_has_title_lines_and_link_and_nothing_that_slack_would_follow() {
        let body: Value = serde_json::from_slice(&slack_body(&notice())).unwrap();
        let title = "Halted: drop &lt;phone&gt; &amp; fax";
        let lines = "4 runs of wave 1 failed.\n.\nSee what *failed*.";
        let link = "http://127.0.0.1:7447/campaigns/cmp_1";
        let chain = format!("ledger 4712:blake3:{}", "ab".repeat(32));
        assert_eq!(
            body,
            json!({
                "text": format!("{title}\n{lines}\n{link}"),
                "mrkdwn": false,
                "blocks": [
                    { "type": "header", "text": { "type": "plain_text", "text": title, "emoji": false } },
                    { "type": "section", "text": { "type": "plain_text", "text": lines, "emoji": false } },
                    { "type": "section", "text": { "type": "mrkdwn", "text": format!("<{link}|Look>") } },
                    { "type": "context", "elements": [{ "type": "plain_text", "text": chain, "emoji": false }] },
                ],
            })
        );
    }

    #[test]
    fn a_link_cannot_end_itself() {
        let mut head = head();
        head.link = Some("https://a/?x=1&y=<b>|z".to_owned());
        let notice = Notice::new(head, said()).unwrap();
        let body: Value = serde_json::from_slice(&slack_body(&notice)).unwrap();
        assert_eq!(body["blocks"][2]["text"]["text"], "<https://a/?x=1&amp;y=%3Cb%3E%7Cz|Look>");
    }

    #[test]
    fn nothing_to_say_is_no_block() {
        let mut head = head();
        head.link = None;
        head.chain = None;
        let mut said = said();
        said.lines = Vec::new();
        let body: Value = serde_json::from_slice(&slack_body(&Notice::new(head, said).unwrap())).unwrap();
        assert_eq!(body["blocks"].as_array().unwrap().len(), 1);
        assert_eq!(body["text"], "Halted: drop &lt;phone&gt; &amp; fax");
    }
}
