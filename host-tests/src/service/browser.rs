//! A browser without a window: it keeps the session's cookie, and sends forms as they stand on pages.

use serde_json::json;

use super::{Reply, Service};

/// The cookie of a session.
const COOKIE: &str = "skein_session";

/// Whoever is signed in at the portal, or is not yet.
#[derive(Clone, Debug)]
pub struct Browser<'a> {
    service: &'a Service,
    /// The cookie's value.
    pub cookie: Option<String>,
}

impl Service {
    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser<'_> {
        Browser { service: self, cookie: None }
    }

    /// A browser of the one user of this server.
    #[track_caller]
    pub fn own_browser(&self) -> Browser<'_> {
        let mut browser = self.browser();
        let link = self.portal_link();
        let into = browser.signs_in(&[("link", &link)]);
        assert_eq!((into.status, into.header("location")), (303, Some("/")), "{into:?}");
        browser
    }

    /// A browser of whoever holds a token.
    #[track_caller]
    pub fn browser_of(&self, token: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let into = browser.signs_in(&[("token", token)]);
        assert_eq!((into.status, into.header("location")), (303, Some("/")), "{into:?}");
        browser
    }

    /// The secret of a link that signs the one user of this server in.
    #[track_caller]
    pub fn portal_link(&self) -> String {
        let (status, made) = self.post("/v1/portal/links", "", &json!(null));
        assert_eq!(status, 200, "{made}");
        made["url"].as_str().unwrap().split_once("?link=").unwrap().1.to_owned()
    }
}

impl Browser<'_> {
    /// Sends the form for signing in; keeps the cookie that comes of it.
    pub fn signs_in(&mut self, fields: &[(&str, &str)]) -> Reply {
        let reply = self.posts("/sign-in", fields);
        self.keeps(&reply);
        reply
    }

    /// Keeps the cookie of an answer, or forgets the own one, as the answer says.
    pub fn keeps(&mut self, reply: &Reply) {
        let Some(set) = reply.header("set-cookie") else { return };
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        assert_eq!(name, COOKIE);
        self.cookie = (!value.is_empty()).then(|| value.to_owned());
    }

    /// Asks for something that may be refused, or lead elsewhere.
    pub fn asks(&self, path: &str) -> Reply {
        self.sends(&format!("GET {path}"), "", b"")
    }

    /// A page that has to be there.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let reply = self.asks(path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{path}: {reply:?}");
        reply.body
    }

    /// Sends a form with these fields and no others: what no page has is not in it.
    pub fn posts(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.sends(&format!("POST {path}"), &self.own_origin(), encoded(fields).as_bytes())
    }

    /// Fills in a form that stands on a page, and sends it to where its button says.
    #[track_caller]
    pub fn submits(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Reply {
        self.sends(&format!("POST {action}"), &self.own_origin(), self.fills(page, action, fields).as_bytes())
    }

    /// A form that stands on a page, filled in, as it is sent.
    #[track_caller]
    pub fn fills(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let body = self.page(page);
        filled(&body, action, fields).unwrap_or_else(|| panic!("{page} has no form {action}: {body}"))
    }

    /// The like; answers the page that it led to, which has to be there.
    #[track_caller]
    pub fn does(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let reply = self.submits(page, action, fields);
        assert_eq!(reply.status, 303, "{action}: {reply:?}");
        self.page(reply.header("location").unwrap())
    }

    /// The secret that forms of its pages have in them.
    #[track_caller]
    pub fn secret(&self) -> String {
        let page = self.page("/");
        let fields = hidden(form_of(&page, "/sign-out").unwrap());
        fields.iter().find(|(name, _)| *name == "form").unwrap().1.to_owned()
    }

    /// A request with its cookie and these lines of a head.
    pub fn sends(&self, what: &str, head: &str, body: &[u8]) -> Reply {
        let cookie = self.cookie.as_ref().map(|value| format!("Cookie: {COOKIE}={value}\r\n"));
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let kind = if head.contains("Content-Type:") { "" } else { kind };
        self.service.ask(what, &format!("{head}{}{kind}", cookie.unwrap_or_default()), body)
    }

    /// What a browser says of a page of this server.
    pub fn own_origin(&self) -> String {
        format!("Origin: {}\r\n", self.service.address)
    }
}

/// A form of a page, filled in, as it is sent; none if the page has no form that is sent there.
pub fn filled(page: &str, action: &str, fields: &[(&str, &str)]) -> Option<String> {
    let mut all: Vec<(&str, &str)> = hidden(form_of(page, action)?);
    all.retain(|(name, _)| fields.iter().all(|(other, _)| other != name));
    all.extend(fields);
    Some(encoded(&all))
}

/// The form of a page that is sent to a path, by itself or by one of its buttons.
fn form_of<'a>(page: &'a str, action: &str) -> Option<&'a str> {
    let goes_there = |form: &&str| form.contains(&format!("action=\"{action}\""));
    let forms = page.split("<form").skip(1).filter_map(|rest| Some(rest.split_once("</form>")?.0));
    forms.into_iter().find(goes_there)
}

/// Names and values of the fields that a person does not see.
fn hidden(form: &str) -> Vec<(&str, &str)> {
    let inputs = form.split("<input").skip(1).filter_map(|rest| Some(rest.split_once('>')?.0));
    let of = |input: &'_ str, name: &str| {
        let from = input.find(&format!(" {name}=\""))? + name.len() + 3;
        Some((from, from + input[from..].find('"')?))
    };
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    hidden
        .filter_map(|input| {
            let (name, value) = (of(input, "name")?, of(input, "value")?);
            Some((&input[name.0..name.1], &input[value.0..value.1]))
        })
        .collect()
}

/// As browsers write forms.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let word = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
                b' ' => out.push('+'),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
            out
        })
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", word(name), word(value))).collect();
    pairs.join("&")
}
