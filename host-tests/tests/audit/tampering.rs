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
    assert_eq!(service.send("PUT /v1/teams/pay", "", b"{}").0, 200);
    assert_eq!(service.send("PUT /v1/teams/pay/secrets/key", "", b"hush").0, 200);
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
    let last = &verified["anchors"][0];
    let (end, at) = (verified["position"].as_u64().unwrap(), last["position"].as_u64().unwrap());
    assert!(
        at > 0 && at <= end && last["lines"] == verified["heads"] && last["at"].is_string(),
        "{verified}"
    );
    assert_eq!((&verified["secrets"], &verified["passed_over"]), (&1.into(), &0.into()), "{verified}");
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

    for (table, column) in [
        ("campaign", "params_blob"),
        ("campaign", "policy"),
        ("campaign", "selection"),
        ("campaign", "report"),
    ] {
        let gone =
            format!("ledger.execute('DELETE FROM blob WHERE digest IN (SELECT {column} FROM {table})')");
        let said = format!("names it as its {column}");
        ended.with(&ledger, (column, codes::LEDGER_DAMAGED, &said), |file| edit(file, &gone));
    }
    let trigger =
        "ledger.execute('CREATE TRIGGER quiet AFTER INSERT ON attempt BEGIN DELETE FROM attempt; END')";
    let added = "the trigger \"quiet\" was added";
    ended.with(&ledger, ("a trigger", codes::LEDGER_DAMAGED, added), |file| edit(file, trigger));

    let secret = first(&ended.server().join("secrets"));
    let before = std::fs::read(&secret).unwrap();
    std::fs::remove_file(&secret).unwrap();
    ended.is_found(
        "the value of a secret",
        codes::SECRET_LOST,
        "the value of secret key of team pay is gone",
    );
    std::fs::write(&secret, before).unwrap();

    files(&ended, end);
}

/// The like of what lies beside the ledger; its log ends at `end`.
fn files(ended: &Ended, end: u64) {
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
    // What is left of an anchor of which everything was cut.
    ended.with(&anchor, ("an anchor with nothing in it", codes::ATTEST_FORM, "it has no head"), |file| {
        std::fs::write(file, "").unwrap()
    });
    let id = ended.server().join("server/id");
    let other = "srv_00000000000000000000000000000001";
    ended.with(&id, ("whose it is", codes::ANCHOR_DIFFERS, "line 1 of the anchor: it is of srv_"), |file| {
        std::fs::write(file, other).unwrap()
    });
    // Cut in the middle it says less, and how much less is told.
    let text = std::fs::read_to_string(&anchor).unwrap();
    std::fs::write(&anchor, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let less = ended.verify().succeeded().json();
    assert!(less["anchors"][0]["position"].as_u64().unwrap() < end && less["heads"] == 1, "{less}");
    let call = ended.service.site.skein("audit").arg("verify").arg("--dir").arg(ended.server());
    let told = call.arg("--against").arg(&anchor).finish().succeeded().stdout;
    assert!(told.contains("has 1 line of srv_") && told.contains("vouches for none of the "), "{told}");
    std::fs::write(&anchor, text).unwrap();
    ended.verify().succeeded();
}
