//! A clock that is set forward and back by a day while campaigns run.

use host_tests::service::Service;
use skein_types::codes;

const DAY: i64 = 24 * 3_600_000;

fn service(count: i64) -> Service {
    Service::start_as(count, |call, site| {
        call.env("SKEIN_CLOCK_OFFSET", site.clock_is_off_by(0)).env("SKEIN_STORE_FAULTS", site.path("faults"))
    })
    .with_module_and_datasets()
}

fn planned(service: &Service, name: &str) -> String {
    let campaign = service.campaign(name);
    service.act(&campaign, "plan").succeeded();
    crate::brought(service, &campaign, "planned");
    campaign
}

#[test]
fn a_clock_that_jumps_by_a_day_either_way_while_a_campaign_runs_loses_nothing_and_keeps_nothing_back() {
    let service = service(12);
    let before = service.trees();
    for (number, jumps) in (1..).zip([[DAY, -DAY], [-DAY, DAY], [DAY, 0], [-DAY, 0]]) {
        let campaign = planned(&service, &format!("campaign-{number}"));
        service.act(&campaign, "start").succeeded();
        for offset in jumps {
            // In the middle: some are through and some are not.
            let through = || service.runs(&campaign).iter().filter(|run| run["state"] == "published").count();
            let some = through() + 1;
            crate::until("one more is through", || through() >= some.min(12));
            service.site.clock_is_off_by(offset);
        }
        crate::brought(&service, &campaign, "soaking");
        for dataset in &service.datasets {
            assert_eq!(service.published(dataset), number, "{jumps:?}");
        }
        service.act(&campaign, "roll_back").succeeded();
        service.site.clock_is_off_by(jumps[0]);
        crate::brought(&service, &campaign, "rolled_back");
        assert_eq!(service.trees(), before, "{jumps:?}");
        service.site.clock_is_off_by(0);
    }
    // Each decision has a place in the order, whatever the clock said.
    let (_, events) = service.send("GET /v1/events?limit=1000", "", b"");
    let positions =
        events["items"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap());
    assert!(positions.eq(1..=events["items"].as_array().unwrap().len() as u64));
}

#[test]
fn a_run_that_waits_to_be_tried_again_is_tried_when_the_clock_was_put_back_meanwhile() {
    let mut service = service(3);
    let campaign = planned(&service, "campaign");
    service.site.clock_is_off_by(DAY);
    // Each try fails, and the next one waits longer.
    service.site.file("faults", "eio 5 2");
    service.act(&campaign, "start").succeeded();
    crate::until("a run waits to be tried again", || {
        let progress = service.progress(&campaign);
        progress["running"] == 0 && progress["retrying"].as_u64().is_some_and(|waiting| waiting > 0)
    });
    service.site.clock_is_off_by(0);
    std::fs::remove_file(service.site.path("faults")).unwrap();
    // Whether the server saw it or not.
    let clock = service.site.path("clock");
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_CLOCK_OFFSET", clock));
    crate::brought(&service, &campaign, "soaking");
    let published: Vec<usize> = service.datasets.iter().map(|dataset| service.published(dataset)).collect();
    assert_eq!(published, [1, 1, 1]);
}

#[test]
fn a_rollback_window_is_over_when_the_clock_says_so_and_not_before() {
    let service = service(2);
    let campaign = planned(&service, "campaign");
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    for offset in [0, DAY, -DAY, 6 * DAY] {
        service.site.clock_is_off_by(offset);
        service.act(&campaign, "finalize").refused_json(codes::WINDOW_OPEN);
    }
    service.site.clock_is_off_by(8 * DAY);
    // By itself or asked for: the window is over.
    service.act(&campaign, "finalize");
    crate::brought(&service, &campaign, "succeeded");
}
