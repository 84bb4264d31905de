//! From page to page, wherever links lead.

use std::collections::{BTreeMap, BTreeSet};

use host_tests::service::{Browser, Reply};

/// Of pages that differ in what they are about, so many are looked at.
const ALIKE: usize = 2;

/// All pages that whoever is signed in comes to from the first one, by their paths.
pub(crate) fn all_pages(browser: &Browser<'_>) -> BTreeMap<String, Reply> {
    let mut pages = BTreeMap::new();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let (mut ahead, mut known) = (vec!["/".to_owned()], BTreeSet::new());
    while let Some(path) = ahead.pop() {
        let seen = alike.entry(kind(&path)).or_default();
        if *seen == ALIKE || !known.insert(path.clone()) {
            continue;
        }
        *seen += 1;
        let reply = browser.asks(&path);
        ahead.extend(links(&reply.body));
        pages.insert(path, reply);
    }
    pages
}

/// Where its links lead on this server, and what its live parts ask for. What programs ask for is no page.
pub(crate) fn links(page: &str) -> Vec<String> {
    let tags = page.split('<').filter(|tag| tag.starts_with("a ") || tag.contains(" hx-get=\""));
    let path = |tag: &str| {
        let (_, rest) = tag.split_once(" href=\"").or_else(|| tag.split_once(" hx-get=\""))?;
        Some(rest.split_once('"')?.0.split('#').next().unwrap_or_default().replace("&amp;", "&"))
    };
    let is_page =
        |path: &String| path.starts_with('/') && !["/v1/", "/assets/"].iter().any(|at| path.starts_with(at));
    tags.filter_map(path).filter(is_page).collect()
}

/// One of each kind: what people look at.
pub(crate) fn one_of_each(pages: BTreeMap<String, Reply>) -> Vec<String> {
    let whole = pages.into_keys().filter(|path| !path.starts_with("/live/"));
    let by_kind: BTreeMap<String, String> =
        whole.map(|path| (kind(path.split('?').next().unwrap_or_default()), path)).collect();
    by_kind.into_values().collect()
}

/// The path without the names of things, and what it is asked for without how.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_name =
        |part: &str| part.contains(|letter: char| letter.is_ascii_digit() || "%_:@".contains(letter));
    let parts = path.split('/').map(|part| if is_name(part) { "*" } else { part });
    let asked = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    format!("{}?{}", parts.collect::<Vec<_>>().join("/"), asked.collect::<Vec<_>>().join("&"))
}

/// Where forms of a page are sent that change something.
pub(crate) fn forms(page: &str) -> Vec<(String, String)> {
    let forms = page.split("<form").skip(1).filter_map(|rest| rest.split_once("</form>"));
    let posted = forms.map(|(form, _)| form).filter(|form| form.contains("method=\"post\""));
    let to = |form: &str| {
        let targets = form.split("action=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        targets.map(|(to, _)| (to.to_owned(), form.to_owned())).collect::<Vec<_>>()
    };
    posted.flat_map(to).collect()
}
