//! The server itself.

use skein_api::Status;

use super::Answer;
use crate::asker::Asker;
use crate::description::{Family, told};

pub(crate) fn routes() -> Family {
    Family::new("Server", "The server itself.").get(
        "/status",
        show,
        told("Say how the server and its nodes are"),
    )
}

async fn show(asker: Asker) -> Answer<Status> {
    asker.ask(|desk| desk.status()).await
}
