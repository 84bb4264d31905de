//! Teams' secrets: the body of a `PUT` is the value, as it is.

use axum::Json;
use axum::extract::Request;
use skein_api::{Page, SECRET_BYTES_MAX, Secret};
use skein_types::codes;

use super::{Answer, Part, Path, bytes};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::problem::Refusal;
use crate::seen::{MayMatch, Versioned};

pub(crate) fn routes() -> Family {
    Family::new("Secrets", "What modules get and nothing shows.")
        .get("/teams/{team}/secrets", list, told("List a team's secrets, without their values"))
        .put(
            "/teams/{team}/secrets/{name}",
            set,
            told("Set a secret")
                .about("The body is the value, as it is. Campaigns that were made before keep the value that they were made with.")
                .takes_bytes("application/octet-stream", "The value: at least one byte and at most 64 KiB.")
                .refuses(&[codes::BODY_INVALID]),
        )
        .get("/teams/{team}/secrets/{name}", show, told("Show a secret, without its value"))
        .delete(
            "/teams/{team}/secrets/{name}",
            remove,
            told("Remove a secret"),
        )
}

async fn set(
    asker: Asker,
    Path((team, name)): Path<(String, String)>,
    MayMatch(seen): MayMatch,
    request: Request,
) -> Result<Versioned<Secret>, Refusal> {
    let value = bytes(request, SECRET_BYTES_MAX).await?;
    let Json(secret) = asker.ask(move |desk| desk.set_secret((&team, &name), seen, &value)).await?;
    Ok(Versioned(secret.version, secret))
}

async fn show(
    asker: Asker,
    Path((team, name)): Path<(String, String)>,
) -> Result<Versioned<Secret>, Refusal> {
    let Json(secret) = asker.ask(move |desk| desk.secret(&team, &name)).await?;
    Ok(Versioned(secret.version, secret))
}

async fn list(asker: Asker, Path(team): Path<String>, Part(part): Part) -> Answer<Page<Secret>> {
    asker.ask(move |desk| desk.secrets(&team, &part)).await
}

async fn remove(
    asker: Asker,
    Path((team, name)): Path<(String, String)>,
    MayMatch(seen): MayMatch,
) -> Answer<Secret> {
    asker.ask(move |desk| desk.remove_secret((&team, &name), seen)).await
}
