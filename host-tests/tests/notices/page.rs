//! What the documentation tells receivers of notices, done as it stands there.

use std::path::Path;
use std::process::Command;

use host_tests::python;
use serde_json::{Value, json};
use skein_notify::{Secret, Secrets};

const ID: &str = "dlv_0198c0de0000700080000000000000ab";
const SENT: u64 = 1_795_392_000;
const BODY: &str = "{\"specversion\": \"1.0\", \"data\": \"ü\"}";

/// Asks the page's function about each case; prints what it raises, or nothing.
const ASK: &str = r#"
import json, sys
for case in json.loads(sys.argv[1]):
    try:
        verify(case["headers"], case["body"].encode(), now=lambda: case["now"])
        print("believed")
    except ValueError as error:
        print(error)
"#;

fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to/notifications.md");
    let page = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let block = page.split("```python\n").nth(1).unwrap();
    format!("{}{ASK}", block.split("```").next().unwrap())
}

fn headers(signature: &str) -> Value {
    json!({ "webhook-id": ID, "webhook-timestamp": SENT.to_string(), "webhook-signature": signature })
}

#[test]
fn the_pages_script_believes_what_a_server_signs_and_nothing_else() {
    let (current, other) = (Secret::new(&[7; 32]).unwrap(), Secret::new(&[8; 32]).unwrap());
    let sign = |secrets: Vec<Secret>| {
        headers(&Secrets::new(secrets).unwrap().sign(ID, &SENT.to_string(), BODY.as_bytes()))
    };
    let signed = sign(vec![current.clone()]);
    let case =
        |headers: &Value, body: &str, now: u64| json!({ "headers": headers, "body": body, "now": now });
    let cases = json!([
        case(&signed, BODY, SENT),
        case(&sign(vec![other.clone(), current.clone()]), BODY, SENT + 300),
        case(&sign(vec![other]), BODY, SENT),
        case(&signed, &BODY.replace(": ", ":"), SENT),
        case(&headers("v1,"), BODY, SENT),
        case(&signed, BODY, SENT + 301),
        case(&signed, BODY, SENT - 301),
    ]);
    let mut command = Command::new(python::interpreter());
    command.env("WEBHOOK_SECRET", current.reveal()).arg("-c").arg(script()).arg(cases.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let (unsigned, late) = ("no signature is by this secret", "not sent just now");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["believed", "believed", unsigned, unsigned, unsigned, late, late]
    );
}
