//! What was typed of a campaign that is to be made, read as the API asks for it and as the command line says it.

use std::collections::BTreeMap;

use serde_json::Value;
use skein_api::{CampaignCreate, Chosen, LinesKind, List, MANIFEST_MAX, Policy, Selection};
use skein_control::{ServiceError, written_policy};
use skein_types::codes;

use super::params;
use crate::frame::quoted;
use crate::pages::dataset::labels_of;
use crate::pages::text;

/// All fields, by name.
#[derive(Debug, Default)]
pub(super) struct Draft(BTreeMap<String, String>);

impl Draft {
    pub(super) const fn of(typed: BTreeMap<String, String>) -> Self {
        Self(typed)
    }

    pub(super) const fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|said| !said.trim().is_empty())
    }

    pub(super) fn module(&self) -> Option<&str> {
        self.get("module")
    }

    /// Whether that button was pressed.
    pub(super) fn wants(&self, what: &str) -> bool {
        self.get("do") == Some(what)
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// What it is over.
    pub(super) fn selection(&self) -> Result<Selection, ServiceError> {
        let bad = |error: &dyn std::fmt::Display| ServiceError::new(codes::BODY_INVALID, error.to_string());
        let names = self.lines("names").map(|name| text("names", name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Selection {
            names: List::new(names).map_err(|error| bad(&error))?,
            labels: labels_of(self.get("labels").unwrap_or_default())?,
            owner: self.get("owner").map(|owner| text("team", owner.trim())).transpose()?,
            manifest: self.manifest()?,
            ..Selection::default()
        })
    }

    /// A table, or a JSON object a line, as the API's import takes them.
    fn manifest(&self) -> Result<List<Chosen, MANIFEST_MAX>, ServiceError> {
        let Some(said) = self.get("manifest") else { return Ok(List::default()) };
        let kind = if said.trim_start().starts_with('{') { LinesKind::Ndjson } else { LinesKind::Csv };
        let refused = |slips: skein_api::Slips| {
            ServiceError::new(codes::LIST_REFUSED, slips.to_string())
                .hint(Some("mend these lines of the manifest; what you typed is still there"))
        };
        let lines = skein_api::lines::<Chosen>(kind, said, MANIFEST_MAX).map_err(refused)?;
        Ok(List::first(lines.into_iter().map(|line| line.item).collect()).0)
    }

    fn policy(&self) -> Result<Policy, ServiceError> {
        let Some(rules) = self.get("rules") else { return Ok(Policy::default()) };
        if self.get("policy").is_some() {
            let message = "both a policy and rules in TOML are given";
            return Err(ServiceError::new(codes::BODY_INVALID, message).hint(Some("leave one of them out")));
        }
        written_policy(rules).map_err(|message| {
            ServiceError::new(codes::POLICY_INVALID, message)
                .hint(Some("a key that is left out keeps its default"))
        })
    }

    /// The whole, with parameters by this schema.
    pub(super) fn asked(&self, schema: Option<&Value>) -> Result<CampaignCreate, ServiceError> {
        Ok(CampaignCreate {
            name: text("name", self.get("name").unwrap_or_default().trim())?,
            owner: self.get("team").map(|team| text("team", team)).transpose()?,
            module: text("module", self.module().unwrap_or_default())?,
            params: params::typed(schema, self.all())?,
            selection: self.selection()?,
            policy: self.policy()?,
            policy_named: self.get("policy").map(|policy| text("policy", policy)).transpose()?,
        })
    }

    /// The same, typed. What takes many lines is a file there.
    pub(super) fn line(&self) -> String {
        let name = self.get("name").map_or_else(|| "NAME".to_owned(), quoted);
        let mut line =
            format!("skein campaign create {name} --module {}", quoted(self.module().unwrap_or("MODULE")));
        let mut and = |option: &str, value: Option<&str>| {
            if let Some(value) = value {
                line.push_str(&format!(" {option} {}", quoted(value)));
            }
        };
        and("--team", self.get("team"));
        if self.0.keys().any(|name| name == params::WHOLE || name.starts_with(params::PREFIX)) {
            and("--params", Some("@params.json"));
        }
        self.lines("names").for_each(|name| and("--select", Some(name)));
        self.lines("labels").for_each(|label| and("--label", Some(label)));
        and("--owner", self.get("owner"));
        and("--manifest", self.get("manifest").map(|_| "manifest.csv"));
        and("--policy-named", self.get("policy"));
        and("--policy", self.get("rules").map(|_| "policy.toml"));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use serde_json::json;
    use skein_types::codes;

    fn draft(of: &[(&str, &str)]) -> Draft {
        Draft::of(of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_typed_is_what_the_api_is_asked() {
        let typed = draft(&[
            ("name", " drop phone "),
            ("module", "columns@1"),
            ("team", "shop"),
            ("names", " users-*\r\n\r\norders \n"),
            ("labels", "tier=gold"),
            ("owner", "shop"),
            ("params", r#"{"a":1}"#),
            ("rules", "budget = 5"),
        ]);
        let asked = serde_json::to_value(typed.asked(None).unwrap()).unwrap();
        assert_eq!(asked["name"], "drop phone");
        assert_eq!((&asked["owner"], &asked["params"]), (&json!("shop"), &json!({ "a": 1 })));
        assert_eq!(
            asked["selection"],
            json!({ "names": ["users-*", "orders"], "labels": { "tier": "gold" }, "owner": "shop" })
        );
        assert_eq!(asked["policy"]["budget"], json!({ "runs": 5 }));
        let line = "skein campaign create ' drop phone ' --module columns@1 --team shop --params @params.json --select 'users-*' \
                    --select orders --label tier=gold --owner shop --policy policy.toml";
        assert_eq!(typed.line(), line);
    }

    #[test]
    fn a_manifest_is_a_table_or_objects_and_its_slips_are_named() {
        let csv = draft(&[("manifest", "dataset,owner\norders,shop\n")]).selection().unwrap();
        assert_eq!(csv.manifest[0].dataset.as_str(), "orders");
        let objects = draft(&[("manifest", "{\"dataset\":\"orders\"}\n")]).selection().unwrap();
        assert_eq!(objects.manifest.len(), 1);
        let refused = draft(&[("manifest", "name\norders")]).selection().unwrap_err();
        assert_eq!(refused.code, codes::LIST_REFUSED);
    }

    #[test]
    fn of_two_policies_neither_is_guessed() {
        let both = draft(&[("name", "a"), ("module", "m@1"), ("policy", "careful"), ("rules", "budget = 5")]);
        assert!(both.asked(None).unwrap_err().message.contains("both a policy"));
        let wrong = draft(&[("name", "a"), ("module", "m@1"), ("rules", "budgte = 5")]);
        assert_eq!(wrong.asked(None).unwrap_err().code, codes::POLICY_INVALID);
        assert!(draft(&[("module", "m@1")]).asked(None).unwrap_err().message.starts_with("name: "));
    }
}
