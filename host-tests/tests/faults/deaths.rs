//! A module of which each task ends its node before anybody can have heard that it has begun.

use host_tests::service::Service;
use skein_types::codes;

/// Of the module's campaign there are so many; the first is its canary.
const DATASETS: i64 = 4;
/// Nothing of it takes as long; beyond it is stuck.
const LOOKS: u32 = 600;

#[test]
fn a_task_that_ends_its_node_within_milliseconds_is_found_out_and_its_module_suspended() {
    let mut service = Service::start(DATASETS).with_module_and_datasets();
    let before = service.trees();
    let campaign = service.campaign("deadly");
    service.act(&campaign, "plan").succeeded();
    service.watched(&campaign);
    let other = service.campaign("harmless");
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_CRASH_AT", "stage.after-create"));
    service.act(&campaign, "start").succeeded();
    let halted = (0..LOOKS).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        service.state_of(&campaign).as_deref() == Some("halted")
    });
    let shown = service.shown(&campaign);
    assert!(halted, "{shown}");
    assert_eq!(shown["why"], "module_suspended", "{shown}");
    let module = service.get("/v1/modules/columns/versions/1");
    assert_eq!(module["state"], "suspended", "{module}");
    // Four nodes: the first took with it that it had begun.
    let events = service.get("/v1/events?limit=1000");
    let lost = events["items"].as_array().unwrap().iter();
    let lost = lost.filter(|event| event["body"]["reason"] == "its process ended").count();
    assert_eq!(lost, 4, "{events}");
    assert_eq!(module["why"]["code"], codes::MODULE_SUSPENDED.id, "{module}");
    // Nothing of it starts any more, in no campaign, also when nothing would end a node now.
    service.kill_and_start_again();
    for (campaign, verb) in [(&campaign, "resume"), (&other, "plan")] {
        service.act(campaign, verb).refused_json(codes::MODULE_SUSPENDED);
    }
    assert_eq!(service.trees(), before);
    let restore = || {
        let call = service.call("module").arg("restore").arg("columns@1");
        call.arg("--reason").arg("a test of ours ended them").arg("-o").arg("json").finish()
    };
    restore().succeeded();
    restore().refused_json(codes::MODULE_STATE);
    service.act(&campaign, "resume").succeeded();
    service.watched(&campaign);
    assert!(service.datasets.iter().all(|dataset| service.published(dataset) == 1));
}
