//! Routes about one kind of thing, each with its description.

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use skein_control::Control;

use super::answers::Answers;
use super::operation::{Operation, Parameter, Place};
use super::path;
use super::takes::Takes;
use super::told::Told;

/// Routes about one kind of thing.
pub(crate) struct Family {
    /// What they are about.
    pub(super) name: &'static str,
    /// The same, in a sentence.
    pub(super) about: &'static str,
    pub(super) routes: Vec<Route>,
    /// What their paths are below.
    pub(super) below: &'static str,
    router: Router<Arc<Control>>,
}

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// No other has it.
    pub(super) id: String,
    pub(super) summary: &'static str,
    pub(super) about: Option<&'static str>,
    pub(super) operation: Operation,
}

/// A handler whose types say what it takes and answers.
pub(crate) trait Described<T>: Handler<T, Arc<Control>> {
    /// Adds all that they say.
    fn describe(operation: &mut Operation);
}

macro_rules! described {
    ($($taken:ident),*) => {
        impl<F, Answer, Wait, M, $($taken),*> Described<(M, $($taken,)*)> for F
        where
            F: Handler<(M, $($taken,)*), Arc<Control>> + FnOnce($($taken),*) -> Wait,
            Wait: Future<Output = Answer>,
            Answer: Answers,
            $($taken: Takes),*
        {
            fn describe(operation: &mut Operation) {
                $($taken::describe(operation);)*
                Answer::describe(operation);
            }
        }
    };
}

impl<F, Answer, Wait> Described<((),)> for F
where
    F: Handler<((),), Arc<Control>> + FnOnce() -> Wait,
    Wait: Future<Output = Answer>,
    Answer: Answers,
{
    fn describe(operation: &mut Operation) {
        Answer::describe(operation);
    }
}

described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);

impl Family {
    /// None yet, below `/v1`.
    pub(crate) fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, routes: Vec::new(), below: "/v1", router: Router::new() }
    }

    /// None yet, beside `/v1`.
    pub(crate) fn beside(name: &'static str, about: &'static str) -> Self {
        Self { below: "", ..Self::new(name, about) }
    }

    /// Looks.
    pub(crate) fn get<T: 'static, H: Described<T>>(self, path: &'static str, handler: H, told: Told) -> Self {
        self.on::<T, H>("get", path, get(handler), told)
    }

    /// Asks for something to happen.
    pub(crate) fn post<T: 'static, H: Described<T>>(
        self,
        path: &'static str,
        handler: H,
        told: Told,
    ) -> Self {
        self.on::<T, H>("post", path, post(handler), told)
    }

    /// Sets something.
    pub(crate) fn put<T: 'static, H: Described<T>>(self, path: &'static str, handler: H, told: Told) -> Self {
        self.on::<T, H>("put", path, put(handler), told)
    }

    /// Takes something away.
    pub(crate) fn delete<T: 'static, H: Described<T>>(
        self,
        path: &'static str,
        handler: H,
        told: Told,
    ) -> Self {
        self.on::<T, H>("delete", path, delete(handler), told)
    }

    fn on<T, H: Described<T>>(
        mut self,
        method: &'static str,
        path: &'static str,
        handler: MethodRouter<Arc<Control>>,
        told: Told,
    ) -> Self {
        let mut operation = Operation::default();
        let parts = path::parts(path);
        operation.parameters.extend(parts.iter().map(|name| {
            let (about, schema) = path::described(name);
            Parameter { place: Place::Path, name, about, schema }
        }));
        H::describe(&mut operation);
        if method != "get" {
            operation.changes();
        }
        let (summary, about) = (told.summary, told.about);
        told.add_to(&mut operation);
        let handler = handler.layer(map_response(kept(operation.statuses(), method, path)));
        self.routes.push(Route {
            method,
            path,
            id: id(std::any::type_name::<H>()),
            summary,
            about,
            operation,
        });
        self.router = self.router.route(path, handler);
        self
    }

    /// What answers.
    pub(crate) fn into_router(self) -> Router<Arc<Control>> {
        self.router
    }
}

/// Says so where an answer is none of those that are described: a code is missing beside the route. Tests look for it.
fn kept(
    statuses: Vec<u16>,
    method: &'static str,
    path: &'static str,
) -> impl Fn(Response) -> Ready<Response> + Clone + Send + Sync + 'static {
    move |answer: Response| {
        let status = answer.status().as_u16();
        if !statuses.contains(&status) {
            tracing::error!(status, method, path, "an answer that is not described");
        }
        ready(answer)
    }
}

/// `campaigns_runs` of `skein_server::v1::campaigns::runs`.
fn id(handler: &str) -> String {
    let mut names = handler.rsplit("::");
    let (own, family) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    format!("{family}_{own}")
}
