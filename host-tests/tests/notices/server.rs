//! A server that may send to this machine, and campaigns that end at once.

use host_tests::service::Service;
use host_tests::{Call, Site};
use serde_json::{Value, json};

use crate::listener::Listener;

/// Settings of a server that may send to loopback addresses.
pub(crate) const HERE: &str = "[webhooks]\nallow = [\"127.0.0.0/8\"]\n";

/// A call that becomes a server with these settings.
pub(crate) fn with(settings: &str) -> impl FnOnce(Call, &Site) -> Call {
    let settings = settings.to_owned();
    move |call, site| call.arg("--config").arg(site.file("skein.toml", settings))
}

/// A server that may send to this machine, with a module and so many datasets.
pub(crate) fn service(datasets: i64) -> Service {
    Service::start_as(datasets, with(HERE)).with_module_and_datasets()
}

/// `skein webhook`, under construction.
pub(crate) fn webhook(service: &Service, verb: &str) -> Call {
    service.call("webhook").arg(verb)
}

/// A receiver of events that is told of these topics; answers the receiver and its secret.
pub(crate) fn add(service: &Service, listener: &Listener, events: &str) -> (String, String) {
    let url = listener.url("/in?token=telltale-query");
    let call = webhook(service, "add").arg("ops").arg("--url").arg(url).arg("--events").arg(events);
    let made = call.finish().succeeded().json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["webhook"]["webhook"]), text(&made["secret"]))
}

/// Makes a campaign and cancels it, which ends it: the least that there is to tell.
pub(crate) fn ended(service: &Service, name: &str) -> String {
    let campaign = service.campaign(name);
    service.act(&campaign, "cancel").succeeded();
    campaign
}

/// What became of what a receiver was told.
pub(crate) fn deliveries(service: &Service, webhook: &str) -> Vec<Value> {
    let page = service.get(&format!("/v1/webhooks/{webhook}/deliveries"));
    page["items"].as_array().unwrap().clone()
}

/// Waits until the first thing that a receiver was told is in this state.
pub(crate) fn first_is(service: &Service, webhook: &str, state: &str) -> Value {
    host_tests::patience::until(&format!("the first notice is {state}"), || {
        deliveries(service, webhook).into_iter().next().filter(|row| row["state"] == json!(state))
    })
}
