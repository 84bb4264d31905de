//! What is told, and who tells it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skein_notify::{
    Delivered, Guard, Head, Names, Networks, Notice, Outside, Patience, Receiver, Said, Secret, Secrets,
    SendError, Sender, Topic, Trust, Webhook,
};
use skein_types::{SystemClock, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_795_392_000_123);
/// For receivers that are to be given up on. Long enough for a busy machine to get to where they begin to be late, and much shorter
/// than they go on.
pub(crate) const SHORT: Patience =
    Patience { connect: Duration::from_millis(1_500), whole: Duration::from_millis(1_500) };
/// For receivers that answer. A busy machine does not wear it out.
pub(crate) const LONG: Patience =
    Patience { connect: Duration::from_secs(60), whole: Duration::from_secs(60) };

/// Stands in the notice's data, and has no business in an error.
pub(crate) const DATA: &str = "telltale-data";
/// Stands in the query of each URL, and has no business in an error.
pub(crate) const TOKEN: &str = "telltale-token";

pub(crate) fn notice() -> Notice {
    said("Halted: drop-phone", &["4 runs of wave 1 failed.", ".", "..two"])
}

pub(crate) fn said(title: &str, lines: &[&str]) -> Notice {
    let head = Head {
        id: "dlv_0198c0de0000700080000000000000ab".parse().unwrap(),
        source: "http://127.0.0.1:7447".to_owned(),
        at: NOW,
        position: 4_711,
        chain: None,
        traceparent: None,
        link: Some("http://127.0.0.1:7447/campaigns/cmp_1".to_owned()),
    };
    let said = Said {
        topic: Topic::CampaignHalted,
        subject: "cmp_0198c0de000070008000000000000001".to_owned(),
        data: json!({ "note": DATA }),
        title: title.to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    Notice::new(head, said).unwrap()
}

pub(crate) fn secret() -> Secret {
    Secret::new(&[7; 32]).unwrap()
}

/// A program at an origin.
pub(crate) fn webhook(origin: &str) -> Receiver {
    let endpoint = format!("{origin}/in?token={TOKEN}").parse().unwrap();
    Receiver::Http(Webhook { endpoint, secrets: Secrets::new(vec![secret()]).unwrap() })
}

/// A chat at an origin.
pub(crate) fn chat(origin: &str) -> Receiver {
    Receiver::Slack(format!("{origin}/services/{TOKEN}").parse().unwrap())
}

/// Whoever sends, with all that a test may want to be otherwise.
#[derive(Debug)]
pub(crate) struct Teller {
    pub(crate) patience: Patience,
    pub(crate) own: Vec<SocketAddr>,
    pub(crate) networks: Networks,
    pub(crate) names: Arc<dyn Names>,
}

impl Teller {
    pub(crate) fn with(patience: Patience) -> Self {
        let names = Arc::new(skein_notify::SystemNames);
        Self { patience, own: Vec::new(), networks: Networks::standard(), names }
    }

    pub(crate) fn sender(self, trust: Trust) -> Sender {
        let clock = Arc::new(SystemClock::start());
        let outside = Outside { clock, names: self.names, trust };
        Sender::new(self.patience, Guard::new(self.own, self.networks), outside)
    }

    /// Tells a receiver. What an error says is looked through for what it must not say.
    #[track_caller]
    pub(crate) fn tell(self, receiver: &Receiver) -> Result<Delivered, SendError> {
        let sent = self.sender(crate::tls::roots()).send(&notice(), receiver, NOW);
        if let Err(error) = &sent {
            discreet(error);
        }
        sent
    }
}

#[track_caller]
pub(crate) fn discreet(error: &SendError) {
    let said = format!("{error} {error:?} {:?}", error.hint());
    let password = crate::mail::PASSWORD;
    for secret in [DATA, TOKEN, secret().reveal().trim_start_matches("whsec_"), password] {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
    assert!(error.to_string().len() < 600, "{error}");
}

/// A status of HTTP or SMTP, or the words of an error without its place.
pub(crate) fn outcome(sent: &Result<Delivered, SendError>) -> String {
    match sent {
        Ok(delivered) => format!("delivered, {}", delivered.status),
        Err(error) => {
            let code = error.code().id;
            let text = error.to_string();
            let words = text.split_once(' ').map_or("", |(_, words)| words);
            format!("{code}: {words}")
        }
    }
}

/// A resolver that says what it is told to, one answer after the other; the last one again and again.
#[derive(Debug)]
pub(crate) struct Says {
    answers: Vec<Vec<IpAddr>>,
    asked: std::sync::Mutex<Vec<String>>,
}

impl Says {
    pub(crate) fn these(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parsed).collect(), asked: std::sync::Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Names for Says {
    fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut asked = self.asked.lock().unwrap();
        let answer = self.answers[asked.len().min(self.answers.len() - 1)].clone();
        asked.push(host.to_owned());
        Ok(answer)
    }
}
