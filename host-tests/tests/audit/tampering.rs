//! One by one, what somebody could do who has the server's directory: each is found by `skein audit verify`, and named.

use std::path::{Path, PathBuf};

use host_tests::service::Service;
use host_tests::{Outcome, Site};
use skein_types::{Code, codes};

use super::{edit, flip, published};

/// A server that has published two datasets, with an anchor elsewhere, and has ended.
struct Ended {
    service: Service,
    anchor: PathBuf,
}

fn ended() -> Ended {
    let mut service =
        Service::start_as(2, |call, site: &Site| call.arg("--anchor").arg(site.path("anchor.ndjson")));
    service = service.with_module_and_datasets();
    published(&service);
    service.stop();
    let anchor = service.site.path("anchor.ndjson");
    Ended { service, anchor }
}

impl Ended {
    fn server(&self) -> PathBuf {
        self.service.site.path("server")
    }

    fn ledger(&self) -> PathBuf {
        self.server().join("ledger/ledger.db")
    }

    /// `skein audit verify --dir`, against the anchor.
    fn verify(&self) -> Outcome {
        let call = self.service.site.skein("audit").arg("verify").arg("--dir").arg(self.server());
        call.arg("--against").arg(&self.anchor).arg("-o").arg("json").finish()
    }

    #[track_caller]
    fn is_found(&self, what: &str, code: Code, said: &str) {
        let outcome = self.verify();
        let error = outcome.json()["error"].clone();
        assert_eq!(error["code"], code.id, "{what}: {error}");
        assert!(error["message"].as_str().unwrap().contains(said), "{what}: wanted {said:?}: {error}");
    }

    /// Does something to a file and finds it, and puts it back.
    #[track_caller]
    fn with(&self, file: &Path, (what, code, said): (&str, Code, &str), harm: impl FnOnce(&Path)) {
        let before = std::fs::read(file).unwrap();
        harm(file);
        self.is_found(what, code, said);
        std::fs::write(file, before).unwrap();
    }
}

fn first(directory: &Path) -> PathBuf {
    std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn whatever_is_changed_in_a_servers_directory_or_its_anchor_is_found_by_name() {
    let ended = ended();
    let verified = ended.verify().succeeded().json();
    assert!(verified["statements"] == 2 && verified["heads"].as_u64().unwrap() >= 1, "{verified}");
    assert!(
        verified["blobs"].as_u64().unwrap() > 4 && verified["modules"].as_u64().unwrap() >= 1,
        "{verified}"
    );
    let ledger = ended.ledger();

    let row = "ledger.execute(\"UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'orders-001', 'orders-00q') AS BLOB) WHERE kind = 'dataset.registered'\")";
    ended.with(&ledger, ("a ledger row", codes::LEDGER_DAMAGED, "was edited"), |file| edit(file, row));
    let origin =
        "ledger.execute(\"UPDATE event SET origin = 'client:10.0.0.1' WHERE kind = 'campaign.created'\")";
    ended.with(&ledger, ("from where it was asked", codes::LEDGER_DAMAGED, "was edited"), |file| {
        edit(file, origin)
    });
    let last = "ledger.execute('DELETE FROM event WHERE position = (SELECT head_position FROM meta)')";
    ended.with(&ledger, ("the last event", codes::LEDGER_DAMAGED, "the log ends at position"), |file| {
        edit(file, last)
    });
    // With the head, so that the ledger by itself is whole.
    let with_head = format!(
        "{last}\nledger.execute('UPDATE meta SET (head_position, head_hash) = (SELECT position, hash FROM event ORDER BY position DESC LIMIT 1)')"
    );
    ended.with(
        &ledger,
        ("the last event and the head", codes::LEDGER_DAMAGED, "the log ends at position"),
        |file| edit(file, &with_head),
    );
    let blob = "for digest, data in ledger.execute('SELECT digest, bytes FROM blob ORDER BY digest LIMIT 1').fetchall():\n    ledger.execute('UPDATE blob SET bytes = ? WHERE digest = ?', (bytes([data[0] ^ 1]) + data[1:], digest))";
    ended.with(&ledger, ("a blob", codes::LEDGER_DAMAGED, "is not what it is called"), |file| {
        edit(file, blob)
    });
    let label = "ledger.execute(\"UPDATE module_label SET version = '2'\")";
    ended
        .with(&ledger, ("a label", codes::LEDGER_PROJECTION, "table module_label"), |file| edit(file, label));
    let statement = "ledger.execute(\"DELETE FROM blob WHERE digest IN (SELECT statement FROM run)\")";
    ended.with(&ledger, ("a statement", codes::ATTEST_INVALID, "it is gone"), |file| edit(file, statement));

    let module = first(&ended.server().join("modules"));
    ended.with(&module, ("a module", codes::MODULE_SWAPPED, "are those of sha256:"), |file| flip(file, None));
    let artifact = first(&ended.server().join("artifacts"));
    ended.with(&artifact, ("an artifact", codes::MODULE_SWAPPED, "the compiled module"), |file| {
        flip(file, None)
    });
    let anchor = ended.anchor.clone();
    ended.with(&anchor, ("an anchor", codes::ANCHOR_DIFFERS, "line 1 of the anchor"), |file| {
        flip(file, Some(60))
    });
    ended.verify().succeeded();
}
