-- Schema 2: what a new file has besides schema 1, and what becomes of an old one.

-- The log. A trace is beside an event and not in its hash.
ALTER TABLE event ADD COLUMN trace BLOB;
CREATE INDEX event_actor ON event (actor, position);
CREATE INDEX event_kind ON event (kind, position);

-- In which part of the log the events of an hour are, in hours since 1970.
CREATE TABLE event_hour (
    hour INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO event_hour (hour, first, last)
    SELECT at / 3600000, MIN(position), MAX(position) FROM event GROUP BY at / 3600000;

-- Projections.
ALTER TABLE campaign ADD COLUMN secrets TEXT NOT NULL DEFAULT '{}';

CREATE TABLE team (
    name TEXT PRIMARY KEY,
    note TEXT NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    grants TEXT NOT NULL,
    issued INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE quota (
    whose TEXT PRIMARY KEY,
    weight INTEGER NOT NULL,
    bounds TEXT NOT NULL,
    fuel TEXT,
    excess TEXT NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    name TEXT PRIMARY KEY,
    blob BLOB NOT NULL,
    note TEXT NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_blob ON policy (blob);

CREATE TABLE secret (
    team TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (team, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    team TEXT,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    events TEXT NOT NULL,
    active INTEGER NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fleet (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    frozen INTEGER NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
INSERT INTO fleet (one, frozen, reason, since, version) VALUES (1, 0, '', 0, 0);

ALTER TABLE node ADD COLUMN mark TEXT NOT NULL DEFAULT 'none';
ALTER TABLE node ADD COLUMN mark_reason TEXT NOT NULL DEFAULT '';

-- Where a module was said to be made from, label by label, and where a banned one was before.
ALTER TABLE module_label ADD COLUMN source TEXT;
ALTER TABLE module_label ADD COLUMN revision TEXT;
ALTER TABLE module ADD COLUMN before TEXT;

-- Lists of some teams alone.
CREATE INDEX module_label_owner ON module_label (owner, name, version) WHERE owner IS NOT NULL;
CREATE INDEX campaign_owner ON campaign (owner, id);
CREATE INDEX campaign_state ON campaign (state, id);
CREATE INDEX campaign_owner_state ON campaign (owner, state, id);

-- Queue.
CREATE TABLE token_use (
    token TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is kept for a while, how many rows there are of each, and up to where receivers were told: of what was decided before
-- there were any, nobody is.
CREATE TABLE held (
    what TEXT PRIMARY KEY,
    rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO held (what, rows) VALUES ('answer', 0), ('delivery', 0), ('charge', 0);

CREATE TABLE answer (
    key TEXT PRIMARY KEY,
    request BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX answer_keep ON answer (keep_until);

CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    webhook TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    notice BLOB NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    due INTEGER NOT NULL,
    status INTEGER,
    error TEXT NOT NULL,
    at INTEGER NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_webhook ON delivery (webhook, id);
CREATE INDEX delivery_state ON delivery (state, id);
CREATE INDEX delivery_webhook_state ON delivery (webhook, state, id);
CREATE INDEX delivery_due ON delivery (state, due);
CREATE INDEX delivery_keep ON delivery (keep_until);

CREATE TABLE notified (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO notified (one, position) SELECT 1, COALESCE((SELECT head_position FROM meta), 0);

CREATE TABLE charge (
    hour INTEGER NOT NULL,
    team TEXT NOT NULL,
    campaign TEXT NOT NULL,
    module BLOB NOT NULL,
    cpu INTEGER NOT NULL,
    fuel INTEGER NOT NULL,
    bytes_read INTEGER NOT NULL,
    bytes_written INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    UNIQUE (hour, team, campaign, module)
) STRICT;
CREATE INDEX charge_team ON charge (team, hour);
CREATE INDEX charge_campaign ON charge (campaign, hour);
CREATE INDEX charge_module ON charge (module, hour);

-- Tries at tasks: what became of each, and the blobs with its log and a sample of what it rejected.
INSERT INTO held (what, rows) VALUES ('attempt', 0);
CREATE TABLE attempt (
    id TEXT PRIMARY KEY,
    campaign TEXT NOT NULL,
    seq INTEGER,
    task TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    began INTEGER,
    ended INTEGER NOT NULL,
    ending TEXT NOT NULL,
    class TEXT,
    code TEXT,
    message TEXT NOT NULL,
    notes TEXT NOT NULL,
    log BLOB,
    rejects BLOB,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_campaign ON attempt (campaign, id);
CREATE INDEX attempt_run ON attempt (campaign, seq, id) WHERE seq IS NOT NULL;
CREATE INDEX attempt_failed ON attempt (campaign, id) WHERE ending = 'failed';
CREATE INDEX attempt_keep ON attempt (keep_until);

-- Blobs that may show values of users' rows, which no copy has.
ALTER TABLE blob ADD COLUMN rows INTEGER NOT NULL DEFAULT 0;

-- Approvals: a plan's slices, one a team, what people said of each, and which waves somebody let through.
ALTER TABLE campaign ADD COLUMN broken_glass INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN comments INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN open_questions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN team TEXT;
CREATE INDEX run_slice ON run (campaign, team, state, seq) WHERE team IS NOT NULL;

CREATE TABLE slice (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    team TEXT NOT NULL,
    risk TEXT NOT NULL,
    datasets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    state TEXT NOT NULL,
    until INTEGER,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (campaign, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    team TEXT NOT NULL,
    person TEXT NOT NULL,
    of_owner INTEGER NOT NULL,
    glass INTEGER NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (campaign, team, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE wave_approval (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    wave INTEGER NOT NULL,
    person TEXT NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (campaign, wave)
) STRICT, WITHOUT ROWID;

CREATE TABLE comment (
    campaign TEXT NOT NULL REFERENCES campaign (id),
    number INTEGER NOT NULL,
    team TEXT,
    question INTEGER NOT NULL,
    text TEXT NOT NULL,
    person TEXT NOT NULL,
    at INTEGER NOT NULL,
    resolved INTEGER,
    resolved_by TEXT NOT NULL,
    resolution TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
) STRICT, WITHOUT ROWID;
-- Rules of datasets: their owners' and, with a team, their readers'. And runs that a rule keeps from being announced.
CREATE TABLE rule (
    dataset TEXT NOT NULL,
    consumer TEXT NOT NULL,
    name TEXT NOT NULL,
    blob BLOB NOT NULL,
    ignored TEXT,
    since INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (dataset, consumer, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_blob ON rule (blob);
ALTER TABLE campaign ADD COLUMN n_held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wave ADD COLUMN n_held INTEGER NOT NULL DEFAULT 0;

-- From where an event was asked, and with which token. What is hashed of it is what its envelope says: what an older program
-- wrote stays in the first.
ALTER TABLE event ADD COLUMN envelope INTEGER NOT NULL DEFAULT 1;
ALTER TABLE event ADD COLUMN origin TEXT;
ALTER TABLE event ADD COLUMN token TEXT;
CREATE INDEX event_token ON event (token, position) WHERE token IS NOT NULL;

-- Keys that statements are and were signed with, and the statement of a run.
CREATE TABLE signing_key (
    id TEXT PRIMARY KEY,
    public TEXT NOT NULL,
    at INTEGER NOT NULL,
    before TEXT,
    by_key TEXT NOT NULL,
    by_before TEXT,
    position INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
ALTER TABLE run ADD COLUMN statement BLOB;

-- Soak: alarms of a run and of its campaign, checks that all runs of one have had, and what their old versions take.
ALTER TABLE run ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

-- Queue: when all versions of a dataset were read in full, and what came of it.
CREATE TABLE scrub (
    dataset TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    report TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where in the log a dataset was registered or set last.
ALTER TABLE dataset ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE dataset SET version = coalesce((SELECT max(position) FROM event
    WHERE subject = dataset.id AND kind IN ('dataset.registered', 'dataset.changed')), 0);

-- What a copy has not, because it may show values of users' rows: the ledger that is opened of it does not miss these blobs.
CREATE TABLE left_out (
    digest BLOB PRIMARY KEY,
    keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX left_out_keep ON left_out (keep_until);

-- How runs of a campaign came to rest: how many did in a second, and how many of them failed, less those that were taken up again.
CREATE TABLE course (
    campaign TEXT NOT NULL,
    second INTEGER NOT NULL,
    rested INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (campaign, second)
) STRICT, WITHOUT ROWID;
INSERT INTO course (campaign, second, rested, failed)
    SELECT subject, at / 1000, SUM(rested), SUM(failed) FROM (
        SELECT subject, at,
            (kind NOT IN ('run.retried', 'run.reverting'))
                - (was IN ('ineligible', 'published', 'finalized', 'failed', 'skipped', 'stale', 'cancelled', 'reverted',
                    'revert_failed')) AS rested,
            (kind IN ('run.failed', 'run.revert_failed')) - (was IN ('failed', 'revert_failed')) AS failed
        FROM (
            SELECT event.subject, at, kind, coalesce(json_extract(CAST(body AS TEXT), '$.from'), '') AS was FROM event
            LEFT JOIN (SELECT subject, MAX(position) AS last FROM event WHERE kind = 'campaign.unplanned' GROUP BY subject) AS gone
                ON gone.subject = event.subject
            WHERE position > coalesce(gone.last, 0) AND kind IN ('run.published', 'run.failed', 'run.skipped', 'run.stale',
                'run.cancelled', 'run.retried', 'run.reverting', 'run.reverted', 'run.revert_failed')
        )
    ) WHERE rested <> 0 OR failed <> 0 GROUP BY subject, at / 1000;

-- The dataset that was read in full last.
CREATE INDEX scrub_at ON scrub (at, dataset);

-- What was decided about a campaign itself and not about one of its runs, of which there may be any number.
CREATE INDEX event_whole ON event (subject, position) WHERE run IS NULL;

-- Orders of campaigns besides that of their making.
CREATE INDEX campaign_name ON campaign (name, id);
CREATE INDEX campaign_failed ON campaign (n_failed, id);
CREATE INDEX campaign_since ON campaign (since, id);

-- When a wave began: when it was running for the first time.
ALTER TABLE wave ADD COLUMN began INTEGER;
UPDATE wave SET began = (SELECT at FROM event
    WHERE subject = wave.campaign AND run IS NULL AND kind = 'wave.moved'
        AND json_extract(CAST(body AS TEXT), '$.wave') = wave.number AND json_extract(CAST(body AS TEXT), '$.to') = 'running'
        AND position > coalesce((SELECT MAX(position) FROM event AS gone
            WHERE gone.subject = wave.campaign AND gone.run IS NULL AND gone.kind = 'campaign.unplanned'), 0)
    ORDER BY position LIMIT 1);
