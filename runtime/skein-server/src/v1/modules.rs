//! Modules.

use axum::extract::Request;
use skein_api::{MODULE_BYTES_MAX, Module, ModuleBan, ModuleRestore, Page};
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path, bytes, said};
use crate::asker::Asker;
use crate::description::{Family, told};

/// What no module is taken for. One that cannot run is taken, and says why.
const SUBMITTING: &[Code] =
    &[codes::BODY_INVALID, codes::MODULE_TAKEN, codes::MODULE_BANNED, codes::OWNER_NEEDED, codes::NO_SPACE];

pub(crate) fn routes() -> Family {
    Family::new("Modules", "What migrates: components that teams submit.")
        .get("/modules", list, told("List modules"))
        .put(
            "/modules/{name}/versions/{version}",
            submit,
            told("Submit a module")
                .about(
                    "The body is the component as it is. It is answered when it is compiled or refused; a module that was \
                     refused is there, with the reason. The same bytes again change nothing.",
                )
                .takes_bytes("application/wasm", "A WebAssembly component of at most 64 MiB.")
                .header("Skein-Team", "The team that it shall belong to; the only one that it can be if nothing is said.")
                .refuses(SUBMITTING),
        )
        .get("/modules/{name}/versions/{version}", show, told("Show a module"))
        .post(
            "/modules/{name}/versions/{version}/actions/restore",
            restore,
            told("Let a suspended or banned module run again").refuses(&[codes::MODULE_STATE]),
        )
        .post(
            "/modules/{name}/versions/{version}/actions/ban",
            ban,
            told("Let a module run no more, under whatever name").refuses(&[codes::MODULE_STATE]),
        )
}

/// Of the team that a module shall belong to.
const TEAM: &str = "skein-team";

/// Waits until it is compiled or refused: that takes a second or two.
async fn submit(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Answer<Module> {
    let team = said(request.headers(), TEAM)?;
    let bytes = bytes(request, MODULE_BYTES_MAX).await?;
    asker.ask(move |desk| desk.submit_module(team.as_deref(), (&name, &version), &bytes)).await
}

async fn show(asker: Asker, Path((name, version)): Path<(String, String)>) -> Answer<Module> {
    asker.ask(move |desk| desk.module(&name, &version)).await
}

async fn restore(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    Body(asked): Body<ModuleRestore>,
) -> Answer<Module> {
    asker.ask(move |desk| desk.restore_module(&name, &version, &asked)).await
}

async fn ban(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    Body(asked): Body<ModuleBan>,
) -> Answer<Module> {
    asker.ask(move |desk| desk.ban_module(&name, &version, &asked)).await
}

async fn list(asker: Asker, Part(part): Part) -> Answer<Page<Module>> {
    asker.ask(move |desk| desk.modules(&part)).await
}
