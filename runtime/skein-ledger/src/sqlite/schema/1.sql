-- Schema 1. Digests are 32 bytes, ids are text as people see them, times are milliseconds since 1970. Never changed: files of it
-- are there, and what comes later is said in the later schema.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    term INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    head_position INTEGER NOT NULL,
    head_hash BLOB NOT NULL
) STRICT;

-- The log.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    run INTEGER,
    body BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX event_subject ON event (subject, position);
CREATE INDEX event_run ON event (subject, run, position) WHERE run IS NOT NULL;

-- What a retry finds; kept for a while.
CREATE TABLE cause (
    id TEXT PRIMARY KEY,
    first INTEGER,
    last INTEGER,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cause_at ON cause (at);

CREATE TABLE blob (
    digest BLOB PRIMARY KEY,
    keep_until INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX blob_keep ON blob (keep_until);

-- Projections: functions of the log.
CREATE TABLE module (
    digest BLOB PRIMARY KEY,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    code TEXT,
    manifest BLOB,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX module_manifest ON module (manifest) WHERE manifest IS NOT NULL;

CREATE TABLE module_label (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest BLOB NOT NULL REFERENCES module (digest),
    owner TEXT,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX module_label_digest ON module_label (digest);

CREATE TABLE dataset (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,
    location TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    labels TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dataset_owner ON dataset (owner, name);
CREATE INDEX dataset_driver ON dataset (driver, name);

CREATE TABLE dataset_label (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    name TEXT NOT NULL,
    dataset TEXT NOT NULL,
    PRIMARY KEY (key, value, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    module BLOB NOT NULL,
    params BLOB NOT NULL,
    params_blob BLOB NOT NULL,
    policy BLOB NOT NULL,
    selection BLOB NOT NULL,
    state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created INTEGER NOT NULL,
    since INTEGER NOT NULL,
    plan BLOB,
    report BLOB,
    plan_bytes INTEGER,
    plan_rows INTEGER,
    rolled_out INTEGER NOT NULL,
    meters TEXT NOT NULL,
    n_ineligible INTEGER NOT NULL DEFAULT 0,
    n_planned INTEGER NOT NULL DEFAULT 0,
    n_intended INTEGER NOT NULL DEFAULT 0,
    n_published INTEGER NOT NULL DEFAULT 0,
    n_finalized INTEGER NOT NULL DEFAULT 0,
    n_failed INTEGER NOT NULL DEFAULT 0,
    n_skipped INTEGER NOT NULL DEFAULT 0,
    n_stale INTEGER NOT NULL DEFAULT 0,
    n_cancelled INTEGER NOT NULL DEFAULT 0,
    n_reverting INTEGER NOT NULL DEFAULT 0,
    n_reverted INTEGER NOT NULL DEFAULT 0,
    n_revert_failed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_params ON campaign (params_blob);
CREATE INDEX campaign_policy ON campaign (policy);
CREATE INDEX campaign_selection ON campaign (selection);
CREATE INDEX campaign_report ON campaign (report) WHERE report IS NOT NULL;

CREATE TABLE wave (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    budget INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    n_ineligible INTEGER NOT NULL DEFAULT 0,
    n_planned INTEGER NOT NULL DEFAULT 0,
    n_intended INTEGER NOT NULL DEFAULT 0,
    n_published INTEGER NOT NULL DEFAULT 0,
    n_finalized INTEGER NOT NULL DEFAULT 0,
    n_failed INTEGER NOT NULL DEFAULT 0,
    n_skipped INTEGER NOT NULL DEFAULT 0,
    n_stale INTEGER NOT NULL DEFAULT 0,
    n_cancelled INTEGER NOT NULL DEFAULT 0,
    n_reverting INTEGER NOT NULL DEFAULT 0,
    n_reverted INTEGER NOT NULL DEFAULT 0,
    n_revert_failed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (campaign, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    dataset TEXT NOT NULL,
    wave INTEGER,
    verdict TEXT NOT NULL,
    schema BLOB,
    plan BLOB,
    bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    publish TEXT,
    descriptor BLOB,
    base INTEGER,
    attempt TEXT,
    version INTEGER,
    class TEXT,
    code TEXT,
    meters TEXT NOT NULL,
    PRIMARY KEY (campaign, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_state ON run (campaign, state, seq);
CREATE INDEX run_wave ON run (campaign, wave, seq);
CREATE INDEX run_wave_state ON run (campaign, wave, state, seq);
CREATE INDEX run_dataset ON run (dataset, campaign, seq);
CREATE INDEX run_descriptor ON run (descriptor) WHERE state = 'intended';

CREATE TABLE node (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Queue: what may be lost.
CREATE TABLE node_lease (
    node TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    usage TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    ord INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    campaign TEXT,
    seq INTEGER,
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    cost INTEGER NOT NULL,
    payload TEXT NOT NULL,
    input BLOB,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    phase TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    node TEXT,
    incarnation INTEGER,
    attempt TEXT,
    checkpoint INTEGER NOT NULL,
    checkpoint_blob BLOB,
    deaths INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    result TEXT,
    result_blob BLOB
) STRICT;
CREATE INDEX task_phase ON task (phase, class, ord);
CREATE INDEX task_campaign ON task (campaign, phase, class, ord);
CREATE INDEX task_run ON task (campaign, seq, ord);
CREATE INDEX task_node ON task (node, ord) WHERE node IS NOT NULL;
CREATE INDEX task_input ON task (input) WHERE input IS NOT NULL;
CREATE INDEX task_checkpoint ON task (checkpoint_blob) WHERE checkpoint_blob IS NOT NULL;
CREATE INDEX task_result ON task (result_blob) WHERE result_blob IS NOT NULL;
