//! An anchor: heads of the ledger, line by line, in a file that lies elsewhere.
//!
//! Each line is JSON, names the line before it by its digest, and is signed. Who holds the ledger alone cannot make the anchor fit
//! to what was changed; who holds the anchor alone can change no line, nor take one out of the middle, without its being seen. What
//! was cut off its end says less, and is no contradiction: that is what more than one anchor is for.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, ServerId, Timestamp};

use crate::envelope::pae;
use crate::error::AttestError;
use crate::key::Signer;
use crate::ring::Trust;

const TYPE: &str = "application/vnd.skein.anchor+json";

/// A head, as a line of an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorLine {
    /// Whose ledger.
    pub server: ServerId,
    /// When.
    pub at: Timestamp,
    /// Of the last event.
    pub position: u64,
    /// Of that and all before it.
    pub hash: Blake3,
    /// Why: `interval`, `campaign`, `start`, `end`.
    pub why: String,
    /// Of the line before, without its line break; zeros in the first.
    pub prev: Blake3,
    /// Who signed it.
    pub keyid: String,
    /// The signature.
    pub sig: String,
}

/// What a line is made of.
#[derive(Clone, Debug)]
pub struct Anchored {
    /// Whose ledger.
    pub server: ServerId,
    /// When.
    pub at: Timestamp,
    /// Position and hash of the last event.
    pub head: (u64, Blake3),
    /// Why.
    pub why: &'static str,
}

impl AnchorLine {
    /// The next line, behind one with this digest.
    pub fn new(what: &Anchored, prev: Blake3, signer: &Signer) -> Self {
        let mut line = Self {
            server: what.server,
            at: what.at,
            position: what.head.0,
            hash: what.head.1,
            why: what.why.to_owned(),
            prev,
            keyid: signer.public().id(),
            sig: String::new(),
        };
        line.sig = signer.sign(&line.message());
        line
    }

    /// As it is written, without a line break.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a line holds only text and numbers")
    }

    /// Reads a line, without a look at who signed it; none, if it is the beginning of one: whoever wrote it died, or the disk was
    /// full, and the next one is in a line of its own.
    pub fn read(text: &str) -> Result<Option<Self>, AttestError> {
        match serde_json::from_str(text) {
            Err(error) if error.is_eof() => Ok(None),
            Err(error) => Err(AttestError::form("a line of an anchor", error)),
            Ok(line) => Ok(Some(line)),
        }
    }

    fn message(&self) -> Vec<u8> {
        let unsigned = Self { sig: String::new(), ..self.clone() };
        pae(TYPE, unsigned.to_json().as_bytes())
    }
}

/// Reads an anchor: every line follows the one before, is of one server and signed by somebody who was trusted then. The beginning
/// of a line that could not be written says nothing, if the next whole one follows what was before it. One without a line vouches for
/// nothing, and is refused: it may be what was left of one.
pub fn anchored(text: &str, trust: &Trust) -> Result<Vec<AnchorLine>, AttestError> {
    let (mut lines, mut prev): (Vec<AnchorLine>, _) = (Vec::new(), Blake3([0; 32]));
    let mut torn = None;
    for (number, text) in (1..).zip(text.lines()) {
        let bad = |problem: &str| AttestError::Anchor { line: number, problem: problem.to_owned() };
        let line = match AnchorLine::read(text) {
            Ok(Some(line)) => line,
            Ok(None) => {
                torn.get_or_insert_with(|| bad("it cannot be read: it has no end"));
                continue;
            }
            Err(error) => return Err(bad(&error.to_string())),
        };
        if line.prev != prev {
            let what = "it does not follow the line before it: a line was changed, or taken out";
            return Err(torn.unwrap_or_else(|| bad(what)));
        }
        torn = None;
        if lines.last().is_some_and(|last| last.server != line.server || last.position > line.position) {
            return Err(bad("it is of another server, or goes back"));
        }
        let key = trust.key(&line.keyid);
        let key = key.ok_or_else(|| bad(&format!("it is signed by {}, which is not trusted", line.keyid)))?;
        if !key.signed(&line.message(), &line.sig) {
            return Err(bad("its signature does not hold: it was changed"));
        }
        trust.at(&key, line.at).map_err(|error| bad(&error.to_string()))?;
        prev = Blake3::of(text.as_bytes());
        lines.push(line);
    }
    match torn {
        Some(torn) => Err(torn),
        None if lines.is_empty() => Err(AttestError::form("an anchor", "it has no line")),
        None => Ok(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::{AnchorLine, Anchored, anchored};
    use crate::key::Signer;
    use crate::ring::Trust;
    use skein_types::{Blake3, ServerId, Timestamp};
    use uuid::Uuid;

    fn anchor() -> (String, Trust) {
        let signer = Signer::from_bytes(&[1; 32]);
        let (mut text, mut prev) = (String::new(), Blake3([0; 32]));
        for position in [3_u64, 9, 12] {
            let head = (position, Blake3::of(&position.to_be_bytes()));
            let server = ServerId::new(Uuid::from_u128(7));
            let what = Anchored { server, at: Timestamp(position), head, why: "interval" };
            let line = AnchorLine::new(&what, prev, &signer).to_json();
            prev = Blake3::of(line.as_bytes());
            text.push_str(&line);
            text.push('\n');
        }
        (text, Trust::of(vec![signer.public()]))
    }

    #[test]
    fn an_anchor_is_read_back() {
        let (text, trust) = anchor();
        let positions: Vec<u64> = anchored(&text, &trust).unwrap().iter().map(|line| line.position).collect();
        assert_eq!(positions, [3, 9, 12]);
    }

    #[test]
    fn a_line_that_was_changed_or_taken_out_is_named() {
        let (text, trust) = anchor();
        let said = |text: &str| anchored(text, &trust).unwrap_err().to_string();
        let second = text.lines().nth(1).unwrap();
        assert!(
            said(&text.replace("\"position\":9", "\"position\":8"))
                .starts_with("line 2 of the anchor: its signature")
        );
        assert!(
            said(&text.replace(&format!("{second}\n"), ""))
                .starts_with("line 2 of the anchor: it does not follow")
        );
        assert!(
            said(&text.replacen("interval", "intervall", 1))
                .starts_with("line 1 of the anchor: its signature")
        );
        assert!(said(&text[..text.len() - 10]).starts_with("line 3 of the anchor: it cannot be read"));
        assert_eq!(said(""), "it cannot be read as an anchor: it has no line");
        assert!(anchored(&text, &Trust::default()).unwrap_err().to_string().contains("which is not trusted"));
    }

    #[test]
    fn the_beginning_of_a_line_hides_nothing_between_two_that_follow_each_other() {
        let (text, trust) = anchor();
        let lines: Vec<&str> = text.lines().collect();
        for torn in ["", "{", &lines[1][..40], &lines[1][..lines[1].len() - 1]] {
            let with = [lines[0], torn, torn, lines[1], torn, lines[2]].join("\n");
            assert_eq!(anchored(&with, &trust).unwrap().len(), 3, "{torn}");
            let instead = [lines[0], torn, lines[2]].join("\n");
            let said = anchored(&instead, &trust).unwrap_err().to_string();
            assert!(said.starts_with("line 2 of the anchor: it cannot be read"), "{said}");
        }
        let other = [lines[0], "{}", lines[1]].join("\n");
        assert!(anchored(&other, &trust).is_err());
    }

    #[test]
    fn every_flipped_byte_is_seen() {
        let (text, trust) = anchor();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 0x01;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(anchored(&text, &trust).is_err(), "{at}");
            }
        }
    }
}
