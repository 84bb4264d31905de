//! A page on which a form is filled in as it came, and says what is wrong.
//!
//! What is read here is what our templates wrote, and nothing else: each `<` begins a tag, values stand in double quotes, and whatever is
//! special in them or between tags is escaped.

use std::collections::BTreeMap;
use std::ops::Range;

use maud::{Markup, Render as _, html};
use skein_control::ServiceError;

use super::Sent;
use crate::form::{ONCE, PAGE, SECRET, decoded};
use crate::viewer::told;

/// What says what is wrong.
const WRONG: &str = "wrong";

/// What stands in some place of a page instead.
type Edit = (Range<usize>, String);

/// The page with its form filled in; none if it has no such form.
pub(super) fn in_page(page: &str, sent: &Sent, error: &ServiceError) -> Option<String> {
    let tags = tags(page);
    let form = form(&tags, sent)?;
    let (begin, within) = (&tags[form.start], &tags[form.start + 1..form.end]);
    let before = &tags[..form.start];
    let mut edits: Vec<Edit> = around("details", before).into_iter().filter_map(opened).collect();
    // A part that is asked for anew would not have it any more.
    let place = around("skein-live", before).first().map_or(begin.at.end, |live| live.at.start);
    edits.push((place..place, wrong(error).into_string()));
    let at_fault = at_fault(within, error.message.as_str());
    edits.extend(Filling { page, sent, at_fault, seen: BTreeMap::new() }.edits(within));
    Some(applied(page, edits))
}

/// What is wrong with a form, for where it stands.
pub(crate) fn wrong(error: &ServiceError) -> Markup {
    html! { div id=(WRONG) role="alert" { (told(error)) } }
}

/// A tag, and where in its page it stands.
#[derive(Debug)]
struct Tag<'a> {
    at: Range<usize>,
    name: &'a str,
    attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Tag<'a> {
    /// `text` is what stands between the brackets.
    fn of(at: Range<usize>, text: &'a str) -> Self {
        let (name, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut attributes = Vec::new();
        while !rest.is_empty() {
            let end = rest.find(['=', ' ']).unwrap_or(rest.len());
            let (key, behind) = rest.split_at(end);
            let value = behind.strip_prefix("=\"").and_then(|value| value.split_once('"'));
            attributes.push((key, value.map(|(value, _)| value)));
            let behind = value.map_or_else(|| behind.trim_start_matches('='), |(_, behind)| behind);
            rest = behind.trim_start();
        }
        Self { at, name, attributes }
    }

    fn has(&self, key: &str) -> bool {
        self.attributes.iter().any(|(name, _)| *name == key)
    }

    /// As it was before it was escaped.
    fn value(&self, key: &str) -> Option<String> {
        let (_, value) = self.attributes.iter().find(|(name, _)| *name == key)?;
        value.map(plain)
    }

    /// It again, without some attributes and with others.
    fn with(&self, without: &[&str], and: &[(&str, Option<&str>)]) -> String {
        let kept = self.attributes.iter().filter(|(name, _)| !without.contains(name));
        let written = |name: &str, value: Option<&str>| match value {
            Some(value) => format!(" {name}=\"{value}\""),
            None => format!(" {name}"),
        };
        let kept = kept.map(|(name, value)| written(name, *value));
        let new = and.iter().map(|(name, value)| written(name, value.map(escaped).as_deref()));
        format!("<{}{}>", self.name, kept.chain(new).collect::<String>())
    }

    /// Whether somebody says something in it that is sent.
    fn is_typed(&self) -> bool {
        match self.name {
            "textarea" | "select" => self.has("name"),
            "input" => self.has("name") && self.value("type").as_deref() != Some("hidden"),
            _ => false,
        }
    }
}

fn tags(page: &str) -> Vec<Tag<'_>> {
    let (mut tags, mut from) = (Vec::new(), 0);
    while let Some(begin) = page[from..].find('<').map(|at| from + at) {
        let Some(end) = page[begin..].find('>').map(|at| begin + at) else { break };
        tags.push(Tag::of(begin..end + 1, &page[begin + 1..end]));
        from = end + 1;
    }
    tags
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn escaped(text: &str) -> String {
    text.render().into_string()
}

/// The form that was sent, by its first tag and its last. Of several that are sent to one place it is the one whose hidden fields came.
fn form(tags: &[Tag<'_>], sent: &Sent) -> Option<Range<usize>> {
    let goes = |tag: &Tag<'_>, key| tag.value(key).is_some_and(|to| decoded(&to) == decoded(&sent.to));
    let came = |tag: &&Tag<'_>| {
        let (name, value) = (tag.value("name").unwrap_or_default(), tag.value("value").unwrap_or_default());
        let is_own = [SECRET, PAGE, ONCE].contains(&name.as_str());
        tag.value("type").as_deref() == Some("hidden") && !is_own && sent.fields.contains(&(name, value))
    };
    let forms = tags.iter().enumerate().filter(|(_, tag)| tag.name == "form").filter_map(|(first, tag)| {
        let last = first + tags[first..].iter().position(|tag| tag.name == "/form")?;
        let within = &tags[first + 1..last];
        let is_it = goes(tag, "action") || within.iter().any(|tag| goes(tag, "formaction"));
        is_it.then(|| (within.iter().filter(came).count(), first..last))
    });
    // Of those that are alike the first.
    forms.rev().max_by_key(|(alike, _)| *alike).map(|(_, form)| form)
}

/// Elements of a name that are open behind these tags, the outermost first.
fn around<'a, 'b>(name: &str, before: &'b [Tag<'a>]) -> Vec<&'b Tag<'a>> {
    let mut around = Vec::new();
    for tag in before {
        if tag.name == name {
            around.push(tag);
        } else if tag.name.strip_prefix('/') == Some(name) {
            around.pop();
        }
    }
    around
}

/// What is folded up is not.
fn opened(details: &Tag<'_>) -> Option<Edit> {
    (!details.has("open")).then(|| (details.at.clone(), details.with(&[], &[("open", None)])))
}

/// The field that a message is about: the one that it begins with or names as missing, or the only one that there is.
fn at_fault(within: &[Tag<'_>], message: &str) -> Option<String> {
    let typed = within.iter().filter(|tag| tag.is_typed());
    let mut names: Vec<String> = typed.filter_map(|tag| tag.value("name")).collect();
    names.dedup();
    let first = message.split_once(": ").map(|(name, _)| name);
    let mut named = first.into_iter().chain(message.split('`').nth(1));
    let named = named.find(|name| names.iter().any(|one| one == name)).map(str::to_owned);
    named.or_else(|| names.pop().filter(|_| names.is_empty()))
}

/// Filling a form in, from its first field to its last.
struct Filling<'a> {
    page: &'a str,
    sent: &'a Sent,
    /// The field that is at fault and is not marked yet.
    at_fault: Option<String>,
    /// How many fields of a name there were so far.
    seen: BTreeMap<String, usize>,
}

impl Filling<'_> {
    fn edits(mut self, within: &[Tag<'_>]) -> Vec<Edit> {
        let mut edits = Vec::new();
        // What was chosen in the select that is open.
        let mut chosen: Option<String> = None;
        for (number, tag) in within.iter().enumerate() {
            match tag.name {
                "input" => edits.extend(self.input(tag)),
                "textarea" => {
                    let end = within[number..].iter().find(|tag| tag.name == "/textarea");
                    edits.extend(self.textarea(tag, end));
                }
                "select" => {
                    chosen = self.typed(tag);
                    edits.extend(self.marked(tag, &[], &[]));
                }
                "/select" => chosen = None,
                "option" => edits.extend(chosen.as_deref().map(|chosen| self.option(tag, chosen))),
                _ => {}
            }
        }
        edits
    }

    /// What came of a field; none if nothing did.
    fn typed(&mut self, tag: &Tag<'_>) -> Option<String> {
        let name = tag.value("name")?;
        let seen = self.seen.entry(name.clone()).or_default();
        let mut values = self.sent.fields.iter().filter(|(sent, _)| *sent == name).map(|(_, value)| value);
        let value = values.nth(*seen).cloned();
        *seen += 1;
        value
    }

    fn input(&mut self, tag: &Tag<'_>) -> Option<Edit> {
        let kind = tag.value("type").unwrap_or_default();
        let name = tag.value("name").unwrap_or_default();
        match kind.as_str() {
            // What was seen is seen anew. A form that makes something stays the one that it was.
            "hidden" if name != ONCE => None,
            // No page has a secret.
            "password" => self.marked(tag, &[], &[]),
            "checkbox" | "radio" => {
                let value = tag.value("value").unwrap_or_else(|| "on".to_owned());
                let checked = self.sent.fields.contains(&(name, value)).then_some(("checked", None));
                self.marked(tag, &["checked"], checked.as_slice())
            }
            _ => {
                let typed = self.typed(tag)?;
                self.marked(tag, &["value"], &[("value", Some(&typed))])
            }
        }
    }

    fn textarea(&mut self, tag: &Tag<'_>, end: Option<&Tag<'_>>) -> Vec<Edit> {
        let typed = self.typed(tag).zip(end);
        // The first line break behind the tag is not of the text.
        let text = typed.map(|(typed, end)| (tag.at.end..end.at.start, format!("\n{}", escaped(&typed))));
        self.marked(tag, &[], &[]).into_iter().chain(text).collect()
    }

    fn option(&self, tag: &Tag<'_>, chosen: &str) -> Edit {
        let said = || plain(self.page[tag.at.end..].split('<').next().unwrap_or_default());
        let is_it = tag.value("value").unwrap_or_else(said) == chosen;
        (tag.at.clone(), tag.with(&["selected"], is_it.then_some(("selected", None)).as_slice()))
    }

    /// A field as it is to be, which says that it is at fault if it is.
    fn marked(&mut self, tag: &Tag<'_>, without: &[&str], and: &[(&str, Option<&str>)]) -> Option<Edit> {
        if !tag.is_typed() || self.at_fault.is_none() || tag.value("name") != self.at_fault {
            return (!without.is_empty()).then(|| (tag.at.clone(), tag.with(without, and)));
        }
        self.at_fault = None;
        let described = tag.value("aria-describedby");
        let described = described.map_or_else(|| WRONG.to_owned(), |by| format!("{by} {WRONG}"));
        let marks =
            [("aria-invalid", Some("true")), ("aria-describedby", Some(&*described)), ("autofocus", None)];
        let without = [without, &["aria-describedby", "autofocus"]].concat();
        Some((tag.at.clone(), tag.with(&without, &[and, &marks].concat())))
    }
}

fn applied(page: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(at, _)| at.start);
    let (mut out, mut from) = (String::with_capacity(page.len() + page.len() / 8), 0);
    for (at, text) in edits {
        out.push_str(&page[from..at.start]);
        out.push_str(&text);
        from = at.end;
    }
    out.push_str(&page[from..]);
    out
}

#[cfg(test)]
mod tests {
    use maud::{Markup, html};
    use skein_control::ServiceError;
    use skein_types::codes;

    use super::{Sent, in_page};

    fn sent(to: &str, fields: &[(&str, &str)]) -> Sent {
        let own = [("page", "/here"), ("form", "secret")].into_iter().chain(fields.iter().copied());
        let own: Vec<(String, String)> =
            own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Sent::of(to, &own).unwrap()
    }

    fn refused(page: Markup, sent: &Sent, message: &str) -> Option<String> {
        in_page(&page.into_string(), sent, &ServiceError::new(codes::BODY_INVALID, message))
    }

    /// A form with a field of each kind.
    fn all_kinds() -> Markup {
        html! {
            p { input name="name" value="elsewhere"; }
            form method="post" action="/to/a%20b?x=1&y=2" {
                input type="hidden" name="form" value="secret";
                input type="hidden" name="once" value="new";
                input type="hidden" name="version" value="8";
                input #name name="name" value="before" required aria-describedby="help" autofocus;
                input type="number" name="many" value="1";
                input name="left" value="as it is";
                input type="password" name="value";
                label { input type="checkbox" name="question" value="yes"; }
                label { input type="checkbox" name="other" value="yes" checked; }
                select name="kind" { option value="" { "none" } option value="a" selected { "A" } option { "b & c" } }
                textarea name="says" { "old <text>" }
                input name="twice"; input name="twice";
            }
        }
    }

    #[test]
    fn each_kind_of_field_has_what_was_typed_and_no_secret_has() {
        let fields = [
            ("once", "first"),
            ("version", "7"),
            ("name", "\"><script>x</script>"),
            ("many", ""),
            ("value", "hush-hush"),
            ("question", "yes"),
            ("kind", "b & c"),
            ("says", "a\r\n </textarea>"),
            ("twice", "one"),
            ("twice", "two"),
        ];
        let sent = sent("/to/a%20b?x=1&y=2", &fields);
        let page = refused(all_kinds(), &sent, "name: too <long>").unwrap();
        for there in [
            "<p><input name=\"name\" value=\"elsewhere\"></p>",
            "<div id=\"wrong\" role=\"alert\">",
            "name: too &lt;long&gt;",
            "name=\"once\" value=\"first\"",
            "name=\"version\" value=\"8\"",
            "<input id=\"name\" name=\"name\" required value=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\" aria-invalid=\"true\" \
             aria-describedby=\"help wrong\" autofocus>",
            "name=\"many\" value=\"\"",
            "name=\"left\" value=\"as it is\"",
            "<input type=\"password\" name=\"value\">",
            "name=\"question\" value=\"yes\" checked>",
            "name=\"other\" value=\"yes\">",
            "<option value=\"a\">A</option><option selected>b &amp; c</option>",
            ">\na\r\n &lt;/textarea&gt;</textarea>",
            "<input name=\"twice\" value=\"one\"><input name=\"twice\" value=\"two\">",
        ] {
            assert!(page.contains(there), "{there}: {page}");
        }
        assert!(!page.contains("hush") && !page.contains("<script>") && !page.contains("old "), "{page}");
        assert_eq!(page.matches("aria-invalid").count(), 1);
        assert!(refused(all_kinds(), &self::sent("/elsewhere", &fields), "name: no").is_none());
    }

    #[test]
    fn of_forms_that_are_sent_to_one_place_it_is_the_one_that_came() {
        let row = |name: &str| {
            html! {
                form method="post" action="/remove" {
                    input type="hidden" name="name" value=(name);
                    input type="hidden" name="version" value="3";
                    input name="why";
                }
            }
        };
        let page = || html! { (row("a")) (row("b")) (row("c")) };
        let page = refused(page(), &sent("/remove", &[("name", "b"), ("version", "2"), ("why", "so")]), "no")
            .unwrap();
        let forms: Vec<bool> = page.split("<form").skip(1).map(|form| form.contains("\"so\"")).collect();
        assert_eq!(forms, [false, true, false], "{page}");
        // The only field is the one that is at fault.
        assert!(page.contains("name=\"why\" value=\"so\" aria-invalid=\"true\""), "{page}");
    }

    #[test]
    fn a_form_that_is_folded_up_or_sent_by_its_buttons_is_found_and_what_is_missing_is_marked() {
        let page = html! {
            details { summary { "Other" } }
            details.rules {
                summary { "Set" }
                form method="post" {
                    input name="a"; input name="b";
                    button formaction="/act/approve" { "Approve" }
                    button formaction="/act/decline" { "Decline" }
                }
            }
        };
        let page = refused(page, &sent("/act/decline", &[("a", "x")]), "missing field `b`").unwrap();
        assert!(page.contains("<details><summary>Other"), "{page}");
        assert!(page.contains("<details class=\"rules\" open>"), "{page}");
        assert!(
            page.contains("<input name=\"a\" value=\"x\"><input name=\"b\"") && !page.contains("a\" aria"),
            "{page}"
        );
    }

    #[test]
    fn what_is_wrong_with_a_form_of_a_live_part_stands_before_that_part() {
        let form = html! { form method="post" action="/act" { input name="a"; } };
        let page = html! { p {} skein-live { div { (form) } } skein-live { div { (form) } } };
        let page = refused(page, &sent("/act", &[("a", "x")]), "no").unwrap();
        assert!(
            page.starts_with("<p></p><div id=\"wrong\"") && page.matches("role=\"alert\"").count() == 1,
            "{page}"
        );
    }
}
