//! Talking to a server: the commands about what it has are its clients. Which server is the business of [`crate::contexts`].

mod next;

use std::io::Read as _;
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;
use skein_api::{BODY_BYTES_MAX, PAGE_ITEMS_MAX, Page, Problem};
use skein_types::{chain, codes};

use crate::args::ServerArgs;
use crate::contexts::{self, Target};
use crate::failure::Failure;
use crate::settings::{Settings, Token};

/// Where the next part of lines begins.
const NEXT: &str = "skein-next";
/// Compiling a module may take as long.
const PATIENCE: Duration = Duration::from_secs(180);

/// A list of a server.
pub(crate) struct Listed<'a> {
    pub(crate) path: &'a str,
    /// Conditions, each beginning with `&`.
    pub(crate) query: &'a str,
    /// It begins after this key.
    pub(crate) after: Option<String>,
}

/// A server.
pub(crate) struct Server {
    http: Client,
    base: String,
}

impl Server {
    /// The one that the command line, the environment or a context names.
    pub(crate) fn of(settings: &Settings, args: &ServerArgs) -> Result<Self, Failure> {
        Self::at(contexts::target(settings, args)?)
    }

    /// The one that is there.
    pub(crate) fn at(target: Target) -> Result<Self, Failure> {
        let Target { server, token } = target;
        let base = server.trim_end_matches('/').to_owned();
        let mut http = Client::builder().no_proxy().timeout(PATIENCE);
        if let Some(Token(token)) = &token {
            http = http.default_headers(bearer(token, &base)?);
        }
        let http = http.build();
        let http = http.map_err(|error| Failure::new(codes::IO, &error))?;
        Ok(Self { http, base })
    }

    /// Whether it is asked by a loopback address, so that its machine is most likely this one.
    pub(crate) fn is_near(&self) -> bool {
        Url::parse(&self.base).is_ok_and(|url| is_loopback(&url))
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.answer(self.http.get(self.url(path)))
    }

    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.answer(self.keyed(path, body))
    }

    /// One key for one thing that is asked for: if the connection breaks and this is sent again, it is done once.
    fn keyed(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        let key = uuid::Uuid::now_v7().simple().to_string();
        self.http.post(self.url(path)).header("Idempotency-Key", key).json(body)
    }

    /// The like, of what takes so long.
    pub(crate) fn post_long<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        most: Duration,
    ) -> Result<T, Failure> {
        self.answer(self.keyed(path, body).timeout(most))
    }

    /// Sends a list as it is in its file.
    pub(crate) fn post_list<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        bytes: Vec<u8>,
    ) -> Result<T, Failure> {
        self.answer(self.http.post(self.url(path)).header(CONTENT_TYPE, kind).body(bytes))
    }

    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, Failure> {
        self.put_as(path, bytes, &[])
    }

    /// Sends bytes with more to say of them.
    pub(crate) fn put_as<T: DeserializeOwned>(
        &self,
        path: &str,
        bytes: Vec<u8>,
        said: &[(&'static str, &str)],
    ) -> Result<T, Failure> {
        // What takes a moment is waited for.
        let request = self.http.put(self.url(path)).header("Prefer", "wait=120").body(bytes);
        self.answer(said.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    }

    /// Sets something; where it is set already, in the place of this version and of no other.
    pub(crate) fn set<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        seen: Option<u64>,
    ) -> Result<T, Failure> {
        self.answer(seeing(self.http.put(self.url(path)).json(body), seen))
    }

    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.answer(self.http.delete(self.url(path)))
    }

    /// An answer that is no JSON document: a module, or lines.
    pub(crate) fn bytes(&self, path: &str, most: usize) -> Result<Vec<u8>, Failure> {
        self.good(self.http.get(self.url(path)), most)
    }

    /// Lines from one on, and where the next part of them begins, if there is one.
    pub(crate) fn lines(
        &self,
        path: &str,
        after: u64,
        most: usize,
    ) -> Result<(Vec<u8>, Option<u64>), Failure> {
        let response = self.http.get(self.url(&format!("{path}?after={after}"))).send();
        let response = response.map_err(|error| self.unreachable(&error))?;
        let next = response.headers().get(NEXT).and_then(|next| next.to_str().ok()?.parse().ok());
        Ok((self.read(response, most)?, next))
    }

    /// Writes an answer that may be of any length as it comes.
    pub(crate) fn pour(&self, path: &str, into: &mut dyn std::io::Write) -> Result<(), Failure> {
        let response = self.http.get(self.url(path)).timeout(PATIENCE * 20).send();
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            let mut bytes = Vec::new();
            let read = response.take(BODY_BYTES_MAX as u64).read_to_end(&mut bytes);
            read.map_err(|error| Failure::new(codes::SERVER_UNREACHABLE, &error))?;
            return Err(self.refused(&bytes, BODY_BYTES_MAX));
        }
        let copied = std::io::copy(&mut response, into);
        copied.map(drop).map_err(|error| Failure::new(codes::SERVER_UNREACHABLE, &error))
    }

    /// Removes something that is at this version still.
    pub(crate) fn remove<T: DeserializeOwned>(&self, path: &str, seen: u64) -> Result<T, Failure> {
        self.answer(seeing(self.http.delete(self.url(path)), Some(seen)))
    }

    /// Hands the items of a list over, page by page, up to so many; answers whether there are more.
    pub(crate) fn pages_of<T: DeserializeOwned>(
        &self,
        list: &Listed<'_>,
        most: Option<usize>,
        mut each: impl FnMut(Vec<T>),
    ) -> Result<bool, Failure> {
        let (Listed { path, query, .. }, mut got, mut after) = (list, 0, list.after.clone());
        loop {
            let from = after.as_ref().map(|key| format!("&after={}", encoded(key))).unwrap_or_default();
            let part = most.map_or(PAGE_ITEMS_MAX, |most| (most - got).min(PAGE_ITEMS_MAX));
            let page: Page<T> = self.get(&format!("{path}?limit={part}{query}{from}"))?;
            got += page.items.len();
            each(page.items.into_iter().collect());
            match page.next {
                Some(_) if most.is_some_and(|most| got >= most) => return Ok(true),
                Some(next) => after = Some(next.to_string()),
                None => return Ok(false),
            }
        }
    }

    /// All items of a list whose pages are as long as it likes.
    pub(crate) fn pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        let (mut items, mut query): (Vec<T>, String) = (Vec::new(), String::new());
        loop {
            let page: Page<T> = self.get(&format!("{path}{query}"))?;
            items.extend(page.items);
            match page.next {
                Some(next) => query = format!("?after={}", encoded(&next)),
                None => return Ok(items),
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.base)
    }

    fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let most = 8 * BODY_BYTES_MAX;
        skein_api::parse(&self.good(request, most)?, most).map_err(|error| self.foreign(&error))
    }

    /// The body of a good answer.
    fn good(&self, request: RequestBuilder, most: usize) -> Result<Vec<u8>, Failure> {
        let response = request.send().map_err(|error| self.unreachable(&error))?;
        self.read(response, most)
    }

    fn read(&self, response: Response, most: usize) -> Result<Vec<u8>, Failure> {
        let good = response.status().is_success();
        let mut bytes = Vec::new();
        response
            .take(most as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::new(codes::SERVER_UNREACHABLE, &error))?;
        if bytes.len() > most {
            let too_long = skein_api::BodyError::TooLarge { bytes: bytes.len(), max: most };
            return Err(self.foreign(&too_long));
        }
        if good {
            return Ok(bytes);
        }
        Err(self.refused(&bytes, most))
    }

    fn refused(&self, bytes: &[u8], most: usize) -> Failure {
        let problem: Problem = match skein_api::parse(bytes, most) {
            Ok(problem) => problem,
            Err(error) => return self.foreign(&error),
        };
        let code = codes::ALL.iter().find(|code| code.id == problem.code.as_str()).copied();
        let code = code.unwrap_or(codes::BUG);
        let said = problem.hint.map(|hint| hint.to_string());
        let hint = next::step(code, &self.base).or(said);
        let findings = problem.findings.into_iter().flatten().map(|finding| finding.to_string());
        Failure::text(code, problem.detail.to_string()).hint(hint).details(findings)
    }

    fn foreign(&self, error: &skein_api::BodyError) -> Failure {
        Failure::text(codes::SERVER_UNREACHABLE, format!("{} answers something else: {error}", self.base))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), chain);
        let text = format!("cannot reach the server at {}: {why}", self.base);
        Failure::text(codes::SERVER_UNREACHABLE, text)
            .hint(Some("start one with `skein serve`, or say where it is with --server, SKEIN_SERVER or `skein context add`"))
    }
}

/// With the version that it is about.
fn seeing(request: RequestBuilder, seen: Option<u64>) -> RequestBuilder {
    match seen {
        Some(version) => request.header(IF_MATCH, format!("\"{version}\"")),
        None => request,
    }
}

/// What each request shows. A token that travels in the clear is everybody's on the way.
fn bearer(token: &str, base: &str) -> Result<HeaderMap, Failure> {
    near_or_private(base)?;
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value =
        value.map_err(|_| Failure::text(codes::USAGE, "what is to be shown as a token is none"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// Refuses an address to which a token would travel for all to read.
pub(crate) fn near_or_private(base: &str) -> Result<(), Failure> {
    // As the client reads it: HTTP: and http:/ are http:// to it too.
    let url = Url::parse(base)
        .map_err(|error| Failure::text(codes::USAGE, format!("{base:?} is no URL of a server: {error}")))?;
    if url.scheme() != "https" && !is_loopback(&url) {
        let text = format!("a token would be sent to {base} in the clear");
        return Err(Failure::text(codes::USAGE, text).hint(Some("ask the server by https")));
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Text as a part of a path or query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::{bearer, encoded};

    #[test]
    fn a_token_does_not_travel_in_the_clear() {
        for near in ["http://127.0.0.1:7447", "http://localhost:1", "https://skein.example"] {
            assert!(bearer("skn_1", near).is_ok(), "{near}");
        }
        for far in [
            "http://skein.example:7447",
            "http://localhost.example",
            "HTTP://skein.example",
            "http:/skein.example",
            " http://skein.example",
            "http:\\\\skein.example",
            "http://localhost@skein.example",
            "http:",
        ] {
            assert!(bearer("skn_1", far).is_err(), "{far}");
        }
    }

    #[test]
    fn names_are_safe_in_a_path() {
        assert_eq!(encoded("sales/eu 1?&=%ä"), "sales%2Feu%201%3F%26%3D%25%C3%A4");
    }
}
