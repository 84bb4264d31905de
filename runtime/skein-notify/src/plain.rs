//! Plain text for people, whatever it was made of.
//!
//! Names of campaigns and datasets go into subjects of mail, headings of chats and JSON. What is here makes one line of any
//! text: no line break, no control character, nothing that turns the direction of what follows, and no longer than asked.

/// What stands at the end of a text that was cut.
const CUT: char = '…';

/// One line of at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let tame: String = text.chars().map(|c| if disturbs(c) { ' ' } else { c }).collect();
    let tame = tame.trim();
    if tame.chars().nth(most).is_none() {
        return tame.to_owned();
    }
    let mut cut: String = tame.chars().take(most.saturating_sub(1)).collect();
    cut.push(CUT);
    cut
}

/// As much of a text as has room in `most` UTF-16 units once each character is written by `write`; what a character
/// becomes is never cut.
pub(crate) fn written_within(
    text: &str,
    most: usize,
    write: impl Fn(char) -> Option<&'static str>,
) -> String {
    let mut whole = String::new();
    let (mut units, mut last_that_leaves_room) = (0, 0);
    for character in text.chars() {
        if units < most {
            last_that_leaves_room = whole.len();
        }
        let before = whole.len();
        match write(character) {
            Some(as_text) => whole.push_str(as_text),
            None => whole.push(character),
        }
        units += whole[before..].encode_utf16().count();
        if units > most {
            whole.truncate(last_that_leaves_room);
            whole.push(CUT);
            return whole;
        }
    }
    whole
}

/// Whether a character would do something else than stand there, or may not stand in a text of CloudEvents.
pub(crate) fn disturbs(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{fdd0}'..='\u{fdef}')
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::{one_line, written_within};

    #[test]
    fn a_text_becomes_one_line_without_what_disturbs() {
        assert_eq!(one_line("a\r\nBcc: x@y\u{202e}\u{1b}[2J", 80), "a  Bcc: x@y  [2J");
        assert_eq!(one_line(" \n ", 80), "");
        assert_eq!(one_line("a\u{fffe}b\u{fdd0}c\u{10ffff}", 80), "a b c");
        assert_eq!(one_line("äöü€", 4), "äöü€");
        assert_eq!(one_line("äöü€x", 4), "äöü…");
    }

    #[test]
    fn what_is_written_for_a_character_is_never_cut() {
        let write = |c| (c == '&').then_some("&amp;");
        assert_eq!(written_within("a&b", 7, write), "a&amp;b");
        assert_eq!(written_within("a&b", 6, write), "a…");
        assert_eq!(written_within("&&&", 11, write), "&amp;&amp;…");
        // Each of these is two units.
        assert_eq!(written_within("🦢🦢🦢", 6, |_| None), "🦢🦢🦢");
        assert_eq!(written_within("🦢🦢🦢", 5, |_| None), "🦢🦢…");
    }
}
