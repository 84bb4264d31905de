//! What there is, for catalogs of other programs: modules and datasets as entities that Backstage takes in, one document each.
//!
//! It is written as it is sent, page by page, so that a hundred thousand datasets need no more memory than a thousand. Whoever does not
//! get its end gets an error of the connection, and takes nothing away that was there before.

mod entity;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use skein_api::Module;
use skein_control::{Desk, ListPart, ServiceError};
use skein_types::codes;

use super::Part;
use crate::asker::Asker;
use crate::description::operation::{Parameter, Place};
use crate::description::takes::Question;
use crate::description::{Family, told};
use crate::problem::Refusal;
use entity::{Place as At, component, resource};

const YAML: &str = "application/yaml";
/// Things of a piece.
const ITEMS: usize = 500;

pub(crate) fn routes() -> Family {
    Family::new("Catalog", "What there is, for catalogs of other programs.").get(
        "/catalog/entities",
        entities,
        told("List modules and datasets as entities of Backstage")
            .about(
                "Documents of YAML: a `Component` for each module's name, then a `Resource` for each dataset, which depends on the module \
                 that made its current version. All that the token may see, however much that is; it is sent as it is read.",
            )
            .answers(YAML, json!({ "type": "string" })),
    )
}

/// Which of it, as a query says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EntityPart {
    namespace: String,
    owner: Option<String>,
    prefix: Option<String>,
}

impl Default for EntityPart {
    fn default() -> Self {
        Self { namespace: "default".to_owned(), owner: None, prefix: None }
    }
}

impl Question for EntityPart {
    fn parameters() -> Vec<Parameter> {
        let query = |name, about, schema| Parameter { place: Place::Query, name, about, schema };
        vec![
            query(
                "namespace",
                "The namespace that all entities are in; `default` if nothing is said.",
                json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 63 }),
            ),
            query("owner", "Of datasets: of this team.", json!({ "type": "string" })),
            query("prefix", "Of datasets: whose names begin so.", json!({ "type": "string" })),
        ]
    }
}

async fn entities(asker: Asker, Part(asked): Part<EntityPart>) -> Result<Response, Refusal> {
    if !entity::is_namespace(&asked.namespace) {
        let error = ServiceError::new(codes::BODY_INVALID, "`namespace` is none of Backstage's");
        return Err(Refusal(
            error.hint(Some("small letters and digits, with single dashes between: `data`")),
        ));
    }
    // What is refused is refused before anything is sent, of the datasets too, which come last.
    let first = ListPart { owner: asked.owner.clone(), prefix: asked.prefix.clone(), ..ListPart::default() };
    let looked = move |desk: Desk<'_>| desk.may_be_catalogued(&first).map(|()| desk.address().to_owned());
    let address = asker.clone().ask(looked).await?.0;
    let at = At { address, namespace: asked.namespace.clone() };
    let mut writing = Writing { asker, asked, at, step: Step::Modules(None), same: Vec::new() };
    let first = writing.piece().await.map_err(Refusal)?;
    let rest = stream::unfold((Some(first), writing), |(first, mut writing)| async {
        let piece = match first {
            Some(first) => Ok(first),
            None => writing.next().await?,
        };
        Some((piece.map(Bytes::from), (None, writing)))
    });
    let head = [
        (header::CONTENT_TYPE, YAML),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((head, Body::from_stream(rest)).into_response())
}

/// The list while it is sent.
struct Writing {
    asker: Asker,
    asked: EntityPart,
    at: At,
    step: Step,
    /// Versions of one module of which more may be on the next page.
    same: Vec<Module>,
}

enum Step {
    /// Modules that come after this one.
    Modules(Option<String>),
    /// Datasets that come after this one.
    Datasets(Option<String>),
    Over,
}

impl Writing {
    async fn next(&mut self) -> Option<Result<String, std::io::Error>> {
        if matches!(self.step, Step::Over) {
            return None;
        }
        Some(self.piece().await.map_err(|error| {
            self.step = Step::Over;
            tracing::warn!(%error, "a catalog could not be finished");
            std::io::Error::other(error)
        }))
    }

    async fn piece(&mut self) -> Result<String, ServiceError> {
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::Modules(after) => self.modules(after).await,
            Step::Datasets(after) => self.datasets(after).await,
            Step::Over => Ok(String::new()),
        }
    }

    async fn modules(&mut self, after: Option<String>) -> Result<String, ServiceError> {
        let part = ListPart { after, limit: Some(ITEMS), ..ListPart::default() };
        let asked = self.asker.clone().ask(move |desk| desk.modules(&part)).await;
        let page = asked.map_err(|refusal| refusal.0)?.0;
        let mut piece = String::new();
        for module in page.items {
            if self.same.last().is_some_and(|last| last.name != module.name) {
                piece.push_str(&component(&self.at, &std::mem::take(&mut self.same)));
            }
            self.same.push(module);
        }
        self.step = match page.next {
            Some(next) => Step::Modules(Some(next.to_string())),
            None => {
                piece.push_str(&component(&self.at, &std::mem::take(&mut self.same)));
                Step::Datasets(None)
            }
        };
        Ok(piece)
    }

    async fn datasets(&mut self, after: Option<String>) -> Result<String, ServiceError> {
        let EntityPart { owner, prefix, .. } = self.asked.clone();
        let part = ListPart { after, owner, prefix, limit: Some(ITEMS), ..ListPart::default() };
        let asked = self.asker.clone().ask(move |desk| {
            let page = desk.catalogued(&part)?;
            Ok((page.items.into_vec(), page.next))
        });
        let (items, next) = asked.await.map_err(|refusal| refusal.0)?.0;
        self.step = next.map_or(Step::Over, |next| Step::Datasets(Some(next.to_string())));
        Ok(items.iter().map(|one| resource(&self.at, one)).collect())
    }
}
