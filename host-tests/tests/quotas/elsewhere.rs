//! What failed at one node is tried at another one, however the fleet is divided.

use serde_json::{Value, json};

use crate::until;
use crate::work::{Job, attempts, bounded, hostile, set, start};

#[test]
fn what_failed_at_a_node_is_tried_at_another_one_also_behind_a_limit() {
    let service = hostile(&["shop"], (4, 40));
    // One at a time, and the allocator likes a node that has run a module before.
    set(&service, "team:shop", &[bounded("slots", 1)], "throttle");
    for dataset in service.datasets.chunks(1) {
        let name = dataset[0].file_name().unwrap().to_str().unwrap();
        let shop = Job { name, ..Job::behaves("shop", dataset, "panic") }.planned(&service);
        start(&service, &shop);
        until("it has failed", || service.shown(&shop)["runs"]["failed"] == json!(1));
        let nodes: Vec<Value> = attempts(&service, &shop).iter().map(|one| one["node"].clone()).collect();
        assert_eq!(nodes.len(), 2, "{nodes:?}");
        assert_ne!(nodes[0], nodes[1]);
    }
}
