//! What the types of a handler do not say.

use serde_json::{Value, json};
use skein_types::Code;
use utoipa::ToSchema;

use super::operation::{Operation, Parameter, Place};

/// What a route is for, and more where more is to be said.
pub(crate) struct Told {
    pub(super) summary: &'static str,
    pub(super) about: Option<&'static str>,
    more: Vec<More>,
}

/// Something that is added to what is known of a route.
type More = Box<dyn FnOnce(&mut Operation)>;

/// What a route is for, in one line.
pub(crate) fn told(summary: &'static str) -> Told {
    Told { summary, about: None, more: Vec::new() }
}

impl Told {
    /// What whoever uses it has to know.
    pub(crate) fn about(mut self, about: &'static str) -> Self {
        self.about = Some(about);
        self
    }

    /// Codes that it may be refused with, beside those that come from what it takes.
    pub(crate) fn refuses(self, why: &'static [Code]) -> Self {
        self.and(move |operation| operation.refuses(why))
    }

    /// The words that a part of the path may be.
    pub(crate) fn words(
        self,
        name: &'static str,
        about: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        let schema = json!({ "type": "string", "enum": words });
        self.and(move |operation| {
            operation.parameters.retain(|parameter| parameter.name != name);
            operation.parameters.push(Parameter { place: Place::Path, name, about, schema });
        })
    }

    /// A parameter behind the `?`.
    pub(crate) fn query(self, name: &'static str, about: &'static str, schema: Value) -> Self {
        let place = Place::Query;
        self.and(move |operation| operation.parameters.push(Parameter { place, name, about, schema }))
    }

    /// A header that the handler reads by itself.
    pub(crate) fn header(self, name: &'static str, about: &'static str) -> Self {
        let schema = json!({ "type": "string", "maxLength": 2_000 });
        let place = Place::Header;
        self.and(move |operation| operation.parameters.push(Parameter { place, name, about, schema }))
    }

    /// A body that is taken as it is.
    pub(crate) fn takes_bytes(self, kind: &'static str, about: &'static str) -> Self {
        self.and(move |operation| operation.takes_bytes(kind, about))
    }

    /// An answer whose type does not say what it is.
    pub(crate) fn answers(self, kind: &'static str, schema: Value) -> Self {
        self.and(move |operation| operation.answers(200, kind, schema))
    }

    /// An answer of JSON whose type does not say what it is.
    pub(crate) fn answers_json<T: ToSchema>(self, status: u16) -> Self {
        self.and(move |operation| operation.answers_json::<T>(status))
    }

    fn and(mut self, more: impl FnOnce(&mut Operation) + 'static) -> Self {
        self.more.push(Box::new(more));
        self
    }

    /// Adds what was told.
    pub(super) fn add_to(self, operation: &mut Operation) {
        for more in self.more {
            more(operation);
        }
    }
}
