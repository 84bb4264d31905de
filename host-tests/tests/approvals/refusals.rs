//! Who may not approve, and what a campaign does not start without.

use serde_json::{Value, json};

use crate::office::{Office, Risk, refused};

#[test]
fn each_who_may_not_is_refused_with_a_code_of_its_own() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    assert_eq!(high.state(), "awaiting_approval");
    refused(high.approves("bot", "pay"), "403 SK0410");
    refused(high.approves("ada", "pay"), "403 SK0412");
    // Who submitted the module, and who planned it last.
    refused(high.approves("mia", "pay"), "403 SK0413");
    refused(high.approves("olga", "shop"), "403 SK0413");
    refused(high.approves("vic", "pay"), "403 SK0691");
    refused(high.approves("ben", "bank"), "404 SK0421");
    let other = office.planned("other", Risk::High, json!({}));
    let stale = json!({ "slice": "pay", "plan": other.shown()["plan"]["digest"] });
    refused(high.asks("ben", "approve", stale), "409 SK0411");
    refused(high.asks("ben", "approve", json!({ "slice": "pay", "plan": null })), "409 SK0411");
    // Nothing of it counted.
    assert_eq!((high.decided("approval."), high.slice("pay")["approvals"].clone()), (vec![], json!([])));

    // Of moderate risk, an approver of another team is of no help.
    let moderate = office.planned("moderate", Risk::Moderate, json!({}));
    assert_eq!(moderate.slice("shop")["needs"], json!({ "approvals": 1, "of_owner": 1 }));
    refused(moderate.approves("ben", "shop"), "403 SK0691");
    assert_eq!(moderate.approves("ben", "pay").unwrap(), "awaiting_approval");
    refused(moderate.approves("ben's other token", "pay"), "409 SK0414");
    refused(moderate.approves("dan", "pay"), "409 SK0420");
    assert_eq!(moderate.approves("cy", "shop").unwrap(), "approved");
    moderate.starts().unwrap();
    moderate.is("soaking");
    refused(moderate.approves("dan", "pay"), "409 SK0631");
}

#[test]
fn two_persons_approve_what_is_of_high_risk_and_one_of_them_is_of_the_team() {
    let mut office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    refused(high.starts(), "409 SK0415");
    let lacks = high.slice("pay")["lacks"].clone();
    assert_eq!((&lacks["approvals"], &lacks["of_owner"]), (&json!(2), &json!(true)));
    assert_eq!(lacks["who_could"], json!(["ben", "cy", "dan"]));
    assert_eq!(high.approvals()["excluded"], json!(["ada", "mia", "olga"]));
    // An approver of another team could, who does not see the campaign and so is not named either.
    refused(high.approves("eve", "pay"), "404 SK0680");

    assert_eq!(high.approves("ben", "pay").unwrap(), "awaiting_approval");
    // Two tokens of one person are one person.
    refused(high.approves("ben", "pay"), "409 SK0414");
    refused(high.approves("ben's other token", "pay"), "409 SK0414");
    assert_eq!(high.slice("pay")["lacks"]["approvals"], 1);
    // Nobody of the team has approved it yet.
    high.approves("ben", "shop").unwrap();
    let lacks = high.slice("shop")["lacks"].clone();
    assert_eq!((&lacks["of_owner"], &lacks["who_could"]), (&json!(true), &json!(["cy"])));
    refused(high.approves("dan", "shop").map(|_| ()).and_then(|()| high.starts()), "409 SK0416");
    // A third of another team was taken, and changes nothing.
    assert_eq!(high.slice("shop")["lacks"], lacks);
    assert_eq!(high.approves("cy", "shop").unwrap(), "awaiting_approval");
    refused(high.starts(), "409 SK0416");

    // What was said is there after a death.
    let (id, before) = (high.id.clone(), high.approvals());
    office.dies_and_comes_back();
    let high = office.campaign(&id);
    assert_eq!(high.approvals(), before);
    assert_eq!(high.approves("cy", "pay").unwrap(), "approved");
    refused(high.approves("dan", "pay"), "409 SK0420");

    // Taken back, by whoever gave it, before the start and not after.
    refused(high.asks("dan", "revoke", json!({ "slice": "pay" })), "409 SK0424");
    let revoked = high.asks("cy", "revoke", json!({ "slice": "pay", "reason": "saw something" })).unwrap();
    assert_eq!(
        (&revoked["state"], revoked["why"].as_str()),
        (&json!("awaiting_approval"), Some("approval_revoked: saw something"))
    );
    refused(high.starts(), "409 SK0416");
    assert_eq!(high.approves("dan", "pay").unwrap(), "approved");
    high.starts().unwrap();
    high.is("soaking");
    refused(high.asks("dan", "revoke", json!({ "slice": "pay" })), "409 SK0631");
}

#[test]
fn a_question_is_answered_before_anything_is_started() {
    let office = Office::open();
    let low = office.planned("low", Risk::Low, json!({}));
    assert_eq!((low.state(), low.slice("pay")["lacks"].clone()), ("planned".to_owned(), Value::Null));
    refused(low.approves("ben", "pay"), "409 SK0420");
    let at = format!("/v1/campaigns/{}/comments", low.id);
    let asked = json!({ "text": "what becomes of the old notes?", "slice": "shop", "question": true });
    let question = office.says("vic", &format!("POST {at}"), &asked).unwrap();
    assert_eq!((&question["number"], &question["person"]), (&json!(1), &json!("vic")));
    office.says("ada", &format!("POST {at}"), &json!({ "text": "they stay" })).unwrap();
    assert_eq!(low.state(), "awaiting_approval");
    refused(low.starts(), "409 SK0418");
    // Not by whoever wants it to go on.
    refused(office.says("ada", &format!("POST {at}/1/resolve"), &json!({})), "403 SK0691");
    refused(office.says("ben", &format!("POST {at}/1/resolve"), &json!({})), "403 SK0691");
    refused(office.says("cy", &format!("POST {at}/2/resolve"), &json!({})), "409 SK0631");
    let resolved =
        office.says("cy", &format!("POST {at}/1/resolve"), &json!({ "note": "they stay" })).unwrap();
    assert_eq!((&resolved["resolved_by"], &resolved["resolution"]), (&json!("cy"), &json!("they stay")));
    refused(office.says("vic", &format!("POST {at}/1/resolve"), &json!({})), "409 SK0631");
    // About the whole plan, an approver of any of the teams: but no program, and nobody who made it.
    let whole = json!({ "text": "and why now?", "question": true });
    office.says("vic", &format!("POST {at}"), &whole).unwrap();
    for who in ["ada", "mia", "bot"] {
        refused(office.says(who, &format!("POST {at}/3/resolve"), &json!({})), "403 SK0691");
    }
    office.says("ben", &format!("POST {at}/3/resolve"), &json!({})).unwrap();
    low.starts().unwrap();
    low.is("soaking");
    let comments = office.get(&format!("campaigns/{}/comments", low.id));
    assert_eq!(comments["items"].as_array().unwrap().len(), 3, "{comments}");
}

#[test]
fn nobody_holds_a_campaign_up_with_questions_or_takes_the_place_of_all() {
    let office = Office::open();
    let low = office.planned("low", Risk::Low, json!({}));
    let at = format!("/v1/campaigns/{}/comments", low.id);
    let says = |who: &str, text: &str, question: bool| {
        let body = json!({ "text": text, "question": question, "slice": "shop" });
        office.says(who, &format!("POST {at}"), &body).map(|_| ())
    };
    let resolve = |who: &str, number: u64, through: Value| {
        office.says(
            who,
            &format!("POST {at}/{number}/resolve"),
            &json!({ "note": "see 1", "through": through }),
        )
    };
    refused(says("bot", "why?", true), "403 SK0410");
    assert_eq!(low.state(), "planned");
    (0..3).for_each(|_| says("vic", "why?", true).unwrap());
    refused(says("vic", "why?", true), "409 SK0418");
    // One answer makes room for one more.
    resolve("cy", 1, Value::Null).unwrap();
    says("vic", "and why not?", true).unwrap();
    refused(says("vic", "why?", true), "409 SK0418");
    says("ben", "what of pay?", true).unwrap();
    let about_pay = json!({ "text": "and here?", "question": true, "slice": "pay" });
    office.says("dan", &format!("POST {at}"), &about_pay).unwrap();
    // All of them at once, as far as whoever answers may: the last is not about shop.
    refused(resolve("ada", 2, json!(100)), "403 SK0691");
    let first = resolve("cy", 2, json!(100)).unwrap();
    assert_eq!((&first["number"], &first["resolved_by"]), (&json!(2), &json!("cy")));
    assert_eq!(low.approvals()["open_questions"], 1);
    refused(low.starts(), "409 SK0418");
    resolve("dan", 6, json!(6)).unwrap();

    // Fifty of one, also of a program, and there is room for others.
    (0..50).for_each(|_| says("bot", "still here", false).unwrap());
    refused(says("bot", "still here", false), "413 SK0665");
    says("ada", "thank you", false).unwrap();
    low.starts().unwrap();
    low.is("soaking");
}

#[test]
fn glass_of_one_team_answers_no_question_about_anothers_part() {
    let office = Office::open();
    let low = office.planned("low", Risk::Low, json!({}));
    let asked = json!({ "text": "and the old notes?", "slice": "shop", "question": true });
    office.says("cy", &format!("POST /v1/campaigns/{}/comments", low.id), &asked).unwrap();
    let reason = || json!({ "reason": "orders stand still, nobody can be reached" });
    refused(low.asks("pia", "break_glass", reason()), "403 SK0691");
    low.asks("pia", "break_glass", json!({ "slice": "pay", "reason": "nobody can be reached" })).unwrap();
    assert_eq!(low.state(), "awaiting_approval");
    refused(low.starts(), "409 SK0418");
    assert_eq!(low.asks("olga", "break_glass", reason()).unwrap()["state"], "approved");
    let of: Vec<bool> =
        low.decided("approval.broken_glass").iter().map(|one| one.to_string().contains("olga")).collect();
    assert_eq!(of, [false, true]);
    low.starts().unwrap();
    low.is("soaking");
}

#[test]
fn glass_is_broken_by_a_person_with_a_reason_and_stays_broken() {
    let office = Office::open();
    let high = office.planned("high", Risk::High, json!({}));
    let reason = || json!({ "reason": "orders stand still, nobody can be reached" });
    refused(high.asks("bot", "break_glass", reason()), "403 SK0410");
    refused(high.asks("ben", "break_glass", reason()), "403 SK0691");
    refused(high.asks("olga", "break_glass", json!({})), "400 SK0422");
    refused(high.asks("olga", "break_glass", json!({ "reason": " " })), "400 SK0422");
    assert_eq!(high.shown()["broken_glass"], Value::Null);
    assert_eq!(high.asks("olga", "break-glass", reason()).unwrap()["state"], "approved");
    let table = office.told(&["campaign", "approvals", &high.id]);
    assert!(table.contains("olga (broke the glass: orders stand still, nobody can be reached)"), "{table}");
    let broken = high.decided("approval.broken_glass");
    assert_eq!(broken.len(), 2, "{broken:?}");
    assert!(broken[0].to_string().contains("nobody can be reached"), "{broken:?}");
    assert!(broken[0].to_string().contains("olga"), "{broken:?}");

    // It is seen wherever the campaign is, and another plan does not make up for it.
    high.asks("olga", "plan", json!({})).unwrap();
    high.is("awaiting_approval");
    let listed = office.get("campaigns");
    assert_eq!(listed["items"][0]["broken_glass"], true);
    assert_eq!(high.approvals()["broken_glass"], true);
    assert_eq!(office.get(&format!("campaigns/{}/report", high.id))["broken_glass"], true);
    let banner = "** somebody went on without the approvals that a plan of this campaign needed **";
    let report = office.told(&["campaign", "report", &high.id]);
    assert!(report.contains(banner) && report.contains("DECISIONS"), "{report}");
    let report = office.told(&["campaign", "report", &high.id, "--markdown"]);
    assert!(report.contains(&format!("\n{banner}\n").replace("** ", "**").replace(" **", "**")), "{report}");
    refused(high.starts(), "409 SK0415");
}
