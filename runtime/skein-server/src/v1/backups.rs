//! Backups of the server.

use skein_api::{Backup, BackupAsk};
use skein_types::{Code, codes};

use super::{Answer, Body};
use crate::asker::Asker;
use crate::description::{Family, told};

/// Where no backup can be written.
const WRITING: &[Code] = &[
    codes::BACKUP_TAKEN,
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
        told("Write a backup, in a directory of the server's machine").refuses(WRITING),
    )
}

async fn write(asker: Asker, Body(asked): Body<BackupAsk>) -> Answer<Backup> {
    asker.ask(move |desk| desk.back_up(&asked)).await
}
