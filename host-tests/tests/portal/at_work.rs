//! An attempt that is at work, seen while it is: by those who would see it afterwards, and by nobody else.

use host_tests::call::Stream;
use host_tests::patience::until;
use host_tests::python::play;
use serde_json::{Value, json};
use skein_types::codes;

use crate::house::{House, LONG, MARKUP, bearer};

/// A house in which an attempt goes through a long dataset and says something of each batch; its campaign, and the attempt.
fn at_work(house: &House) -> (String, String) {
    house.submits("hostile", "guest-hostile", "here");
    let campaign =
        house.makes("slow", ("hostile@1", &json!({ "behave": "markup-told", "shape": "same" })), 0..1);
    house.plans(&campaign);
    house.slows(&campaign);
    house.moves("olga", &campaign, "start");
    let attempt = far(house, &campaign, |_| true);
    (campaign, attempt)
}

/// The attempt at work of those that are meant, when rows went through it.
fn far(house: &House, campaign: &str, is_meant: impl Fn(&str) -> bool) -> String {
    until("rows went through it", || {
        let listed = house.get(&format!("campaigns/{campaign}/runs/0/attempts"))["items"].clone();
        let far = |one: &&Value| one["at_work"]["rows"].as_u64().is_some_and(|rows| rows > 0);
        let ids = listed.as_array().unwrap().iter().filter(far).map(|one| one["attempt"].as_str().unwrap());
        ids.map(str::to_owned).find(|id| is_meant(id))
    })
}

/// Lines of a log from one on, and where the next is asked for.
fn log(house: &House, who: &str, attempt: &str, after: u64) -> (Vec<String>, Option<u64>) {
    let asked = format!("GET /v1/attempts/{attempt}/log?after={after}");
    let reply = house.service.ask(&asked, &bearer(house.token(who)), b"");
    assert_eq!(reply.status, 200, "{reply:?}");
    let next = reply.header("skein-next").map(|next| next.parse().unwrap());
    (reply.body.lines().map(str::to_owned).collect(), next)
}

#[test]
fn meters_phase_and_log_are_seen_while_it_works_and_by_its_team_alone() {
    let house = House::of_one();
    let (campaign, attempt) = at_work(&house);
    let shown = || house.done("vic", &format!("GET /v1/attempts/{attempt}"), &Value::Null);
    let first = shown();
    for null in ["ended", "ending", "why", "log"] {
        assert_eq!(first[null], Value::Null, "{null}: {first}");
    }
    let (now, meters) = (&first["at_work"], &first["meters"]);
    assert_eq!((&now["phase"], &now["rows_all"]), (&json!("transforming"), &json!(LONG)), "{first}");
    for (of, what) in [(now, "rows"), (meters, "memory_peak"), (meters, "fuel"), (meters, "bytes_read")] {
        assert!(of[what].as_u64().unwrap() > 0, "{what}: {first}");
    }
    assert!(now["limits"]["memory"].as_u64() >= meters["memory_peak"].as_u64(), "{first}");
    until("it gets on", || shown()["at_work"]["rows"].as_u64() > now["rows"].as_u64());

    // What is said is there as it is said, and each line once.
    let (begun, next) = log(&house, "vic", &attempt, 0);
    let next = next.unwrap();
    assert!(begun.iter().any(|line| line.contains("\"from\":\"log\"")), "{begun:?}");
    assert_eq!(begun.len() as u64, next);
    let more =
        until("more is said", || Some(log(&house, "vic", &attempt, next).0).filter(|more| !more.is_empty()));
    assert!(more.iter().all(|line| !line.contains("left_out")), "{more:?}");

    let vic = house.browser("vic");
    let page = vic.page(&format!("/attempts/{attempt}"));
    let escaped = MARKUP.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    for there in [
        "aria-current=\"step\"><strong>Transforms",
        &format!("hx-get=\"/live/attempts/{attempt}"),
        "<meter",
        " rows",
        "data-at-work",
        &format!("log {escaped}"),
        "skein attempt logs",
    ] {
        assert!(page.contains(there), "{there}: {page}");
    }
    assert!(!page.contains("<script>window"), "{page}");
    let found = vic.page(&format!("/live/attempts/{attempt}?find=PRINT"));
    assert!(found.contains("<mark>print</mark>") && !found.contains("log &quot;"), "{found}");
    for page in [format!("/campaigns/{campaign}/runs/0"), format!("/campaigns/{campaign}/runs")] {
        assert!(vic.page(&page).contains(&format!("<a href=\"/attempts/{attempt}\"")), "{page}");
    }
    let page = vic.page(&format!("/campaigns/{campaign}/runs/0"));
    let drawn = page.split_once("<skein-timeline").unwrap().1.split("</skein-timeline>").next().unwrap();
    let row = drawn.split("<tr").find(|row| row.contains(&format!("/attempts/{attempt}"))).unwrap();
    assert!(row.contains("data-from=\"2") && row.contains(" data-open") && !row.contains("data-to"), "{row}");

    for path in ["", "/log", "/rejects"] {
        let refused = house.service.send(
            &format!("GET /v1/attempts/{attempt}{path}"),
            &bearer(house.token("eve")),
            b"",
        );
        assert_eq!(refused.0, 404, "{path}: {refused:?}");
    }
    let eve = house.browser("eve");
    for (path, status) in [("/attempts", 404), ("/live/attempts", 200)] {
        let reply = eve.asks(&format!("{path}/{attempt}"));
        assert!(reply.status == status && !reply.body.contains("orders"), "{path}: {reply:?}");
        assert!(!reply.body.contains("print ") && !reply.body.contains("<meter"), "{path}: {reply:?}");
    }

    // When it is over it is on record, and begins as it was seen.
    house.lets_go(&campaign);
    let over = until("it is over", || Some(shown()).filter(|shown| !shown["ending"].is_null()));
    assert_eq!((&over["ending"], &over["at_work"]), (&json!("done"), &Value::Null), "{over}");
    let (recorded, next) = log(&house, "vic", &attempt, 0);
    assert_eq!(next, None);
    let kept = recorded.len() - 1;
    assert!(recorded[kept].contains("left_out"), "{recorded:?}");
    let seen: Vec<String> = begun.into_iter().chain(more).collect();
    let both = kept.min(seen.len());
    assert_eq!(recorded[..both], seen[..both]);
    assert!(!vic.page(&format!("/attempts/{attempt}")).contains("data-at-work"));
}

/// What is on record of an attempt that told no end: that it ended so, where, from when to when, and what it had said by then.
fn cut_off(house: &House, campaign: &str, attempt: &str, (ending, why): (&str, &str)) {
    let shown = until("it is on record", || {
        let shown = house.get(&format!("campaigns/{campaign}/runs/0/attempts"))["items"].clone();
        let is_it = |one: &&Value| one["attempt"] == attempt && !one["ending"].is_null();
        shown.as_array().unwrap().iter().find(is_it).cloned()
    });
    assert_eq!((&shown["ending"], &shown["at_work"]), (&json!(ending), &Value::Null), "{shown}");
    assert!(shown["node"].is_string() && shown["began"].as_str() < shown["ended"].as_str(), "{shown}");
    for took in ["wall_ms", "fuel"] {
        assert!(shown["meters"][took].as_u64() > Some(0), "{took}: {shown}");
    }
    let (said, next) = log(house, "vic", attempt, 0);
    assert!(said[0].contains("\"from\":") && said.last().unwrap().contains(why), "{said:?}");
    assert_eq!(next, None);
    let page = house.browser("vic").page(&format!("/campaigns/{campaign}/runs/0"));
    let row = page.split("<tr").find(|row| row.contains(&format!("/attempts/{attempt}"))).unwrap();
    assert!(row.contains(ending) && row.contains("data-from") && row.contains("data-to"), "{row}");
    let listed = house.service.call("attempt").arg("list").arg(campaign).arg("0");
    let listed = listed.env("SKEIN_TOKEN", house.token("vic")).finish().succeeded().json();
    let is_it = |one: &Value| one["attempt"] == attempt && one["ending"] == ending;
    assert!(listed.as_array().unwrap().iter().any(is_it), "{listed}");
}

#[test]
fn an_attempt_that_is_lost_or_called_off_is_on_record_with_what_it_had_said() {
    let house = House::of_one();
    let (campaign, lost) = at_work(&house);
    assert!(house.service.kill_a_node(1) && house.service.kill_a_node(0));
    cut_off(&house, &campaign, &lost, ("lost", "its node was given up"));
    let called_off = far(&house, &campaign, |attempt| attempt != lost);
    house.moves("olga", &campaign, "cancel");
    cut_off(&house, &campaign, &called_off, ("stopped", "it was called off"));
    // Whoever was at it says so later, which adds nothing.
    house.is(&campaign, &["cancelled"]);
    let all = house.get(&format!("campaigns/{campaign}/runs/0/attempts"))["items"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
}

#[test]
fn whoever_follows_a_log_is_told_each_line_once_until_the_attempt_is_over() {
    let house = House::of_one();
    let (campaign, attempt) = at_work(&house);
    let follow = |who: &str| {
        let call = house.service.call("attempt").env("SKEIN_TOKEN", house.token(who));
        call.arg("logs").arg(&attempt).arg("--follow")
    };
    follow("eve").finish().refused_json(codes::NOT_FOUND);
    let mut follows = follow("vic").start();
    let count = |said: &str| said.matches("\"from\":\"log\"").count();
    let begun = count(&follows.says(Stream::Stdout, |said| count(said) > 0));
    let said = follows.says(Stream::Stdout, |said| count(said) > begun);
    assert!(!follows.has_ended(), "{said}");
    let (there, _) = log(&house, "vic", &attempt, 0);
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    // The last may be on its way yet.
    let seen: Vec<Value> = said.lines().filter_map(read).collect();
    let there: Vec<Value> = there.iter().filter_map(|line| read(line)).take(seen.len()).collect();
    assert_eq!(seen, there, "each once, in the order in which they were said");
    house.lets_go(&campaign);
    let all = follows.finish().succeeded().stdout;
    let over = house.done("vic", &format!("GET /v1/attempts/{attempt}"), &Value::Null);
    assert_eq!(over["ending"], "done", "it was followed to its end");
    assert!(all.starts_with(&said), "{all}");
}

#[test]
fn a_page_of_one_at_work_goes_on_by_itself_and_says_how_it_ended() {
    let house = House::of_one();
    let (campaign, attempt) = at_work(&house);
    let given = json!({
        "address": house.service.address, "tokens": house.tokens(), "campaign": campaign, "attempt": attempt,
    });
    let played = play("portal/at_work.py", &given);
    assert_eq!(played["errors"], json!([]), "{played:#}");
}
