//! Backups of the server.

use skein_api::{Backup, BackupAsk};
use skein_types::{Code, codes};

use super::{Answer, Body};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::limits::BACKUP_TIME;

/// Where no backup can be written.
const WRITING: &[Code] = &[
    codes::APPROVER_NOT_A_PERSON,
    codes::BACKUP_TAKEN,
    codes::KEYS_MISSING,
    codes::LEDGER_DAMAGED,
    codes::NO_SPACE,
    codes::NOT_FOUND,
    codes::PERMISSION,
    codes::READ_ONLY,
];

pub(crate) fn routes() -> Family {
    Family::new("Backups", "Copies of a server, from which it can be made anew.").post(
        "/backups",
        write,
        told("Write a backup, in a directory of the server's machine")
            .about(
                "It is answered when all of it is written and read back, which may be long after other requests would be. Under an \
                 `Idempotency-Key` a lost answer can be asked for again; the backup is in its place when it is whole, and not before.",
            )
            .refuses(WRITING),
    )
}

async fn write(asker: Asker, Body(asked): Body<BackupAsk>) -> Answer<Backup> {
    asker.ask_within(BACKUP_TIME, move |desk| desk.back_up(&asked)).await
}
