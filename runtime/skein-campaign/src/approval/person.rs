//! Who is who: two tokens whose names look the same are one person's.
//!
//! Names of persons are compared by the skeleton of Unicode TS 39, which letters that look alike share, of their compatibility form in
//! lower case, without what leaves no mark. It errs to one side: two people who are called almost alike are taken for one and have to be
//! told apart by their names, and nobody is two. Nothing is shown of it. New names have to be [`plain`].

use std::cmp::Ordering;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_security::{GeneralSecurityProfile as _, MixedScript as _, skeleton};

/// What a plain name has beside letters, digits and their marks.
const BESIDE: [char; 7] = [' ', '.', '-', '_', '\'', '@', '+'];

/// The person behind an actor, whichever token was shown: equal to another if their names look the same.
#[derive(Clone, Debug)]
pub struct Person {
    name: String,
    seen: String,
}

impl Person {
    /// Behind an actor that is one, as records name it, or of a person's own name.
    pub fn of(actor: &str) -> Self {
        let name = actor.rsplit_once(" (tok_").map_or(actor, |(name, _)| name);
        Self { name: spelled(name), seen: seen(name) }
    }

    /// As records and lists name them: the token's name in lower case, without what nobody sees.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PartialEq for Person {
    fn eq(&self, other: &Self) -> bool {
        self.seen == other.seen
    }
}

impl Eq for Person {}

impl PartialOrd for Person {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Person {
    fn cmp(&self, other: &Self) -> Ordering {
        self.seen.cmp(&other.seen)
    }
}

fn spelled(name: &str) -> String {
    let seen: String = name.chars().filter(|c| !is_unseen(*c)).collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    if words.is_empty() { name.to_owned() } else { words.join(" ").to_lowercase() }
}

/// A character that leaves no mark: soft hyphens, joiners, directions, variants.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// What is seen of a name. Signs between its letters part it into words, and which they are makes no other person.
fn seen(name: &str) -> String {
    let low: String = name.nfkc().collect::<String>().to_lowercase();
    let bare: String = skeleton(&low)
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() || is_combining_mark(c) { c } else { ' ' })
        .collect();
    let words: Vec<&str> = bare.split_whitespace().collect();
    // Of a name without a letter nothing is left to compare but itself.
    if words.is_empty() { name.to_owned() } else { words.join(" ") }
}

/// Why a name is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlain {
    /// Nobody could be called by it.
    #[error("it has no letter")]
    NoLetter,
    /// A sign, or a letter that no name of today has, or nothing that is seen.
    #[error("it has {}, which is neither a letter nor a digit nor one of . - _ ' @ +", .0.escape_unicode())]
    Strange(char),
    /// Letters of several scripts, which look alike.
    #[error("it mixes letters of several scripts")]
    Mixed,
    /// Letters and marks that are one letter.
    #[error("a letter in it is written as several characters (it is not in NFC)")]
    Apart,
}

/// Whether a name can be a person's: letters, digits and marks of one script, in composed form, with a few plain signs.
pub fn plain(name: &str) -> Result<(), NotPlain> {
    let of_name = |c: char| (c.is_alphanumeric() || is_combining_mark(c)) && c.identifier_allowed();
    if let Some(strange) = name.chars().find(|c| !of_name(*c) && !BESIDE.contains(c)) {
        return Err(NotPlain::Strange(strange));
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err(NotPlain::NoLetter);
    }
    if !is_nfc(name) {
        return Err(NotPlain::Apart);
    }
    if name.is_single_script() { Ok(()) } else { Err(NotPlain::Mixed) }
}

#[cfg(test)]
mod tests {
    use super::{NotPlain, Person, plain};

    fn same(one: &str, other: &str) -> bool {
        Person::of(one) == Person::of(other)
    }

    #[test]
    fn whatever_is_written_between_the_letters_of_a_name_it_is_the_same_person() {
        assert_eq!(Person::of("Ada (tok_1)").name(), "ada");
        assert_eq!(Person::of("the machine").name(), "the machine");
        for spelled in [
            "Ada Lovelace (tok_1)",
            " ada\u{a0} lovelace (tok_2)",
            "ada love\u{200b}lace\u{feff} (tok_3)",
            "ada\u{2800}lovelace",
        ] {
            assert!(same(spelled, "ada lovelace"), "{spelled:?}");
        }
        assert_eq!(Person::of("\u{200b} (tok_4)").name(), "\u{200b}");
        // What draws nothing, wherever Unicode has it.
        for unseen in [
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{e0100}',
        ] {
            assert!(same(&format!("b{unseen}en"), "ben"), "{unseen:?}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_one_persons_and_others_are_not() {
        for (one, other) in [
            ("Jos\u{e9}", "Jose\u{301}"),
            ("\u{ff22}\u{ff45}\u{ff4e}", "ben"),
            ("\u{1d41b}\u{1d41e}\u{1d427}", "ben"),
            // Cyrillic, some letters of it and all of them.
            ("\u{430}d\u{430}", "ada"),
            ("\u{441}\u{43e}\u{441}\u{43e}", "Coco"),
            ("\u{391}nna", "anna"),
            ("b0b", "bob"),
            ("O\u{2019}Brien", "o'brien"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("ada", "ben"), ("jose", "jos\u{e9}"), ("ada lovelace", "ada"), ("ben2", "ben3")]
        {
            assert!(!same(one, other), "{one} {other}");
        }
        // What is written down stays readable.
        assert_eq!(Person::of("Mia").name(), "mia");
    }

    #[test]
    fn a_plain_name_has_letters_of_one_script_and_nothing_unseen() {
        for name in [
            "ada",
            "Ada Lovelace",
            "o'brien",
            "ben@pay.example",
            "mary-jane_2+x",
            "Jos\u{e9}",
            "\u{430}\u{434}\u{430}",
        ] {
            assert_eq!(plain(name), Ok(()), "{name}");
        }
        for (name, why) in [
            ("b\u{34f}en", NotPlain::Strange('\u{34f}')),
            ("b\u{3164}en", NotPlain::Strange('\u{3164}')),
            ("ben\u{e0100}", NotPlain::Strange('\u{e0100}')),
            ("b\u{2800}en", NotPlain::Strange('\u{2800}')),
            ("be\u{a0}n", NotPlain::Strange('\u{a0}')),
            ("\u{ff22}en", NotPlain::Strange('\u{ff22}')),
            ("ben (tok_1)", NotPlain::Strange('(')),
            ("Jose\u{301}", NotPlain::Apart),
            ("\u{430}d\u{430}", NotPlain::Mixed),
            ("12-3", NotPlain::NoLetter),
        ] {
            assert_eq!(plain(name), Err(why), "{name}");
        }
        let said = plain("b\u{34f}en").unwrap_err().to_string();
        assert_eq!(said, "it has \\u{34f}, which is neither a letter nor a digit nor one of . - _ ' @ +");
    }
}
