//! Entities as Backstage has them ([Descriptor format](https://backstage.io/docs/features/software-catalog/descriptor-format)), as
//! documents of YAML.
//!
//! Names there have at most 63 characters of few kinds, and are the same whatever the case of their letters. A name that is none of those
//! gets one that is, with a digest of the whole name at its end: it stays what it is, and two never become one. The name as people know it is the
//! title. Texts are written as JSON has them, which YAML reads.

use std::fmt::Write as _;

use serde_json::Value;
use skein_api::{Module, ModuleState};
use skein_control::Catalogued;
use skein_types::Blake3;

/// Of a name.
const NAME_MAX: usize = 63;
/// Hex digits of the digest.
const DIGEST: usize = 12;

/// Where entities are, and where their links lead.
pub(super) struct Place {
    /// Without a slash at its end.
    pub(super) address: String,
    pub(super) namespace: String,
}

/// A word of small letters and digits with single dashes between.
pub(super) fn is_namespace(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= NAME_MAX && text.split('-').all(part)
}

/// The versions of one module; nothing of none.
pub(super) fn component(at: &Place, versions: &[Module]) -> String {
    // The one that somebody would use: the last that may run, or else the last.
    let runs = versions.iter().filter(|module| module.state == ModuleState::Ready);
    let last = runs
        .max_by_key(|module| module.submitted)
        .or_else(|| versions.iter().max_by_key(|module| module.submitted));
    let Some(last) = last else { return String::new() };
    let link = format!("{}/modules/{}", at.address, encoded(&last.name));
    let mut out = head(at, "Component", (&last.name, &link));
    annotate(&mut out, "skein/module", &last.name);
    annotate(&mut out, "skein/version", &last.version);
    annotate(&mut out, "skein/versions", &versions.len().to_string());
    annotate(&mut out, "skein/digest", &last.digest.to_string());
    if let Some(source) = &last.source {
        annotate(&mut out, "skein/source", source);
    }
    if let Some(commit) = &last.commit {
        annotate(&mut out, "skein/commit", commit);
    }
    out.push_str("spec:\n  type: data-migration\n");
    let lifecycle = match last.state {
        ModuleState::Ready => "production",
        ModuleState::Compiling => "experimental",
        ModuleState::Refused | ModuleState::Suspended | ModuleState::Banned => "deprecated",
    };
    line(&mut out, "  lifecycle", lifecycle);
    line(&mut out, "  owner", &owner(last.owner.as_deref().unwrap_or("local")));
    out
}

/// A dataset.
pub(super) fn resource(at: &Place, one: &Catalogued) -> String {
    let dataset = &one.dataset;
    let link = format!("{}/datasets/{}", at.address, dataset.dataset);
    let mut out = head(at, "Resource", (&dataset.name, &link));
    annotate(&mut out, "skein/dataset", &dataset.name);
    annotate(&mut out, "skein/dataset-id", &dataset.dataset.to_string());
    annotate(&mut out, "skein/driver", &dataset.driver);
    if let Some(campaign) = one.campaign {
        annotate(&mut out, "skein/campaign", &format!("{}/campaigns/{campaign}", at.address));
    }
    out.push_str("spec:\n  type: dataset\n");
    line(&mut out, "  owner", &owner(&dataset.owner));
    if let Some(module) = &one.module {
        depends_on(&mut out, at, module);
    }
    out
}

fn depends_on(out: &mut String, at: &Place, module: &Module) {
    let depends = format!("component:{}/{}", at.namespace, name(&module.name));
    _ = writeln!(out, "  dependsOn:\n    - {}", quoted(&depends));
}

/// What all entities have, with the annotations begun.
fn head(at: &Place, kind: &str, (named, link): (&str, &str)) -> String {
    let mut out = format!("---\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n");
    line(&mut out, "  name", &name(named));
    line(&mut out, "  namespace", &at.namespace);
    line(&mut out, "  title", named);
    _ = writeln!(out, "  links:\n    - url: {}\n      title: Skein", quoted(link));
    out.push_str("  annotations:\n");
    annotate(&mut out, "backstage.io/view-url", link);
    out
}

fn annotate(out: &mut String, key: &str, value: &str) {
    line(out, &format!("    {key}"), value);
}

fn line(out: &mut String, key: &str, value: &str) {
    _ = writeln!(out, "{key}: {}", quoted(value));
}

/// A text that YAML reads as this text and nothing else.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A team as a group of people.
fn owner(team: &str) -> String {
    format!("group:default/{}", name(team))
}

/// The name that an entity has.
pub(super) fn name(of: &str) -> String {
    if is_name(of) && of.len() <= NAME_MAX {
        return of.to_owned();
    }
    let mut fit = String::new();
    for character in of.chars() {
        if fit.len() >= NAME_MAX - DIGEST - 1 {
            break;
        }
        match character.to_ascii_lowercase() {
            kept if kept.is_ascii_alphanumeric() => fit.push(kept),
            _ if fit.is_empty() || fit.ends_with('-') => {}
            _ => fit.push('-'),
        }
    }
    let digest = Blake3::of(of.as_bytes()).to_string();
    let hex = digest.rsplit(':').next().unwrap_or_default();
    let begin = fit.trim_end_matches('-');
    let dash = if begin.is_empty() { "" } else { "-" };
    format!("{begin}{dash}{}", hex.get(..DIGEST).unwrap_or(hex))
}

/// Small letters and digits, with single dashes, underscores and dots between: capitals would be the same as small ones there.
fn is_name(text: &str) -> bool {
    text.split(['-', '_', '.']).all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// As a part of a path.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use skein_api::{Dataset, Labels, Module, ModuleState, Text, Time};
    use skein_control::Catalogued;
    use skein_types::{Bytes, ModuleDigest, Timestamp};

    use super::{Place, component, is_namespace, name, resource};

    fn at() -> Place {
        Place { address: "https://skein.example.org".to_owned(), namespace: "data".to_owned() }
    }

    fn module(version: &str, state: ModuleState, submitted: u64) -> Module {
        Module {
            name: Text::escaped("drop phone"),
            version: Text::escaped(version),
            owner: Some(Text::escaped("pay")),
            digest: format!("sha256:{}", "0".repeat(64)).parse::<ModuleDigest>().unwrap(),
            bytes: Bytes(1),
            state,
            why: None,
            submitted: Time(Timestamp(submitted)),
            source: Some(Text::escaped("a: \"b\" # c")),
            commit: None,
        }
    }

    fn dataset(named: &str) -> Dataset {
        Dataset {
            dataset: "dts_00000000000000000000000000000001".parse().unwrap(),
            name: Text::escaped(named),
            driver: Text::escaped("files"),
            location: Text::escaped("/data/secret-place"),
            state: None,
            owner: Text::escaped("Pay & Co"),
            labels: Labels::default(),
            added: Time(Timestamp(0)),
            kept: None,
        }
    }

    #[test]
    fn names_are_backstages_and_two_never_become_one() {
        for kept in ["orders", "a-b_c.d", "0"] {
            assert_eq!(name(kept), kept);
        }
        let long = "x".repeat(64);
        let strange = ["Orders", "lake/orders", "lake orders", "a--b", "-a", "", "ünïcode", "日本", &long];
        let mut seen: Vec<String> = strange.iter().map(|of| name(of)).collect();
        for name in &seen {
            assert!(super::is_name(name) && name.len() <= 63, "{name}");
        }
        assert!(seen[1].starts_with("lake-orders-") && seen[1] != seen[2], "{seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), strange.len());
    }

    #[test]
    fn namespaces_are_words() {
        assert!(is_namespace("default") && is_namespace("a-1"));
        for bad in ["", "A", "a--b", "-", "a_b", "a\nb", &"x".repeat(64)] {
            assert!(!is_namespace(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_component_is_its_last_version_that_may_run() {
        let versions = [
            module("1", ModuleState::Ready, 1),
            module("2", ModuleState::Ready, 2),
            module("3", ModuleState::Refused, 3),
        ];
        let text = component(&at(), &versions);
        assert!(text.contains("skein/version: \"2\"") && text.contains("skein/versions: \"3\""), "{text}");
        assert!(
            text.contains("lifecycle: \"production\"") && text.contains(r#"skein/source: "a: \"b\" # c""#)
        );
        assert!(text.contains("https://skein.example.org/modules/drop%20phone\""));
        assert_eq!(component(&at(), &[]), "");
        assert!(
            component(&at(), &[module("1", ModuleState::Banned, 1)]).contains("lifecycle: \"deprecated\"")
        );
    }

    #[test]
    fn a_dataset_depends_on_the_component_that_made_it_and_says_no_place() {
        let one = Catalogued {
            dataset: dataset("lake/orders"),
            module: Some(module("1", ModuleState::Ready, 1)),
            campaign: Some("cmp_00000000000000000000000000000001".parse().unwrap()),
        };
        let text = resource(&at(), &one);
        let named = component(&at(), &[module("1", ModuleState::Ready, 1)]);
        let named = named.lines().find_map(|line| line.strip_prefix("  name: \"")).unwrap();
        assert!(text.contains(&format!("    - \"component:data/{named}")), "{text}");
        assert!(text.contains("skein/dataset: \"lake/orders\"") && !text.contains("secret-place"));
        let alone = Catalogued { module: None, campaign: None, ..one };
        assert!(!resource(&at(), &alone).contains("dependsOn"));
    }
}
