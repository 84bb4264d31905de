//! Reading a layout as somebody wrote it.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{LAYOUT_BYTES_MAX, LAYOUT_PARTS_MAX, Layout, Part, What};
use crate::bounded::{Text, TooLong};
use crate::dataset::Labels;

/// What cannot be a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It is too long, or has characters that nobody sees.
    #[error(transparent)]
    Text(#[from] TooLong),
    /// It has too many parts.
    #[error("a layout of {parts} parts; at most {LAYOUT_PARTS_MAX} are allowed")]
    Parts {
        /// It has.
        parts: usize,
    },
    /// It has too many labels.
    #[error("a layout with {labels} labels; at most {} are allowed", Labels::MAX)]
    Labels {
        /// It has.
        labels: usize,
    },
    /// A part cannot be one.
    #[error("part {at} of the layout, {part:?}, {why}")]
    Part {
        /// Which, from 1.
        at: usize,
        /// As it was written.
        part: String,
        /// Why not.
        why: PartError,
    },
}

/// What is wrong with a part. Display goes on from "this part".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// As in `a//b`, or at the beginning or end.
    #[error("has nothing in it: paths are from the directory that is scanned")]
    Empty,
    /// No path of a scan has it.
    #[error("stands for no name")]
    Dots,
    /// `**` before the end.
    #[error("may only be the last")]
    NotLast,
    /// A star beside something else.
    #[error("has a * beside something else: * and ** stand alone")]
    Star,
    /// A brace without its other one, or in another one.
    #[error("has a brace without its other one")]
    Brace,
    /// Where one would end and the other begin nobody could say.
    #[error("has braces twice: a part says one thing")]
    Twice,
    /// Something else in braces.
    #[error("has {{{named}}}, which nothing is known of: there are {{owner}} and {{label:KEY}}")]
    Unknown {
        /// What.
        named: String,
    },
    /// No key of a label.
    #[error("has no key for a label: {why}")]
    Key {
        /// Why not.
        why: String,
    },
    /// Another part said it.
    #[error("says what a part before says")]
    Again,
}

impl FromStr for Layout {
    type Err = LayoutError;
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        Self::try_from(Text::new(text)?)
    }
}

impl TryFrom<Text<LAYOUT_BYTES_MAX>> for Layout {
    type Error = LayoutError;
    fn try_from(text: Text<LAYOUT_BYTES_MAX>) -> Result<Self, LayoutError> {
        let written: Vec<&str> = text.split('/').collect();
        if written.len() > LAYOUT_PARTS_MAX {
            return Err(LayoutError::Parts { parts: written.len() });
        }
        let (mut parts, mut said, mut open) = (Vec::new(), BTreeSet::new(), false);
        for (at, part) in (1..).zip(&written) {
            let wrong = |why| LayoutError::Part { at, part: (*part).to_owned(), why };
            if *part == "**" {
                open = true;
                if at < written.len() {
                    return Err(wrong(PartError::NotLast));
                }
                continue;
            }
            let read = read(part).map_err(wrong)?;
            if let Part::Says { what, .. } = &read
                && !said.insert(what.clone())
            {
                return Err(wrong(PartError::Again));
            }
            parts.push(read);
        }
        let layout = Self { text: text.clone(), parts, open };
        let labels = layout.label_keys().count();
        if labels > Labels::MAX { Err(LayoutError::Labels { labels }) } else { Ok(layout) }
    }
}

fn read(part: &str) -> Result<Part, PartError> {
    match part {
        "" => return Err(PartError::Empty),
        "." | ".." => return Err(PartError::Dots),
        "*" => return Ok(Part::Any),
        _ => {}
    }
    if part.contains('*') {
        return Err(PartError::Star);
    }
    let Some((before, rest)) = part.split_once('{') else {
        return if part.contains('}') { Err(PartError::Brace) } else { Ok(Part::Same(part.to_owned())) };
    };
    let (named, behind) = rest.split_once('}').ok_or(PartError::Brace)?;
    if behind.contains('{') {
        return Err(PartError::Twice);
    }
    if before.contains('}') || named.contains('{') || behind.contains('}') {
        return Err(PartError::Brace);
    }
    let what = what(named)?;
    Ok(Part::Says { before: before.to_owned(), what, behind: behind.to_owned() })
}

fn what(named: &str) -> Result<What, PartError> {
    if named == "owner" {
        return Ok(What::Owner);
    }
    let unknown = || PartError::Unknown { named: named.to_owned() };
    let key = named.strip_prefix("label:").ok_or_else(unknown)?;
    if key.is_empty() {
        return Err(PartError::Key { why: "it is empty".to_owned() });
    }
    Text::new(key).map(What::Label).map_err(|error| PartError::Key { why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use proptest::prelude::{any, prop, proptest};

    fn refused(layout: &str) -> String {
        layout.parse::<Layout>().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_a_layout_is_refused_with_the_part_and_why() {
        let nothing = "has nothing in it: paths are from the directory that is scanned";
        let cases = [
            ("", format!("part 1 of the layout, \"\", {nothing}")),
            ("/{owner}", format!("part 1 of the layout, \"\", {nothing}")),
            ("{owner}/", format!("part 2 of the layout, \"\", {nothing}")),
            ("a//b", format!("part 2 of the layout, \"\", {nothing}")),
            ("*/..", "part 2 of the layout, \"..\", stands for no name".into()),
            ("**/{owner}", "part 1 of the layout, \"**\", may only be the last".into()),
            (
                "{owner}/x*",
                "part 2 of the layout, \"x*\", has a * beside something else: * and ** stand alone".into(),
            ),
            ("{owner", "part 1 of the layout, \"{owner\", has a brace without its other one".into()),
            ("owner}", "part 1 of the layout, \"owner}\", has a brace without its other one".into()),
            ("{{owner}}", "part 1 of the layout, \"{{owner}}\", has a brace without its other one".into()),
            (
                "{owner}-{label:x}",
                "part 1 of the layout, \"{owner}-{label:x}\", has braces twice: a part says one thing".into(),
            ),
            (
                "*/{region}",
                "part 2 of the layout, \"{region}\", has {region}, which nothing is known of: there are {owner} \
                 and {label:KEY}"
                    .into(),
            ),
            ("{label:}", "part 1 of the layout, \"{label:}\", has no key for a label: it is empty".into()),
            ("{owner}/{owner}", "part 2 of the layout, \"{owner}\", says what a part before says".into()),
            ("{label:a}/{label:a}", "part 2 of the layout, \"{label:a}\", says what a part before says".into()),
            ("a\nb", r"a text with the control character '\n'".into()),
        ];
        for (layout, said) in cases {
            assert_eq!(refused(layout), said, "{layout}");
        }
        assert_eq!(refused(&["a"; 33].join("/")), "a layout of 33 parts; at most 32 are allowed");
        let key = format!("{{label:{}}}", "k".repeat(65));
        assert!(refused(&key).ends_with("a text of 65 bytes; at most 64 are allowed"), "{}", refused(&key));
        assert!(refused(&"n".repeat(1_001)).starts_with("a text of 1001 bytes"));
    }

    #[test]
    fn it_travels_as_it_was_written() {
        let text = r#""team-{owner}/{label:region}/**""#;
        let layout: Layout = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&layout).unwrap(), text);
        assert_eq!((layout.has_owner(), layout.label_keys().collect::<Vec<_>>()), (true, vec!["region"]));
        let refused = serde_json::from_str::<Layout>(r#""{ower}""#).unwrap_err().to_string();
        assert!(refused.starts_with("part 1 of the layout, \"{ower}\""), "{refused}");
    }

    proptest! {
        #[test]
        fn no_text_and_no_path_make_it_fail(layout in "[a{}*/:.olwner]{0,24}", path in any::<String>()) {
            if let Ok(layout) = layout.parse::<Layout>() {
                layout.read(&path).ok();
                let again: Layout = layout.as_str().parse().unwrap();
                assert_eq!(again, layout);
            }
        }

        #[test]
        fn a_path_that_is_made_of_a_layout_says_what_it_was_made_of(
            team in "[a-z][a-z-]{0,9}", region in "[a-z0-9.]{1,9}", below in prop::collection::vec("[a-z]{1,4}", 1..4)
        ) {
            let layout: Layout = "team-{owner}/*/{label:region}/**".parse().unwrap();
            let says = layout.read(&format!("team-{team}/x/{region}/{}", below.join("/"))).unwrap();
            assert_eq!(says.owner.unwrap().as_str(), team);
            assert_eq!(says.labels.iter().collect::<Vec<_>>(), [("region", region.as_str())]);
        }
    }
}
