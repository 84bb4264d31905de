//! What is said of a dataset, said anew: labels that a plan is made by, and the team that has to approve.

use serde_json::{Value, json};

use crate::office::{Office, Risk, bearer, refused};

/// Sets labels or the owner of a dataset, by somebody who saw this version.
fn sets(
    office: &Office,
    who: &str,
    (dataset, what): (&str, &str),
    seen: Option<u64>,
    body: &Value,
) -> Result<Value, String> {
    let seen = seen.map(|version| format!("If-Match: \"{version}\"\r\n")).unwrap_or_default();
    let head = format!("{}{seen}", bearer(office.token(who)));
    let path = format!("PUT /v1/datasets/{dataset}/{what}");
    let (status, answer) = office.service.send(&path, &head, body.to_string().as_bytes());
    if status == 200 { Ok(answer) } else { Err(format!("{status} {}", answer["code"].as_str().unwrap())) }
}

fn version(office: &Office, dataset: &str) -> u64 {
    office.get(&format!("datasets/{dataset}/labels"))["version"].as_u64().unwrap()
}

#[test]
fn a_dataset_goes_to_another_team_by_who_may_in_both_and_plans_over_it_are_made_anew() {
    let office = Office::open();
    let campaign = office.planned("handed", Risk::Moderate, json!({}));
    campaign.is("awaiting_approval");
    assert_eq!(campaign.slice("pay")["datasets"], 3);
    let dataset = office.dataset(0);
    let (there, seen) = ((dataset.as_str(), "owner"), version(&office, &dataset));
    let shop = json!({ "owner": "shop" });
    // An operator of the dataset's team sees nothing of the other one; an approver is none.
    refused(sets(&office, "pia", there, Some(seen), &shop), "404 SK0680");
    refused(sets(&office, "ben", there, Some(seen), &json!({ "owner": "pay" })), "403 SK0691");
    refused(sets(&office, "cy", there, Some(seen), &shop), "404 SK0680");
    refused(sets(&office, "olga", there, None, &shop), "428 SK0693");
    refused(sets(&office, "olga", there, Some(seen + 1), &shop), "412 SK0692");
    assert_eq!(campaign.state(), "awaiting_approval", "what is refused moves nothing");
    let set = sets(&office, "olga", there, Some(seen), &shop).unwrap();
    assert_eq!((&set["owner"], set["version"].as_u64().unwrap() > seen), (&json!("shop"), true), "{set}");
    // The plan was made for other approvers: nobody approves it any more.
    let stale = campaign.shown();
    assert_eq!(stale["state"], "stale", "{stale}");
    let why = format!("membership_moved: {dataset} went to another team");
    assert!(stale["why"].as_str().unwrap().starts_with(&why), "{stale}");
    assert!(campaign.approves("ben", "pay").is_err());
    refused(office.says("pia", &format!("GET /v1/datasets/{dataset}"), &Value::Null), "404 SK0680");
    let changes = office.get("audit?kind=dataset.changed");
    let change = &changes["items"][0]["change"];
    assert!(changes["items"][0]["actor"].as_str().unwrap().starts_with("olga ("), "{changes}");
    let owners = (&change["before"]["owner"], &change["after"]["owner"]);
    assert_eq!(owners, (&json!("pay"), &json!("shop")), "{changes}");
    // Both teams hear of it.
    for team in ["pay", "shop"] {
        let heard = office.get(&format!("audit?kind=dataset.changed&team={team}"));
        assert_eq!(heard["items"].as_array().unwrap().len(), 1, "{team}: {heard}");
    }
    campaign.plan();
    campaign.is("awaiting_approval");
    assert_eq!(
        (&campaign.slice("pay")["datasets"], &campaign.slice("shop")["datasets"]),
        (&json!(2), &json!(4))
    );
    campaign.approved_by_all();
    campaign.starts().unwrap();
}

#[test]
fn labels_that_a_plan_is_made_by_make_it_stale_and_others_do_not() {
    let office = Office::open();
    let campaign = office.planned("labelled", Risk::Low, json!({}));
    assert_eq!(campaign.state(), "planned");
    let dataset = office.dataset(0);
    let label = |labels: &Value| {
        let body = json!({ "labels": labels });
        sets(&office, "pia", (&dataset, "labels"), Some(version(&office, &dataset)), &body)
    };
    label(&json!({ "region": "eu" })).unwrap();
    assert_eq!(campaign.state(), "planned");
    // The same again is no decision.
    let before = version(&office, &dataset);
    label(&json!({ "region": "eu" })).unwrap();
    assert_eq!(version(&office, &dataset), before);
    for (labels, risk) in [
        (json!({ "region": "eu", "tier": "critical" }), "high"),
        (json!({ "region": "eu", "sensitive": "note" }), "low"),
    ] {
        label(&labels).unwrap();
        let stale = campaign.shown();
        assert_eq!(stale["state"], "stale", "{labels}: {stale}");
        assert!(stale["why"].as_str().unwrap().contains("has other labels than"), "{stale}");
        campaign.plan();
        assert_eq!(campaign.slice("pay")["risk"], risk);
    }
    assert_eq!(
        office.get(&format!("datasets/{dataset}"))["labels"],
        json!({ "region": "eu", "sensitive": "note" })
    );
    campaign.starts().unwrap();
}
