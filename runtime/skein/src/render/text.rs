//! Words of strangers (values, names, messages) on a terminal: harmless, and as wide as there is room.

use unicode_width::UnicodeWidthChar as _;

use crate::settings::Page;

/// How something is set off where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Heading,
    /// Of less interest.
    Dim,
    /// Another value than it was.
    Changed,
    /// Came to be.
    Good,
    /// Is gone or refused.
    Bad,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Heading => "\u{1b}[1m",
            Self::Dim => "\u{1b}[2m",
            Self::Changed => "\u{1b}[33m",
            Self::Good => "\u{1b}[32m",
            Self::Bad => "\u{1b}[31m",
        }
    }
}

/// The text in a style, if the page has colours. The text itself must be harmless already.
pub(crate) fn painted(text: &str, style: Style, page: Page) -> String {
    if page.colours && style != Style::Plain && !text.is_empty() {
        format!("{}{text}\u{1b}[0m", style.code())
    } else {
        text.to_owned()
    }
}

/// The text without anything that a terminal would obey or a reader could not see: control characters, invisible ones
/// and those that turn the direction of writing are escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_unseen(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    safe
}

const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

/// Cells that the text takes in a line.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `room` cells; what does not fit gives way to `…`.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken < room
    };
    let mut short: String = text.chars().take_while(fits).collect();
    if room > 0 {
        short.push('…');
    }
    short
}

/// The text and blanks up to `room` cells.
pub(crate) fn padded(text: &str, room: usize) -> String {
    let mut padded = cut(text, room);
    padded.extend(std::iter::repeat_n(' ', room.saturating_sub(width(&padded))));
    padded
}

#[cfg(test)]
mod tests {
    use super::{Style, cut, escaped, padded, painted, width};
    use crate::settings::Page;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(escaped("a\u{1b}[31mb\r\n\tc"), "a\\u{1b}[31mb\\r\\n\\tc");
        assert_eq!(escaped("x\u{202e}fdp.exe\u{200b}"), "x\\u{202e}fdp.exe\\u{200b}");
        assert_eq!(escaped("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(escaped("Übergröße 東京 \\ \"quoted\""), "Übergröße 東京 \\ \"quoted\"");
    }

    #[test]
    fn wide_characters_take_two_cells() {
        assert_eq!((width("東京"), width("ab"), width("e\u{301}")), (4, 2, 1));
        assert_eq!(cut("東京都", 5), "東京…");
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 3), "ab…");
        assert_eq!(cut("abcdef", 0), "");
        assert_eq!(padded("東", 4), "東  ");
    }

    #[test]
    fn without_colours_text_is_only_text() {
        let page = |colours| Page { width: 80, colours };
        assert_eq!(painted("x", Style::Bad, page(false)), "x");
        assert_eq!(painted("x", Style::Bad, page(true)), "\u{1b}[31mx\u{1b}[0m");
    }
}
