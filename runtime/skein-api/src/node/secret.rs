//! The secret that the nodes of a fleet show.

use std::fmt;

use skein_types::Blake3;

use super::NodeRefused;

const SCHEME: &str = "Bearer ";

/// Known to control and its nodes. Printed nowhere.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret of at least 32 visible characters.
    pub fn new(secret: &str) -> Result<Self, NodeRefused> {
        let fits = (32..=256).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(secret.to_owned())) } else { Err(NodeRefused::Secret) }
    }

    /// What the header carries.
    pub fn header(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }

    /// Whether a request may be taken. Digests are compared, so the time that it takes says nothing about the secret.
    pub fn check(&self, header: Option<&str>) -> Result<(), NodeRefused> {
        let shown = header.and_then(|value| value.strip_prefix(SCHEME)).ok_or(NodeRefused::Secret)?;
        let digest = |text: &str| Blake3::of(text.as_bytes());
        if digest(shown) == digest(&self.0) { Ok(()) } else { Err(NodeRefused::Secret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;
    use crate::node::NodeRefused;

    #[test]
    fn only_the_secret_itself_is_taken() {
        let secret = Secret::new(&"s".repeat(32)).unwrap();
        assert_eq!(secret.check(Some(&secret.header())), Ok(()));
        let longer = format!("{}s", secret.header());
        for shown in [None, Some(""), Some("Bearer "), Some("Bearer sss"), Some(longer.as_str())] {
            assert_eq!(secret.check(shown), Err(NodeRefused::Secret), "{shown:?}");
        }
        assert_eq!(NodeRefused::Secret.code().http_status(), 401);
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_breaks_a_header_is_none() {
        for bad in ["", "short", &"s".repeat(31), &"s".repeat(257), &format!("{}\r\n", "s".repeat(32))] {
            assert!(Secret::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new(&"s".repeat(32)).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
