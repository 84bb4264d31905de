//! Setting and removing a quota. What is left empty is not promised and not bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;
use skein_api::{Quota, QuotaPut};
use skein_campaign::Span;
use skein_control::{Control, Seen as Version, ServiceError};
use skein_types::{Bounds, Bytes, Excess, Fuel, FuelBudget, Resource};

use super::AT;
use crate::form::Form;
use crate::frame::{command, encoded, quoted, secret};
use crate::pages::offered::bad;
use crate::viewer::{Failed, Seen, Viewer};

/// What is said of each resource: as the form's fields end, and as people read it.
const SAID: [(&str, &str); 3] = [("guaranteed", "promised"), ("limit", "at most"), ("lendable", "lends")];

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/quotas/{of}/set", post(put)).route("/quotas/{of}/remove", post(remove))
}

pub(super) fn forms(of: &str, quota: Option<&Quota>, viewer: &Viewer) -> Markup {
    let path = format!("/quotas/{}", encoded(of));
    html! {
        h2 { @if quota.is_some() { "Change it" } @else { "Set one" } }
        form method="post" action={ (path) "/set" } {
            (secret(viewer))
            (fields(quota))
            button { "Set" } " " (command("skein quota apply FILE.toml"))
        }
        @if let Some(quota) = quota {
            h2 { "Remove it" }
            p { "What is promised to it is nobody's then; a team falls back to the default. Its work goes on." }
            form method="post" action={ (path) "/remove" } {
                (secret(viewer))
                input type="hidden" name="version" value=(quota.version);
                button.danger { "Remove" } " " (command(&format!("skein quota remove {}", quoted(of))))
            }
        }
    }
}

fn fields(quota: Option<&Quota>) -> Markup {
    let standard = QuotaPut::default();
    let put = quota.map_or(&standard, |quota| &quota.quota);
    let there = |resource: &Resource, what: &str| {
        let bounds = put.bounds.get(resource)?;
        match what {
            "guaranteed" => Some(bounds.guaranteed).filter(|amount| *amount > 0),
            "limit" => bounds.limit,
            _ => bounds.lendable,
        }
    };
    html! {
        input type="hidden" name="version" value=(quota.map_or(0, |quota| quota.version));
        p { label for="weight" { "Weight, against the others'" } " " input #weight name="weight" type="number" min="1" value=(put.weight); }
        table {
            thead { tr { th { "Resource" } @for (_, said) in SAID { th { (said) } } } }
            tbody {
                @for resource in Resource::ALL {
                    tr {
                        th scope="row" { (resource) ", " (unit(*resource)) }
                        @for (what, said) in SAID {
                            td { input name={ (resource) "_" (what) } aria-label={ (resource) " " (said) } value=[there(resource, what)] size="14"; }
                        }
                    }
                }
            }
        }
        p {
            label for="fuel" { "Fuel of its guests" } " " input #fuel name="fuel" inputmode="numeric" value=[put.fuel.map(|fuel| fuel.fuel.0)]; " "
            label for="per" { "in a time such as 24h or 30m" } " "
            input #per name="per" size="6" maxlength="20" value=[put.fuel.map(|fuel| Span::of(fuel.per))];
        }
        p {
            label for="excess" { "What would take more" } " "
            select #excess name="excess" {
                @for excess in Excess::ALL { option value=(excess) selected[*excess == put.excess] { (means(*excess)) } }
            }
        }
    }
}

const fn unit(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "thousandths of a core",
        Resource::Memory => "bytes (or 64GiB)",
        Resource::Slots => "agents",
        Resource::Read | Resource::Write => "bytes a second (or 100MiB)",
    }
}

const fn means(excess: Excess) -> &'static str {
    match excess {
        Excess::Reject => "is refused when it is asked for",
        Excess::Throttle => "waits",
        Excess::Terminate => "is ended",
    }
}

/// What the form says, as the desk takes it; and the version that was seen.
fn said(form: &BTreeMap<String, String>) -> Result<(QuotaPut, u64), ServiceError> {
    let number = |name: &str| {
        let text = form.get(name).map(|text| text.trim().replace([',', '_'], ""));
        text.map(|text| text.parse::<u64>().map_err(|_| bad(name, &format!("{text:?} is no number"))))
            .transpose()
    };
    let mut bounds = BTreeMap::new();
    for resource in Resource::ALL {
        let amount = |what: &str| {
            let name = format!("{resource}_{what}");
            match (resource, form.get(&name)) {
                (Resource::Memory | Resource::Read | Resource::Write, Some(text)) => {
                    let size = text.parse::<Bytes>().map_err(|error| bad(&name, &error.to_string()))?;
                    Ok(Some(size.0))
                }
                _ => number(&name),
            }
        };
        let [guaranteed, limit, lendable] = [amount("guaranteed")?, amount("limit")?, amount("lendable")?];
        if guaranteed.is_some() || limit.is_some() || lendable.is_some() {
            bounds.insert(*resource, Bounds { guaranteed: guaranteed.unwrap_or(0), limit, lendable });
        }
    }
    let per = form.get("per").map(|text| text.trim().parse::<Span>());
    let per = per.transpose().map_err(|error| bad("fuel", &error.to_string()))?;
    let fuel = match (number("fuel")?, per) {
        (Some(fuel), Some(per)) => Some(FuelBudget { fuel: Fuel(fuel), per: per.length() }),
        (None, None) => None,
        _ => return Err(bad("fuel", "how much goes with in what time")),
    };
    let excess = form.get("excess").map(|word| word.parse::<Excess>());
    let excess = excess.transpose().map_err(|error| bad("excess", &error.to_string()))?;
    let weight = number("weight")?.map_or(Ok(1), u32::try_from);
    let weight = weight.map_err(|_| bad("weight", "it is too large"))?;
    let put = QuotaPut { weight, bounds, fuel, excess: excess.unwrap_or(Excess::Throttle) };
    Ok((put, number("version")?.unwrap_or(0)))
}

async fn put(
    Path(of): Path<String>,
    Form(viewer, form): Form<BTreeMap<String, String>>,
) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let (put, version) = said(&form)?;
            let quota = desk.put_quota(&of, Version::At(version), &put)?;
            Ok(format!("/quotas/{}", encoded(&quota.of)))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removing {
    version: String,
}

async fn remove(Path(of): Path<String>, Form(viewer, form): Form<Removing>) -> Result<Seen, Failed> {
    viewer
        .act(move |desk| {
            let version = form.version.parse().map_err(|_| bad("version", "it is no number"))?;
            desk.remove_quota(&of, Version::At(version))?;
            Ok(AT.to_owned())
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skein_api::{Quota, QuotaPut, Text, Time};
    use skein_types::{Bounds, Excess, Fuel, FuelBudget, Millis, Resource, Timestamp};

    use super::{fields, said};

    fn form(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_read_in_the_units_in_which_people_write() {
        let (put, version) = said(&form(&[
            ("version", "7"),
            ("weight", "3"),
            ("memory_guaranteed", "64GiB"),
            ("slots_limit", "1,000"),
            ("fuel", "5000"),
            ("per", "24h"),
            ("excess", "reject"),
        ]))
        .unwrap();
        assert_eq!((put.weight, version, put.excess), (3, 7, Excess::Reject));
        assert_eq!(put.bounds[&Resource::Memory].guaranteed, 64 << 30);
        assert_eq!(
            put.bounds[&Resource::Slots],
            Bounds { guaranteed: 0, limit: Some(1_000), lendable: None }
        );
        assert_eq!(put.fuel.unwrap().per.0, 24 * 3_600_000);
        assert_eq!(said(&BTreeMap::new()).unwrap().0, QuotaPut::default());
        for bad in [("slots_limit", "many"), ("memory_limit", "9QB"), ("fuel", "1"), ("weight", "9999999999")]
        {
            assert!(said(&form(&[bad])).is_err(), "{bad:?}");
        }
        assert!(said(&form(&[("fuel", "1"), ("per", "24")])).is_err(), "a time has a unit");
    }

    #[test]
    fn a_form_that_is_sent_as_it_was_shown_changes_nothing() {
        let bounds = Bounds { guaranteed: 0, limit: Some(3), lendable: Some(1) };
        // Less than an hour, and no whole number of minutes.
        let fuel = FuelBudget { fuel: Fuel(5_000), per: Millis(90_500) };
        let quota = QuotaPut {
            bounds: BTreeMap::from([(Resource::Slots, bounds)]),
            fuel: Some(fuel),
            ..QuotaPut::default()
        };
        let quota = Quota { of: Text::escaped("org"), quota, version: 4, since: Time(Timestamp(0)) };
        let page = fields(Some(&quota)).into_string();
        let shown = |name: &str| {
            let at = page.find(&format!("name=\"{name}\"")).unwrap();
            let input = &page[at..at + page[at..].find('>').unwrap()];
            input.split("value=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        assert_eq!(shown("slots_limit").as_deref(), Some("3"));
        assert_eq!(shown("slots_lendable").as_deref(), Some("1"));
        assert_eq!((shown("slots_guaranteed"), shown("memory_limit")), (None, None));
        assert_eq!(shown("version").as_deref(), Some("4"));
        let again = ["fuel", "per"].map(|name| (name, shown(name).unwrap()));
        let again = form(&again.each_ref().map(|(name, value)| (*name, value.as_str())));
        assert_eq!(said(&again).unwrap().0.fuel, Some(fuel));
    }
}
