//! A page that carries its own signature: the statement that names it by its digest stands at its end, in an element that browsers
//! do not show.
//!
//! What is signed are all bytes before that element, so a page can be written as it comes, and signed when it is whole. Behind the
//! element nothing may stand but the end of the page: what a browser would show is what was signed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use skein_types::Timestamp;

use crate::envelope::Envelope;
use crate::error::AttestError;
use crate::key::{PublicKey, Signer};
use crate::ring::Trust;
use crate::statement::{REPORT_TYPE, Statement, Subject, hex};

const BEGIN: &str = "<script type=\"application/vnd.dsse+json\" id=\"attestation\">";
const END: &str = "</script></body></html>\n";

/// What is said of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// Whose it is: the server's id.
    pub server: String,
    /// Of which campaign.
    pub campaign: String,
    /// When it was made.
    pub at: Timestamp,
    /// Lines of datasets in it.
    pub datasets: u64,
    /// The last decision when it was made: `POSITION:HASH`.
    pub head: String,
}

/// Gathers a page while it is written.
#[derive(Debug, Default)]
pub struct Page(Sha256);

impl Page {
    /// Takes what was written.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What the page ends with.
    pub fn end(self, name: &str, said: Reported, signer: &Signer) -> Result<String, serde_json::Error> {
        let subject = Subject::new(name, "sha256", &self.0.finalize());
        let envelope = Statement::new(vec![subject], REPORT_TYPE, said).sign(signer)?;
        // Text in base64, ids and words of ours: nothing in it ends the element.
        Ok(format!("{BEGIN}{}{END}", String::from_utf8_lossy(&envelope.to_json())))
    }
}

/// Whether this may be such a page.
pub fn is_sealed(bytes: &[u8]) -> bool {
    split(bytes).is_some()
}

/// What is said of a page, if it is what was signed.
pub fn open(bytes: &[u8], trust: &Trust) -> Result<(Reported, PublicKey), AttestError> {
    let (page, envelope) =
        split(bytes).ok_or_else(|| AttestError::form("a signed page", "it does not end as one"))?;
    let content =
        |problem: &str| AttestError::Content { what: "the page".to_owned(), problem: problem.to_owned() };
    // A browser ends the element at the first tag that does, also within a text that the envelope's reader passes over.
    if envelope.contains(&b'<') {
        return Err(content("there is more than a signature in the element that is for it"));
    }
    let envelope = Envelope::parse(envelope)?;
    let (statement, key) =
        Statement::<Reported>::open(&envelope, REPORT_TYPE, (trust, |said: &Reported| said.at))?;
    let signed = statement.subject.first().and_then(|subject| subject.digest("sha256"));
    if signed != Some(&hex(&Sha256::digest(page))) {
        return Err(content("its bytes have another digest"));
    }
    Ok((statement.predicate, key))
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = bytes.strip_suffix(END.as_bytes())?;
    let at = inner.windows(BEGIN.len()).rposition(|window| window == BEGIN.as_bytes())?;
    Some((&inner[..at], &inner[at + BEGIN.len()..]))
}

#[cfg(test)]
mod tests {
    use super::{Page, Reported, open};
    use crate::error::AttestError;
    use crate::key::Signer;
    use crate::ring::Trust;
    use skein_types::Timestamp;

    fn page() -> (String, Trust) {
        let signer = Signer::from_bytes(&[1; 32]);
        let text = "<!DOCTYPE html><html><body><p>290 of 291</p>";
        let mut page = Page::default();
        text.as_bytes().chunks(7).for_each(|part| page.update(part));
        let said = Reported {
            server: "srv".to_owned(),
            campaign: "cmp".to_owned(),
            at: Timestamp(7),
            datasets: 291,
            head: "1:x".to_owned(),
        };
        (format!("{text}{}", page.end("report", said, &signer).unwrap()), Trust::of(vec![signer.public()]))
    }

    #[test]
    fn a_page_opens_as_it_was_signed() {
        let (text, trust) = page();
        assert_eq!(open(text.as_bytes(), &trust).unwrap().0.datasets, 291);
        assert!(open(text.as_bytes(), &Trust::default()).is_err());
    }

    #[test]
    fn every_flipped_byte_and_everything_that_is_added_is_seen() {
        let (text, trust) = page();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 0x02;
            assert!(open(&bytes, &trust).is_err(), "{at}");
        }
        for bad in [
            format!("{text}<p>291 of 291</p>"),
            text.replace("</script>", "</script><p>291 of 291</p>"),
            text.replace("<p>", "<p>not "),
        ] {
            assert!(open(bad.as_bytes(), &trust).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_browser_would_show_out_of_the_signature_is_refused() {
        let (text, trust) = page();
        let shown = "</script><p>291 of 291</p><script>";
        for (at, with) in [
            ("{\"payloadType\"", format!("{{\"more\":\"{shown}\",\"payloadType\"")),
            ("\"signatures\":[", format!("\"signatures\":[{{\"keyid\":\"{shown}\",\"sig\":\"\"}},")),
        ] {
            let bad = text.replace(at, &with);
            assert_ne!(bad, text);
            assert!(matches!(open(bad.as_bytes(), &trust), Err(AttestError::Content { .. })), "{bad}");
        }
    }
}
