//! `[webhooks]` and `[mail]`: how a server tells receivers what happens.
//!
//! ```toml
//! [webhooks]
//! allow = ["10.0.0.0/8"]            # private networks are not sent to but for these
//! deny = ["192.0.2.0/24"]
//!
//! [mail]
//! host = "mail.example.com"
//! port = 587                        # left out: 587, or 465 with tls = "tls", or 25 with tls = "none"
//! tls = "starttls"                  # or "tls", from the beginning; or "none"
//! from = "skein@example.com"
//! user = "skein"                    # both or none
//! password_file = "/etc/skein/mail-password"
//! ```

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use skein_control::{MailFrom, Notices};
use skein_notify::{Login, Mail, MailServer, Network, Networks, Security};
use toml::{Table, Value};

use super::{absolute, known};

const PASSWORD_BYTES_MAX: u64 = 1_000;

/// As they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoticeSettings {
    allow: Vec<Network>,
    deny: Vec<Network>,
    mail: Option<MailSettings>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct MailSettings {
    host: String,
    port: u16,
    security: Security,
    from: String,
    login: Option<(String, PathBuf)>,
}

impl NoticeSettings {
    /// Takes its tables out of the whole.
    pub(super) fn take(table: &mut Table) -> Result<Self, String> {
        let mut webhooks = section(table, "webhooks")?.unwrap_or_default();
        let (allow, deny) = (networks(&mut webhooks, "allow")?, networks(&mut webhooks, "deny")?);
        known(&webhooks, &["allow", "deny"])?;
        Networks::public(&allow, &deny).map_err(|error| format!("`webhooks`: {error}"))?;
        let mail = section(table, "mail")?.map(mail).transpose()?;
        Ok(Self { allow, deny, mail })
    }

    /// With what is in files, for a server that listens there.
    pub(super) fn ready(&self, own: SocketAddr) -> Result<Notices, String> {
        let networks =
            Networks::public(&self.allow, &self.deny).map_err(|error| format!("`webhooks`: {error}"))?;
        let mail = self.mail.as_ref().map(MailSettings::ready).transpose()?;
        Ok(Notices { own: vec![own], networks, mail })
    }
}

impl MailSettings {
    fn ready(&self) -> Result<MailFrom, String> {
        let login = self.login.as_ref().map(|(user, file)| {
            Login::new(user.clone(), password(file)?).map_err(|error| format!("`mail`: {error}"))
        });
        let server = MailServer::new(&self.host, self.port, self.security, login.transpose()?)
            .map_err(|error| format!("`mail`: {error}"))?;
        // Whoever is written to, the sender has to be one.
        Mail::new(server.clone(), &self.from, "a@example.com").map_err(|error| format!("`mail`: {error}"))?;
        Ok(MailFrom { server, from: self.from.clone() })
    }
}

pub(super) fn password(file: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("`password_file` {}: {error}", file.display());
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| failed(&error))?;
    opened.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn mail(mut keys: Table) -> Result<MailSettings, String> {
    let [host, from, tls, user, file] = ["host", "from", "tls", "user", "password_file"]
        .map(|key| text(&mut keys, key).map(|found| (key, found)));
    let needed = |found: Result<(&'static str, Option<String>), String>| {
        found.and_then(|(key, found)| found.ok_or_else(|| format!("`mail` needs `{key}`")))
    };
    let security = match tls?.1.as_deref() {
        None | Some("starttls") => Security::StartTls,
        Some("tls") => Security::Tls,
        Some("none") => Security::None,
        Some(other) => return Err(format!("`tls` is {other:?}, and not starttls, tls or none")),
    };
    let port = match keys.remove("port") {
        None => usual_port(security),
        Some(Value::Integer(port)) => {
            u16::try_from(port).map_err(|_| format!("`port` is {port}, which is no port"))?
        }
        Some(_) => return Err("`port` is no number".to_owned()),
    };
    // A misspelt key explains a missing one.
    known(&keys, &["host", "port", "from", "tls", "user", "password_file"])?;
    let login = match (user?.1, file?.1) {
        (None, None) => None,
        (Some(user), Some(file)) => Some((user, absolute("password_file", &file)?)),
        (Some(_), None) => return Err("a `user` of `mail` needs `password_file`".to_owned()),
        (None, Some(_)) => return Err("a `password_file` of `mail` needs `user`".to_owned()),
    };
    Ok(MailSettings { host: needed(host)?, port, security, from: needed(from)?, login })
}

const fn usual_port(security: Security) -> u16 {
    match security {
        Security::None => 25,
        Security::StartTls => 587,
        Security::Tls => 465,
    }
}

fn section(table: &mut Table, key: &str) -> Result<Option<Table>, String> {
    match table.remove(key) {
        None => Ok(None),
        Some(Value::Table(keys)) => Ok(Some(keys)),
        Some(_) => Err(format!("`{key}` is no table")),
    }
}

fn text(keys: &mut Table, key: &str) -> Result<Option<String>, String> {
    match keys.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` of `mail` is no text")),
    }
}

fn networks(keys: &mut Table, key: &str) -> Result<Vec<Network>, String> {
    let Some(value) = keys.remove(key) else { return Ok(Vec::new()) };
    let Value::Array(networks) = value else {
        return Err(format!("`{key}` of `webhooks` is no list of networks"));
    };
    let network = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text.parse::<Network>().map_err(|error| format!("`{key}` of `webhooks`: {error}"))
    };
    networks.iter().map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::NoticeSettings;

    fn taken(text: &str) -> Result<NoticeSettings, String> {
        NoticeSettings::take(&mut toml::from_str(text).unwrap())
    }

    #[test]
    fn a_mail_server_is_a_host_and_a_sender_and_has_the_port_of_its_tls() {
        let port = |tls: &str| {
            let text = format!("[mail]\nhost = \"m\"\nfrom = \"a@b.c\"\n{tls}");
            taken(&text).unwrap().mail.unwrap().port
        };
        assert_eq!(["", "tls = \"tls\"", "tls = \"none\"", "port = 2525"].map(port), [587, 465, 25, 2525]);
        let refused = |text: &str| taken(&format!("[mail]\n{text}")).unwrap_err();
        assert_eq!(refused("from = \"a@b.c\""), "`mail` needs `host`");
        assert_eq!(refused("hots = \"m\""), "unknown key `hots`, did you mean `host`?");
        assert_eq!(refused("tls = \"yes\""), "`tls` is \"yes\", and not starttls, tls or none");
        assert_eq!(refused("port = 70000"), "`port` is 70000, which is no port");
        assert_eq!(refused("user = \"u\""), "a `user` of `mail` needs `password_file`");
        assert_eq!(
            refused("user = \"u\"\npassword_file = \"p\""),
            "`password_file` is \"p\", which is no absolute path"
        );
    }

    #[test]
    fn a_password_is_read_from_its_file_and_not_sent_in_the_clear() {
        use std::io::Write as _;
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("password");
        let own = "127.0.0.1:1".parse().unwrap();
        let ready = |tls: &str| {
            let text = format!(
                "[mail]\nhost = \"m\"\nfrom = \"a@b.c\"\ntls = {tls:?}\nuser = \"u\"\npassword_file = {file:?}"
            );
            taken(&text).unwrap().ready(own)
        };
        assert!(ready("tls").unwrap_err().starts_with("`password_file` /"));
        std::fs::File::create(&file).unwrap().write_all(b"hush\n").unwrap();
        let mail = ready("tls").unwrap().mail.unwrap();
        assert!(!format!("{mail:?}").contains("hush"));
        assert_eq!(ready("none").unwrap_err(), "`mail`: a password is only sent over TLS");
        let from = taken("[mail]\nhost = \"m\"\nfrom = \"nobody\"").unwrap().ready(own).unwrap_err();
        assert!(from.starts_with("`mail`: from \"nobody\" is no address of mail"), "{from}");
    }

    #[test]
    fn networks_are_lists_and_those_that_cannot_be_are_named() {
        assert_eq!(taken("[webhooks]\nallow = [\"10.0.0.0/8\"]").unwrap().allow.len(), 1);
        let refused = |text: &str| taken(&format!("[webhooks]\n{text}")).unwrap_err();
        assert_eq!(refused("allow = \"10.0.0.0/8\""), "`allow` of `webhooks` is no list of networks");
        assert!(refused("deny = [\"ten\"]").starts_with("`deny` of `webhooks`: \"ten\" is not a network"));
        assert_eq!(
            refused("allow = [\"10.0.0.0/8\"]\ndeny = [\"10.0.0.0/8\"]"),
            "`webhooks`: 10.0.0.0/8 is both allowed and denied"
        );
        assert_eq!(refused("alow = []"), "unknown key `alow`, did you mean `allow`?");
    }
}
