//! A program that speaks to a server over one connection that is kept.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

/// Nothing that is asked takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// A module is answered for when it is compiled (RFC 7240): campaigns can name it then.
const COMPILED: &str = "wait=60";

/// A server's client.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    base: String,
}

impl Client {
    pub(crate) fn of(address: &str) -> anyhow::Result<Self> {
        let http =
            reqwest::blocking::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build()?;
        Ok(Self { http, base: format!("{address}/v1") })
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(path, self.http.get(self.url(path)))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let key = Uuid::new_v4().to_string();
        self.answer(path, self.http.post(self.url(path)).header("idempotency-key", key).json(body))
    }

    pub(crate) fn put(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        self.answer(path, self.http.put(self.url(path)).header("prefer", COMPILED).body(body))
    }

    /// Moves a campaign that is where it is expected.
    pub(crate) fn act(&self, campaign: &str, verb: &str, from: &str) -> anyhow::Result<Value> {
        self.post(&format!("campaigns/{campaign}/actions/{verb}"), &json!({ "expect": from }))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn answer(&self, path: &str, request: RequestBuilder) -> anyhow::Result<Value> {
        let response = request.send().with_context(|| format!("no answer to {path}"))?;
        let status = response.status();
        let answer: Value = response.json().with_context(|| format!("the answer to {path}"))?;
        anyhow::ensure!(status.is_success(), "{path}: {status} {answer}");
        Ok(answer)
    }
}
