//! Whether anybody could change what was decided, published or reported without its being found: through the binary, with a server and,
//! for whoever does not trust it, without one.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are written as somebody would who must not"
)]

mod decided;
mod reports;
mod statements;
mod tampering;

use std::path::{Path, PathBuf};
use std::process::Command;

use host_tests::patience::until;
use host_tests::python;
use host_tests::service::Service;

/// A campaign over all datasets that has published them; its id.
fn published(service: &Service) -> String {
    let campaign = service.campaign("orders-v2");
    for (verb, to) in [("plan", "planned"), ("start", "soaking")] {
        service.act(&campaign, verb).succeeded();
        until(to, || (service.state_of(&campaign).as_deref() == Some(to)).then_some(()));
    }
    campaign
}

/// The key that a server signs with, as PEM; and all of its keys.
fn keys(service: &Service) -> (PathBuf, PathBuf) {
    let (pem, all) = (service.site.path("key.pem"), service.site.path("keys.json"));
    let export = |path: &Path| service.call("audit").arg("keys").arg("export").arg("--save").arg(path);
    export(&pem).arg("--pem").finish().succeeded();
    export(&all).finish().succeeded();
    (pem, all)
}

/// Runs Python on a server's ledger, as `ledger`, and keeps what it did.
fn edit(ledger: &Path, what: &str) {
    let script = format!(
        "import sqlite3, sys\nledger = sqlite3.connect(sys.argv[1])\n{what}\nledger.commit()\nledger.close()"
    );
    let output = Command::new(python::interpreter()).args(["-c", &script]).arg(ledger).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Changes one byte of a file, in its middle or where it is said.
fn flip(path: &Path, at: Option<usize>) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.unwrap_or(bytes.len() / 2);
    bytes[at] ^= 0x01;
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(path, permissions).unwrap();
    std::fs::write(path, bytes).unwrap();
}
