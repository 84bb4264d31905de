//! Requests to control.

use std::io::Read as _;
use std::time::Duration;

use reqwest::blocking::{Client as Http, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use skein_api::node::{
    BLOB_BYTES_MAX, BLOBS_PATH, EXCHANGE_BYTES_MAX, EXCHANGE_PATH, Exchange, Exchanged, REGISTER_BYTES_MAX,
    REGISTER_PATH, Register, Registered, SECRET_HEADER, SECRETS_BYTES_MAX, SECRETS_PATH, SecretsAsk,
    SecretsTold, check_blob,
};
use skein_api::{BODY_BYTES_MAX, Problem};
use skein_types::{Blake3, chain};

/// For a request and its answer. A blob may be large.
const PATIENCE: Duration = Duration::from_secs(4);
const BLOB_PATIENCE: Duration = Duration::from_secs(120);

/// A request that had no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// It did not get there or nothing came back.
    #[error("{0}")]
    Travel(String),
    /// Control said no.
    #[error("{}: {}", .0.code.as_str(), .0.detail.as_str())]
    Refused(Box<Problem>),
    /// What came back is not what was asked for.
    #[error("an answer that cannot be understood: {0}")]
    Nonsense(String),
}

impl ClientError {
    /// Of a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(problem.code.as_str()),
            Self::Travel(_) | Self::Nonsense(_) => None,
        }
    }
}

/// A connection to control.
#[derive(Debug)]
pub(crate) struct Client {
    http: Http,
    server: String,
    secret: String,
}

impl Client {
    pub(crate) fn new(server: &str, secret: &str) -> Result<Self, ClientError> {
        let http = Http::builder().no_proxy().timeout(PATIENCE);
        // Whom the machine trusts is read from its disk, and need not be there where nothing is encrypted.
        let http = if server.starts_with("https:") { http } else { http.tls_certs_only([]) };
        let http = http.build().map_err(|error| travel(&error))?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), secret: secret.to_owned() })
    }

    pub(crate) fn register(&self, asked: &Register) -> Result<Registered, ClientError> {
        self.post(REGISTER_PATH, asked, REGISTER_BYTES_MAX)
    }

    pub(crate) fn exchange(&self, asked: &Exchange) -> Result<Exchanged, ClientError> {
        self.post(EXCHANGE_PATH, asked, EXCHANGE_BYTES_MAX)
    }

    /// Values of secrets that a campaign's parameters name.
    pub(crate) fn secrets(&self, asked: &SecretsAsk) -> Result<SecretsTold, ClientError> {
        self.post(SECRETS_PATH, asked, SECRETS_BYTES_MAX)
    }

    /// Bytes that are what their name says.
    pub(crate) fn blob(&self, digest: Blake3) -> Result<Vec<u8>, ClientError> {
        let request = self.http.get(format!("{}{BLOBS_PATH}{digest}", self.server)).timeout(BLOB_PATIENCE);
        let response = request.header(SECRET_HEADER, &self.secret).send().map_err(|error| travel(&error))?;
        let bytes = body(response, BLOB_BYTES_MAX)?;
        check_blob(digest, &bytes).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        Ok(bytes)
    }

    /// Leaves bytes with control, under their digest. Twice is as good as once.
    pub(crate) fn put_blob(&self, digest: Blake3, bytes: Vec<u8>) -> Result<(), ClientError> {
        let request = self.http.put(format!("{}{BLOBS_PATH}{digest}", self.server)).timeout(BLOB_PATIENCE);
        let request = request.header(SECRET_HEADER, &self.secret).body(bytes);
        body(request.send().map_err(|error| travel(&error))?, BODY_BYTES_MAX).map(|_| ())
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        asked: &impl Serialize,
        most: usize,
    ) -> Result<T, ClientError> {
        let request = self.http.post(format!("{}{path}", self.server)).header(SECRET_HEADER, &self.secret);
        let response = request.json(asked).send().map_err(|error| travel(&error))?;
        skein_api::parse(&body(response, most)?, most)
            .map_err(|error| ClientError::Nonsense(error.to_string()))
    }
}

/// The body of a good answer.
fn body(response: Response, most: usize) -> Result<Vec<u8>, ClientError> {
    let good = response.status().is_success();
    let most = if good { most } else { BODY_BYTES_MAX };
    let mut bytes = Vec::new();
    response
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ClientError::Travel(error.to_string()))?;
    if bytes.len() > most {
        return Err(ClientError::Nonsense(format!("more than {most} bytes")));
    }
    if good {
        return Ok(bytes);
    }
    match skein_api::parse::<Problem>(&bytes, most) {
        Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
        Err(error) => Err(ClientError::Nonsense(error.to_string())),
    }
}

fn travel(error: &reqwest::Error) -> ClientError {
    ClientError::Travel(chain(error))
}
