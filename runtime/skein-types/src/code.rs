//! The catalogue of error codes: one line per thing that can go wrong in front of a user.
//!
//! A code never changes its meaning and is never reused. Each has a page `docs/errors/<id>.md`; a test keeps the two
//! in step. Crates answer with a constant from [`codes`]; they do not make codes up.

use std::fmt;

use crate::ErrorClass;

/// One entry of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `SK` and four digits.
    pub id: &'static str,
    /// What it means, as the title of its page.
    pub title: &'static str,
    /// Blame and retry.
    pub class: ErrorClass,
    exit: Option<u8>,
    status: Option<u16>,
}

impl Code {
    const fn new(id: &'static str, class: ErrorClass, title: &'static str) -> Self {
        Self { id, title, class, exit: None, status: None }
    }

    const fn exit(mut self, exit: u8) -> Self {
        self.exit = Some(exit);
        self
    }

    const fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Exit code of the binary.
    pub const fn exit_code(&self) -> u8 {
        match self.exit {
            Some(exit) => exit,
            None => self.class.exit_code(),
        }
    }

    /// HTTP status.
    pub const fn http_status(&self) -> u16 {
        match self.status {
            Some(status) => status,
            None => self.class.http_status(),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! catalogue {
    ($($name:ident = $id:literal $class:ident $title:literal $(. $method:ident ( $arg:literal ))* ;)+) => {
        /// Every code.
        pub mod codes {
            use super::{Code, ErrorClass};
            $(#[doc = $title] pub const $name: Code = Code::new($id, ErrorClass::$class, $title)$(.$method($arg))*;)+
            /// The whole catalogue, in order of id.
            pub const ALL: &[Code] = &[$($name),+];
            /// Numbers that were given out and withdrawn before anything raised them.
            pub const RETIRED: &[&str] = &["SK0322", "SK0526"];
        }
    };
}

catalogue! {
    BUG = "SK0001" Bug "a mistake in Skein";
    CANCELLED = "SK0002" Transient "cancelled".exit(130);
    USAGE = "SK0003" BadInput "the command line cannot be understood".exit(64);
    IO = "SK0004" Transient "reading or writing failed";
    FILE_NOT_FOUND = "SK0005" BadInput "a file that was named is not there".exit(5).status(404);

    NOT_WASM = "SK0101" BadInput "not a WebAssembly component".status(415);
    CORE_MODULE = "SK0102" BadInput "a core module instead of a component".status(415);
    WRONG_EXPORTS = "SK0103" BadInput "the exports are not those of a migration";
    MODULE_TOO_LARGE = "SK0104" BadInput "the module is too large".status(413);
    MODULE_TOO_COMPLEX = "SK0105" BadInput "too many or too large functions, types or modules";
    NESTED_MODULES = "SK0106" BadInput "components nested too deep";
    FORBIDDEN_IMPORT = "SK0107" BadInput "an import that no migration may have";
    COMPILE_LIMIT = "SK0108" BadInput "compiling exceeded its memory, CPU or time";
    COMPILE_FAILED = "SK0109" BadInput "the module does not compile";
    ARTIFACT_UNTRUSTED = "SK0110" Denied "a compiled artifact without a valid signature";
    ARTIFACT_STALE = "SK0111" Conflict "a compiled artifact of another engine";
    WRONG_CONTRACT = "SK0112" BadInput "another version of the contract";
    BAD_MANIFEST = "SK0113" BadInput "the module describes itself in a way that cannot be used";
    MODULE_NOT_FOUND = "SK0114" BadInput "the module file cannot be read".exit(5).status(404);
    CRATE_NOT_BUILT = "SK0115" BadInput "the crate does not build";
    TOOL_MISSING = "SK0116" BadInput "a tool for building is missing";
    DIRECTORY_EXISTS = "SK0117" Conflict "the directory for a new crate exists";
    SCHEMA_FILE = "SK0118" BadInput "a schema file cannot be used";
    NOT_A_CRATE = "SK0119" BadInput "not the crate of a migration".exit(5).status(404);

    PLAN_REFUSED = "SK0201" BadInput "the module refuses this schema";
    PLAN_UNKNOWN_COLUMN = "SK0202" BadInput "the plan names a column that does not exist";
    PLAN_BAD_TARGET = "SK0203" BadInput "the plan's target schema cannot be used";
    PLAN_IMPOSSIBLE_TYPE = "SK0204" BadInput "the plan has a type that cannot be written";
    PLAN_CARRIED_CHANGED = "SK0205" BadInput "a carried column changes type or nullability";
    PLAN_NOT_READ = "SK0206" BadInput "the plan uses a column that it does not read";
    PLAN_FREE_CARRIES = "SK0207" BadInput "shape free cannot carry columns";
    PLAN_UNKNOWN_MUST = "SK0209" BadInput "the plan needs an extension that is not known here";
    PLAN_GROUPS_DIFFER = "SK0210" BadInput "the files' schemas lead to different targets";
    PARAMS_INVALID = "SK0211" BadInput "the parameters do not fit the module".exit(64);
    SECRET_MISSING = "SK0212" BadInput "a secret that the parameters name was not given".exit(64);
    ALREADY_OTHER_DIGEST = "SK0213" Conflict "a migration of this name was applied with another module or parameters";
    STATE_LOST = "SK0214" Conflict "a module with state over a partly migrated dataset";
    PLAN_TYPE_TOO_WIDE = "SK0215" BadInput "the plan has a type that is too wide";
    PLAN_PARTITION = "SK0216" BadInput "a plan changes a partition column";
    NOTHING_SELECTED = "SK0219" BadInput "no file is selected";
    SELECTION_INVALID = "SK0220" BadInput "a selection of files cannot be understood".exit(64);
    MANIFEST_UNREADABLE = "SK0222" BadInput "the list of datasets cannot be read";
    MANIFEST_OVERLAPS = "SK0223" BadInput "datasets are listed twice or lie in each other";

    GUEST_TRAP = "SK0301" Fault "the module trapped";
    GUEST_FAILURE = "SK0302" Fault "the module reported a failure";
    GUEST_FUEL = "SK0303" Fault "the fuel limit was reached";
    GUEST_WALL = "SK0304" Fault "the time limit was reached";
    GUEST_MEMORY = "SK0305" Fault "the memory limit was reached";
    GUEST_STACK = "SK0306" Fault "the stack limit was reached";
    GUEST_OUTPUT_TOO_LARGE = "SK0307" Fault "an output is too large";
    GUEST_EXPANSION = "SK0308" Fault "the output expands too much";
    GUEST_LOG_FLOOD = "SK0309" Fault "too many log lines";
    GUEST_STATE_TOO_LARGE = "SK0310" Fault "the saved state is too large";
    GUEST_REJECTS = "SK0311" Fault "too many rejected rows";
    GUEST_FORGED_ARROW = "SK0312" Fault "an answer that is not sound Arrow data";
    GUEST_COMPRESSED_ARROW = "SK0313" Fault "an answer with compressed Arrow data";
    GUEST_WRONG_SCHEMA = "SK0314" Fault "an answer with another schema than planned";
    GUEST_WRONG_ROWS = "SK0315" Fault "an answer with a wrong number of rows";
    GUEST_BAD_SELECTION = "SK0316" Fault "a kept bitmap that does not fit";
    GUEST_BAD_REJECT = "SK0317" Fault "a reject that does not fit";
    GUEST_PRESERVED_CHANGED = "SK0318" Fault "a preserved column was changed";
    GUEST_NULLS = "SK0319" Fault "nulls in a column that has none";
    GUEST_ENDLESS_DRAIN = "SK0320" Fault "more drain calls than allowed";
    GUEST_METRICS_FLOOD = "SK0321" Fault "too many metrics";
    GUEST_FINISH_OUTPUT = "SK0323" Fault "output from finish without state";
    GUEST_BATCH_OUTPUT = "SK0324" Fault "too much output for one batch";
    NOTHING_LEFT = "SK0325" Fault "no row is left";
    COUNTS_DIFFER = "SK0326" Fault "rows do not add up";
    PRESERVED_SET_CHANGED = "SK0327" Fault "preserved columns hold other values than before";
    READBACK_DIFFERS = "SK0328" Transient "a staged file is not what was made";
    READBACK_COPY_DIFFERS = "SK0329" Transient "copied columns of a staged file are not those of the source";
    RULE_BROKEN = "SK0340" Denied "a rule is broken";
    RULES_HOLD = "SK0341" Denied "a rule keeps the result back";
    RUN_DISCARDED = "SK0342" Denied "a held result was discarded";
    RULE_INVALID = "SK0343" BadInput "a rule that cannot be used";

    REHEARSAL_OLD_DIFFERS = "SK0360" Conflict "after the way back the dataset is not what it was";
    REHEARSAL_NEW_DIFFERS = "SK0361" Conflict "the kept result is not what was staged";
    REHEARSAL_DISTURBED = "SK0362" Conflict "others wrote during the round trip";
    PUBLISHED_DAMAGED = "SK0363" Conflict "a published file is not what was published";
    OLD_SCHEMA_WRITTEN = "SK0364" Conflict "files with the old schema arrive";
    CHECK_FAILED = "SK0365" Conflict "a published dataset cannot be looked at";
    SOAK_RULE_BROKEN = "SK0366" Conflict "a rule does not hold any more";

    APPROVER_NOT_A_PERSON = "SK0410" Denied "a program cannot approve";
    APPROVAL_OF_ANOTHER = "SK0411" Conflict "an approval of another plan";
    OWN_CAMPAIGN = "SK0412" Denied "one's own campaign";
    OWN_CHANGE = "SK0413" Denied "one's own module or plan";
    APPROVED_BEFORE = "SK0414" Conflict "the same person has approved it before";
    SLICE_UNDECIDED = "SK0415" Conflict "a part of the plan is not decided".exit(3);
    SECOND_PERSON = "SK0416" Conflict "a second person has to approve".exit(3);
    APPROVAL_EXPIRED = "SK0417" Conflict "an approval is too old".exit(3);
    QUESTION_OPEN = "SK0418" Conflict "a question is not resolved".exit(3);
    SLICE_DECLINED = "SK0419" Conflict "the part of the plan was declined";
    NOTHING_TO_APPROVE = "SK0420" Conflict "nothing waits for an approval";
    NO_SUCH_SLICE = "SK0421" BadInput "no such part of the plan".exit(5).status(404);
    REASON_NEEDED = "SK0422" BadInput "a reason is needed";
    WAVE_NOT_GATED = "SK0423" Conflict "the wave waits for nobody";
    NOT_APPROVED = "SK0424" Conflict "no approval that could be taken back";

    DATASET_NOT_FOUND = "SK0501" BadInput "the dataset does not exist".exit(5).status(404);
    DATASET_EMPTY = "SK0502" BadInput "the dataset has no Parquet files";
    FILE_NOT_PARQUET = "SK0503" BadInput "a file is not Parquet";
    FILE_TRUNCATED = "SK0504" BadInput "a file is cut off or damaged";
    FILE_ENCRYPTED = "SK0505" BadInput "a file is encrypted";
    FILE_WILD_OFFSETS = "SK0506" BadInput "a file's metadata points outside the file";
    FILE_TOO_MANY_ROW_GROUPS = "SK0507" BadInput "too many row groups, columns or schemas";
    FILE_UNSUPPORTED = "SK0508" BadInput "a file uses something that Skein cannot read";
    SYMLINK_OUTSIDE = "SK0509" Denied "a symbolic link inside the dataset";
    SPECIAL_FILE = "SK0510" Denied "a special file inside the dataset";
    PLACE_REFUSED = "SK0511" Denied "a place where no dataset may live";
    FILESYSTEM_UNSUPPORTED = "SK0512" Denied "a file system that cannot publish atomically";
    DATASET_LOCKED = "SK0513" Conflict "another run is at work on this dataset";
    DATASET_DRIFT = "SK0514" Conflict "the dataset changed while the run was under way";
    NO_SPACE = "SK0515" Transient "no space left";
    READ_ONLY = "SK0516" Denied "the place is read-only";
    PERMISSION = "SK0517" Denied "permission missing";
    NO_HISTORY = "SK0518" BadInput "the dataset has no history".exit(5).status(404);
    NO_SUCH_VERSION = "SK0519" BadInput "no such version".exit(5).status(404);
    VERSION_GONE = "SK0520" Conflict "the version's files are no longer kept".status(410);
    LATER_WRITES = "SK0521" Conflict "rolling back would undo later writes";
    LOG_DAMAGED = "SK0522" Denied "the dataset's log is damaged";
    OUTCOME_UNKNOWN = "SK0523" Transient "it is not known whether the publish happened";
    KEPT_VERSION_DAMAGED = "SK0524" Conflict "a kept version is not what the log says";
    FILE_CHANGED_WHILE_READ = "SK0525" Conflict "a file changed while it was read";
    NAME_COLLISION = "SK0527" BadInput "two outputs would have the same name";
    NAME_TAKEN = "SK0528" Conflict "the name for the new dataset is taken";
    NOTHING_HELD = "SK0529" BadInput "no such version is held".exit(5).status(404);
    HELD_DAMAGED = "SK0530" Conflict "a held version is not what the log says";
    HELD_STALE = "SK0531" Conflict "the dataset has changed since the version was held";
    STATE_ELSEWHERE = "SK0536" Conflict "the dataset's state is in another place";
    STATE_PLACE = "SK0537" Denied "a directory that cannot hold the state of a dataset";
    STATE_GONE = "SK0538" Denied "the state that a dataset points to is gone";
    SETTINGS_INVALID = "SK0539" BadInput "skein.toml cannot be used".exit(64);
    OUTPUT_REFUSED = "SK0540" BadInput "a directory that no output can be in".exit(64);
    STATE_OF_ANOTHER = "SK0541" Conflict "the state is another dataset's";
    RECORD_TOO_LARGE = "SK0542" BadInput "a record of the log would be too large";
    DATASET_MOVED = "SK0543" Conflict "the dataset was given another name without its state";
    STATE_IN_USE = "SK0545" Conflict "a dataset's state holds what would be lost with it";
    STATE_UNTRUSTED = "SK0546" Denied "a state that others could have made";
    DATASET_MANAGED = "SK0547" Conflict "a server manages the dataset";
    DATASET_NOT_MANAGED = "SK0548" Conflict "the server does not manage the dataset";
    HANDED_OVER_DAMAGED = "SK0549" Conflict "a staged version is not what was handed over";
    RUN_NOT_CURRENT = "SK0550" Conflict "the run is not what is current";

    LEDGER_LOCKED = "SK0600" Conflict "another process has the state directory";
    LEDGER_PLACE = "SK0601" Denied "a state directory that cannot be used";
    LEDGER_FOREIGN = "SK0602" Denied "a file that is not a ledger";
    LEDGER_NEWER = "SK0603" Denied "a newer version of skein wrote the ledger";
    LEDGER_DAMAGED = "SK0604" Denied "the ledger is damaged or was edited";
    LEDGER_PROJECTION = "SK0605" Bug "a table of the ledger does not follow from its log";
    LEDGER_FULL = "SK0606" Transient "no space is left for the ledger";
    LEDGER_IO = "SK0607" Transient "the ledger cannot be read or written";
    LEDGER_INVALID = "SK0608" BadInput "a record that the ledger cannot hold";
    BACKUP_TAKEN = "SK0609" Conflict "there is something where a backup should go";

    ATTEST_INVALID = "SK0610" Denied "a signature that does not hold";
    ATTEST_KEY = "SK0611" Denied "signed by a key that is not trusted";
    ATTEST_FORM = "SK0612" BadInput "not a signed statement";
    ATTEST_CONTENT = "SK0613" Denied "something is not what was signed";
    AUDIT_EXPORT = "SK0614" Denied "an exported audit trail was edited or cut";
    ANCHOR_DIFFERS = "SK0615" Denied "an anchor was edited, or the ledger is not the one that it holds";
    MODULE_SWAPPED = "SK0616" Denied "a module is not what the ledger names";
    NO_STATEMENT = "SK0617" BadInput "there is no statement".exit(5).status(404);
    ANCHOR_PLACE = "SK0618" Denied "the anchor cannot be written";
    SIGNING_KEY = "SK0619" Denied "the key that statements are signed with cannot be used";

    POLICY_INVALID = "SK0630" BadInput "a campaign's policy cannot be used".exit(64);
    CAMPAIGN_STATE = "SK0631" Conflict "not while the campaign is in this state";
    RUN_STATE = "SK0632" Conflict "not while the run is in this state";
    REPORT_LATE = "SK0633" Conflict "a report of somebody who no longer owns the run";
    DOOR_FULL = "SK0634" Transient "no place at the publish door";
    BUDGET_SPENT = "SK0635" Conflict "more runs failed than may";
    WINDOW_OPEN = "SK0636" Conflict "the rollback window is not over";
    NO_RUN_FOR_IT = "SK0637" Conflict "no run that it could be done to";
    NO_SUCH_WAVE = "SK0638" BadInput "no such wave".exit(5).status(404);
    PLAN_MOVED = "SK0639" Conflict "what was planned is no longer what there is";

    NODE_PROTOCOL = "SK0660" BadInput "a node of another version".status(426);
    NODE_SECRET = "SK0661" Denied "a node without the fleet's secret".status(401);
    NODE_FENCED = "SK0662" Conflict "the node's lease is over";
    NODE_SEQUENCE = "SK0663" Conflict "an exchange out of order";
    BODY_INVALID = "SK0664" BadInput "a request that cannot be understood";
    BODY_TOO_LARGE = "SK0665" BadInput "a request that is too large".status(413);
    BLOB_MISMATCH = "SK0666" BadInput "a blob that is not what its digest says";
    BLOB_NOT_FOUND = "SK0667" BadInput "there is no such blob".exit(5).status(404);
    TASK_FENCED = "SK0668" Conflict "the task is another attempt's";
    NODE_ALONE = "SK0669" Transient "a node reached its server no more";

    NOT_FOUND = "SK0680" BadInput "there is no such thing".exit(5).status(404);
    FORBIDDEN = "SK0681" Denied "a request from outside";
    DATASET_TAKEN = "SK0682" Conflict "a dataset's name or place is taken";
    MODULE_TAKEN = "SK0683" Conflict "a module's version is taken";
    SERVER_UNREACHABLE = "SK0684" Transient "the server cannot be reached";
    SCANS_BUSY = "SK0685" Transient "as many scans are under way as may be".status(429);
    MODULE_SUSPENDED = "SK0686" Conflict "the module is suspended";
    MODULE_STATE = "SK0687" Conflict "not while the module is in this state";
    METHOD_UNKNOWN = "SK0688" BadInput "nothing that can be done there".status(405);
    MODULES_FULL = "SK0689" Conflict "as many modules as may be";

    TOKEN_MISSING = "SK0690" Denied "no token that counts".exit(4).status(401);
    ROLE_MISSING = "SK0691" Denied "a role is missing";
    SETTING_MOVED = "SK0692" Conflict "it was set by somebody else meanwhile".status(412);
    VERSION_MISSING = "SK0693" BadInput "a request that does not say what it saw".status(428);
    LAST_ADMIN = "SK0694" Conflict "the last way in for an admin";
    TEAM_IN_USE = "SK0695" Conflict "a team that has something";
    MODULE_BANNED = "SK0696" Denied "the module is banned";
    PLACE_OF_OTHERS = "SK0697" Denied "a place that is not the team's";
    OWNER_NEEDED = "SK0698" BadInput "it is not said which team it shall belong to";
    SECRET_LOST = "SK0699" Conflict "a secret's value is gone";

    QUOTAS_DO_NOT_ADD_UP = "SK0700" BadInput "quotas that do not add up".status(422);
    TASK_NEVER_FITS = "SK0701" BadInput "a task that is larger than what it may have";
    QUOTA_INVALID = "SK0704" BadInput "a quota that cannot be".exit(64);
    QUOTA_SPENT = "SK0705" Transient "a quota is used up".status(429);

    RECEIVER_UNREACHABLE = "SK0710" Transient "a receiver cannot be reached, is late or fails".status(502);
    RECEIVER_REFUSED = "SK0711" Denied "a receiver refused what it was sent".status(502);
    RECEIVER_INVALID = "SK0712" BadInput "a receiver that cannot be";
    MAIL_DEFERRED = "SK0713" Transient "a mail server put a message off".status(502);
    RECEIVER_GONE = "SK0714" Denied "a receiver is gone for good".status(502);
    RECEIVER_BUSY = "SK0715" Transient "a receiver asks for patience".status(502);
    RECEIVER_FORBIDDEN = "SK0716" Denied "an address that nothing is sent to";

    KEY_MISSING = "SK0720" BadInput "a request that cannot be repeated safely";
    KEY_REUSED = "SK0721" BadInput "one Idempotency-Key for two requests".status(422);
    KEY_BUSY = "SK0722" Transient "the same request is under way".status(409);
    ANSWER_LOST = "SK0723" Conflict "done before, and its answer is lost";
    REQUEST_LATE = "SK0724" Transient "a request that comes too slowly".status(408);
    CONTENT_TYPE = "SK0725" BadInput "a body of another kind".status(415);
    SERVER_BUSY = "SK0726" Transient "the server cannot do that now";
    READERS_BUSY = "SK0727" Transient "as many streams are read as may be".status(429);
    DIGEST_DIFFERS = "SK0728" BadInput "a body that is not what its digest says";
    HEAD_TOO_LARGE = "SK0729" BadInput "the head of a request is too large".status(431);
    SIGN_IN_REFUSED = "SK0730" Denied "a sign-in that nobody vouches for".exit(4).status(401);
    PROVIDER_UNREACHABLE = "SK0731" Transient "the provider of sign-in cannot be asked".status(502);

    CONTEXT_NOT_FOUND = "SK0735" BadInput "there is no such context".exit(5).status(404);
    CONTEXTS_UNUSABLE = "SK0736" BadInput "the file of contexts cannot be used".exit(64);
    CONTEXT_TOKEN = "SK0737" Denied "a context's token cannot be read".exit(4);
    WAIT_OVER = "SK0738" Transient "the time to wait is over".exit(124);
    CAMPAIGN_HALTED = "SK0739" Conflict "the campaign is halted".exit(1);
    CAMPAIGN_UNPLANNABLE = "SK0740" Conflict "the campaign could not be planned".exit(1);
    CAMPAIGN_ENDED = "SK0741" Conflict "somebody ended the campaign";
    CAMPAIGN_WAITS = "SK0742" Conflict "the campaign waits for a person".exit(3);
    RUNS_FAILED = "SK0743" Conflict "runs failed, and none was to".exit(1);
    ROLLBACK_INCOMPLETE = "SK0744" Conflict "not all of a campaign could be rolled back".exit(1);
    BACKUP_DAMAGED = "SK0745" Denied "a backup that is not what was written";
    BACKUP_FOREIGN = "SK0746" BadInput "no backup, or one of another format";
    RESTORE_PLACE = "SK0747" Conflict "a place where no server can be restored";
    KEY_OTHER = "SK0748" Conflict "another key is where a backup's would go";
    KEYS_MISSING = "SK0749" Conflict "the keys of the server are not there";
    REPLAY_UNFIT = "SK0750" BadInput "an attempt that cannot be repeated";
    REPLAY_DIFFERS = "SK0751" Conflict "repeated, an attempt ended otherwise";

    CAMPAIGN_REFUSED = "SK0752" Conflict "all that a campaign selects is refused".exit(1);

    LIST_REFUSED = "SK0760" BadInput "a list with lines that cannot be taken";
    VERSION_MOVED = "SK0761" Conflict "the dataset is at another version";
    RUN_UNDER_WAY = "SK0762" Conflict "something is under way with the dataset";
    NOT_ROLLED_BACK_HERE = "SK0763" Conflict "no campaign's version is current";
    VERSION_UNLISTABLE = "SK0764" BadInput "a version that cannot be listed".status(422);
    PATH_UNFIT = "SK0765" BadInput "a path that does not fit the layout";

    WEBHOOKS_FULL = "SK0770" Conflict "as many receivers as may be";
    WEBHOOK_OFF = "SK0771" Conflict "the receiver is told nothing";
    MAIL_UNSET = "SK0772" Conflict "no mail server is set";
    NOTICE_GONE = "SK0773" Conflict "what was told is not kept any more".status(410);
}

#[cfg(test)]
mod tests {
    use super::codes;

    #[test]
    fn a_retired_number_is_not_given_out_again() {
        assert_eq!(codes::ALL.iter().find(|code| codes::RETIRED.contains(&code.id)), None);
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        let ids: Vec<_> = codes::ALL.iter().map(|c| c.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }

    #[test]
    fn a_more_exact_exit_code_wins_over_the_class() {
        assert_eq!(codes::DATASET_NOT_FOUND.exit_code(), 5);
        assert_eq!(codes::DATASET_EMPTY.exit_code(), 65);
        assert_eq!(codes::GUEST_TRAP.http_status(), 422);
    }
}
