//! What is known of one route: gathered from the types of its handler and from what is told beside them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use skein_types::{Code, codes};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the path.
    Path,
    /// Behind the `?`.
    Query,
    /// In the head.
    Header,
}

impl Place {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) about: &'static str,
    /// Its form.
    pub(crate) schema: Value,
}

impl Parameter {
    fn described(&self) -> Value {
        json!({
            "in": self.place.as_str(),
            "name": self.name,
            "description": self.about,
            "required": self.place == Place::Path,
            "schema": self.schema,
        })
    }
}

/// One route, as far as it is known.
#[derive(Default)]
pub(crate) struct Operation {
    /// What it takes beside its body.
    pub(crate) parameters: Vec<Parameter>,
    /// How many parts of the path its handler takes.
    pub(crate) of_path: usize,
    /// Whether it changes something, and so may be asked again under a key.
    changes: bool,
    /// Whether it has to have one.
    pub(crate) needs_key: bool,
    /// Whether whoever asks is looked at.
    pub(crate) knows_who: bool,
    /// Its body by content type.
    body: Map<String, Value>,
    /// What it answers when it does what it was asked, by status.
    answers: BTreeMap<u16, Value>,
    /// Why it may not.
    refusals: BTreeSet<&'static str>,
    /// What bodies are made of.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Operation {
    /// It may be refused with these.
    pub(crate) fn refuses(&mut self, why: &[Code]) {
        self.refusals.extend(why.iter().map(|code| code.id));
    }

    /// It changes something: asked twice under one key, it is done once.
    pub(super) fn changes(&mut self) {
        self.changes = true;
        self.refuses(&[codes::BODY_INVALID, codes::KEY_REUSED, codes::KEY_BUSY, codes::ANSWER_LOST]);
    }

    /// It takes a body of JSON.
    pub(crate) fn takes_json<T: ToSchema>(&mut self) {
        let schema = self.schema_of::<T>();
        self.body.insert("application/json".to_owned(), json!({ "schema": schema }));
        let why = [codes::BODY_INVALID, codes::BODY_TOO_LARGE, codes::CONTENT_TYPE, codes::REQUEST_LATE];
        self.refuses(&why);
    }

    /// It takes bytes as they are.
    pub(crate) fn takes_bytes(&mut self, kind: &str, about: &str) {
        let schema = json!({ "type": "string", "format": "binary", "description": about });
        self.body.insert(kind.to_owned(), json!({ "schema": schema }));
        self.refuses(&[codes::BODY_TOO_LARGE, codes::REQUEST_LATE]);
    }

    /// It answers with JSON.
    pub(crate) fn answers_json<T: ToSchema>(&mut self, status: u16) {
        let schema = self.schema_of::<T>();
        self.answers(status, "application/json", schema);
    }

    /// It answers with a body of this kind.
    pub(crate) fn answers(&mut self, status: u16, kind: &str, schema: Value) {
        let answer = self.answers.entry(status).or_insert_with(|| json!({ "content": {} }));
        answer["content"][kind] = json!({ "schema": schema });
    }

    /// Its answers have this header.
    pub(crate) fn answers_with_header(&mut self, name: &str, about: &str) {
        for answer in self.answers.values_mut() {
            answer["headers"][name] = json!({ "description": about, "schema": { "type": "string" } });
        }
    }

    /// Every status that it may answer with.
    pub(super) fn statuses(&self) -> Vec<u16> {
        self.answers.keys().copied().chain(self.reasons().map(Code::http_status)).collect()
    }

    /// How many kinds of success it has.
    #[cfg(test)]
    pub(super) fn successes(&self) -> usize {
        self.answers.len()
    }

    /// Why it may not do what it was asked.
    fn reasons(&self) -> impl Iterator<Item = &'static Code> {
        codes::ALL.iter().filter(|code| self.refusals.contains(code.id))
    }

    fn schema_of<T: ToSchema>(&mut self) -> Value {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    /// As the document has it.
    pub(super) fn described(&self) -> Map<String, Value> {
        let mut all = Map::new();
        let mut parameters: Vec<Value> = self.parameters.iter().map(Parameter::described).collect();
        parameters.extend(self.of_all());
        if !parameters.is_empty() {
            all.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if !self.body.is_empty() {
            all.insert("requestBody".to_owned(), json!({ "required": true, "content": self.body }));
        }
        let mut answers = Map::new();
        for (status, answer) in &self.answers {
            let mut answer = answer.clone();
            answer["description"] = json!(if *status == 201 { "It is there now." } else { "It is done." });
            answers.insert(status.to_string(), answer);
        }
        if self.is_tagged() {
            answers.insert("304".to_owned(), json!({ "description": "It is as `If-None-Match` says." }));
        }
        answers.extend(self.problems());
        all.insert("responses".to_owned(), Value::Object(answers));
        if !self.knows_who {
            all.insert("security".to_owned(), json!([]));
        }
        all
    }

    /// Whether its answer has an `ETag`.
    fn is_tagged(&self) -> bool {
        let json = |answer: &Value| answer["content"].get("application/json").is_some();
        !self.changes && self.answers.get(&200).is_some_and(json)
    }

    /// What every request of its kind may have in its head.
    fn of_all(&self) -> Option<Value> {
        let header = |name: &str, needed: bool, about: &str, most: usize| {
            let schema = json!({ "type": "string", "minLength": 1, "maxLength": most });
            json!({ "in": "header", "name": name, "description": about, "required": needed, "schema": schema })
        };
        if self.changes {
            let about = "A new one for each thing that is asked for, and the same when it is asked for again: it is done once. \
                         Printed characters without blanks.";
            return Some(header("Idempotency-Key", self.needs_key, about, 255));
        }
        let about = "An `ETag` that was answered before: what it is of is not sent again.";
        self.is_tagged().then(|| header("If-None-Match", false, about, 1_000))
    }

    /// One answer for each status that the refusals have, with the codes in it.
    fn problems(&self) -> Map<String, Value> {
        let mut by_status: BTreeMap<u16, Vec<&Code>> = BTreeMap::new();
        for code in self.reasons() {
            by_status.entry(code.http_status()).or_default().push(code);
        }
        let problem = |status: u16, codes: Vec<&Code>| {
            let what = if status < 500 { "Nothing was done." } else { "It failed." };
            let listed: Vec<String> =
                codes.iter().map(|code| format!("- `{}`: {}", code.id, code.title)).collect();
            json!({
                "description": format!("{what}\n\n{}", listed.join("\n")),
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            })
        };
        by_status.into_iter().map(|(status, codes)| (status.to_string(), problem(status, codes))).collect()
    }
}
