//! The portal as people see it: in Chromium, driven by Playwright. What each person does is in the scripts beside this file.

use host_tests::python::play;
use serde_json::{Value, json};

use crate::house::{DATASETS, House, MARKUP};
use crate::walk::{all_pages, one_of_each};

/// What a failed attempt over the last dataset says in its log.
const CAUSE: &str = "remark";

/// What a script is told of a house.
fn given(house: &House, more: Value) -> Value {
    let mut given = json!({ "address": house.service.address, "tokens": house.tokens(), "cause": CAUSE });
    for (key, value) in more.as_object().unwrap() {
        given[key] = value.clone();
    }
    given
}

#[track_caller]
fn nothing_went_wrong(played: &Value) {
    assert_eq!(played["errors"], json!([]), "{played:#}");
}

/// Whether a campaign that a script has taken back leaves datasets as they were.
fn taken_back(script: &str) {
    let house = House::open();
    let before = house.service.trees();
    let campaign = house.makes_one("remarks");
    nothing_went_wrong(&play(script, &given(&house, json!({ "campaign": campaign }))));
    assert_eq!(house.state(&campaign), "rolled_back");
    assert!(house.service.trees() == before, "rolled back to the byte");
    let decided = house.get(&format!("campaigns/{campaign}/events?limit=1000")).to_string();
    for said in ["looked at", "it was not time"] {
        assert!(decided.contains(said), "{said}: {decided}");
    }
}

#[test]
fn three_people_start_approve_watch_and_take_back_a_campaign() {
    taken_back("portal/rollout.py");
}

#[test]
fn what_is_promised_works_without_scripts() {
    taken_back("portal/plain.py");
}

#[test]
fn a_newcomer_comes_from_the_first_page_to_a_campaign_that_is_approved_and_taken_back() {
    let house = House::open();
    let before = house.service.trees();
    let done = house.makes_one("of last week");
    house.plans(&done);
    let told = json!({ "team": "pay", "column": "amount", "owners": ["ben", "dan"] });
    let played = play("portal/newcomer.py", &given(&house, told));
    nothing_went_wrong(&played);
    assert_eq!(house.state(played["campaign"].as_str().unwrap()), "rolled_back");
    assert!(house.service.trees() == before, "rolled back to the byte");
}

#[test]
fn no_page_keeps_anybody_out_and_no_word_of_a_stranger_runs() {
    let house = House::hostile();
    let campaign = house.makes_one(MARKUP);
    house.plans(&campaign);
    house.rolls_out(&campaign);
    let of = |who: &str| one_of_each(all_pages(&house.browser(who)));
    // Who may do less sees why in the place of forms.
    let given_pages = json!({ "pages": of("admin"), "others": { "olga": of("olga"), "vic": of("vic") } });
    let played = play("portal/looks.py", &given(&house, given_pages));
    assert_eq!((&played["found"], &played["hurt"]), (&json!([]), &json!([])), "{played:#}");
    nothing_went_wrong(&played);
}

#[test]
fn elements_do_what_they_are_for_and_take_words_of_strangers_for_text() {
    let house = House::hostile();
    house.submits("hostile", "guest-hostile", MARKUP);
    let campaign = house.makes_one(MARKUP);
    house.plans(&campaign);
    house.rolls_out(&campaign);
    let narrow = usize::try_from(DATASETS).unwrap();
    let params = json!({ "behave": "markup-told", "shape": "same" });
    let told = house.makes("told", ("hostile@1", &params), narrow..narrow + 1);
    house.plans(&told);
    house.rolls_out(&told);
    let attempt = house.get(&format!("campaigns/{told}/runs/0/attempts"))["items"][0]["attempt"].clone();
    let failed = house.get(&format!("campaigns/{campaign}/runs?state=failed"))["items"][0].clone();
    let pages = json!({
        "log": format!("/attempts/{}", attempt.as_str().unwrap()),
        "run": format!("/campaigns/{campaign}/runs/{}", failed["seq"]),
        "campaign": format!("/campaigns/{campaign}"),
        "plan": format!("/campaigns/{campaign}/plan"),
        "sample": format!("/campaigns/{campaign}/samples/0"),
        "fleet": "/fleet",
    });
    let played = play("portal/elements.py", &given(&house, json!({ "at": pages, "markup": MARKUP })));
    assert_eq!(played["found"], json!([]), "{played:#}");
    nothing_went_wrong(&played);
}

/// As `cargo xtask demo --pictures` makes them for the documentation.
#[test]
fn the_main_pages_make_pictures() {
    let house = House::open();
    let done = house.makes_one("whole-remarks");
    house.plans(&done);
    house.rolls_out(&done);
    let waits = house.makes_again("remarks-for-the-warehouse");
    house.moves("olga", &waits, "plan");
    house.is(&waits, &["awaiting_approval"]);
    let run = house.get(&format!("campaigns/{done}/runs?state=failed"))["items"][0].clone();
    let shots = json!({
        "overview": "/", "campaigns": "/campaigns", "campaign": format!("/campaigns/{done}"),
        "plan": format!("/campaigns/{waits}/plan"), "datasets": "/datasets", "fleet": "/fleet", "quotas": "/quotas",
        "run": format!("/campaigns/{done}/runs/{}", run["seq"]), "modules": "/modules", "audit": "/audit",
    });
    let place = house.service.site.directory("pictures");
    std::fs::create_dir_all(&place).unwrap();
    let played =
        play("portal/looks.py", &given(&house, json!({ "pages": [], "shots": shots, "place": place })));
    nothing_went_wrong(&played);
    for name in shots.as_object().unwrap().keys() {
        for theme in ["light", "dark"] {
            assert!(place.join(format!("{name}-{theme}.png")).is_file(), "{name} {theme}");
        }
    }
}
