//! Modules.

mod sent;

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use serde_json::json;
use skein_api::{MODULE_BYTES_MAX, Module, ModuleBan, ModuleRestore, Page};
use skein_types::{Code, codes};

use super::{Answer, Body, Part, Path};
use crate::asker::Asker;
use crate::body::Arriving;
use crate::description::{Family, told};
use crate::problem::Refusal;
use sent::Sent;

/// What no module is taken for. One that cannot run is taken, and says why.
const SUBMITTING: &[Code] = &[
    codes::BODY_INVALID,
    codes::MODULE_TAKEN,
    codes::MODULE_BANNED,
    codes::MODULES_FULL,
    codes::OWNER_NEEDED,
    codes::NO_SPACE,
    codes::DIGEST_DIFFERS,
];

pub(crate) fn routes() -> Family {
    Family::new("Modules", "What migrates: components that teams submit.")
        .get("/modules", list, told("List modules"))
        .put(
            "/modules/{name}/versions/{version}",
            submit,
            told("Submit a module")
                .about(
                    "The body is the component as it is. It is compiled while nobody waits, or answered when it is compiled or refused, \
                     with `Prefer: wait=60`; a module that was refused is there, with the reason. The same bytes again change nothing.",
                )
                .takes_bytes("application/wasm", "A WebAssembly component of at most 64 MiB.")
                .header("Prefer", "`wait=N`: answer when it is compiled, or after so many seconds.")
                .header("Skein-Digest", "What the body is: `sha256:` and 64 hex digits.")
                .header("Content-Digest", "The same by RFC 9530: `sha-256=:BASE64:`.")
                .header("Repr-Digest", "The same, too.")
                .header("Skein-Source", "Where it was made from.")
                .header("Skein-Commit", "From which commit of that.")
                .answers_json::<Module>(200)
                .answers_json::<Module>(201)
                .header("Skein-Team", "The team that it shall belong to; the only one that it can be if nothing is said.")
                .refuses(SUBMITTING),
        )
        .get("/modules/{name}/versions/{version}", show, told("Show a module"))
        .get(
            "/modules/{name}/versions/{version}/bytes",
            bytes,
            told("Give the bytes of a module, as they were submitted")
                .answers("application/wasm", json!({ "type": "string", "format": "binary" })),
        )
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

/// Takes the bytes as they come into a file of their own, which is gone if they do not all come. 201 with what is being compiled, or
/// 200 if it is there already; with `Prefer: wait` when it is compiled or refused.
async fn submit(
    asker: Asker,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Sent { team, digest, source, commit, wait } = Sent::of(&parts.headers)?;
    let mut arriving = Arriving::new(body, MODULE_BYTES_MAX)?;
    let at = (name.clone(), version.clone());
    let mut upload = asker.clone().ask(move |desk| desk.upload(team.as_deref(), (&at.0, &at.1))).await?.0;
    while let Some(bytes) = arriving.next().await? {
        tokio::task::block_in_place(|| upload.write(&bytes))?;
    }
    let submitted =
        asker.clone().ask(move |desk| desk.submit_module(upload, digest, (source, commit))).await?.0;
    let (mut module, mut waited) = (submitted.module, None);
    if let Some(wait) = wait {
        if let Ok(compiled) = tokio::time::timeout(wait, asker.compiled(module.digest)).await {
            compiled?;
        }
        let at = (name.clone(), version.clone());
        module = asker.ask(move |desk| desk.module(&at.0, &at.1)).await?.0;
        waited = Some([("preference-applied", format!("wait={}", wait.as_secs()))]);
    }
    let status = if submitted.new { StatusCode::CREATED } else { StatusCode::OK };
    // The path is as it is below `/v1`.
    let place = [(header::LOCATION, format!("/v1{}", parts.uri.path()))];
    Ok((status, place, waited.map(AppendHeaders), Json(module)).into_response())
}

async fn show(asker: Asker, Path((name, version)): Path<(String, String)>) -> Answer<Module> {
    asker.ask(move |desk| desk.module(&name, &version)).await
}

async fn bytes(asker: Asker, Path((name, version)): Path<(String, String)>) -> Result<Response, Refusal> {
    let bytes = asker.ask(move |desk| desk.module_bytes(&name, &version)).await?.0;
    Ok(([(header::CONTENT_TYPE, "application/wasm")], bytes).into_response())
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
