//! Exports.

use std::sync::Once;

use super::exports::skein::migration::migrate::Guest;
use super::skein::migration::types as wit;
use crate::agent::{self, Agent};
use crate::schema::FlatField;
use crate::{Applied, Failure, Migration, Origin, Proposal, Refusal};

/// A type that [`crate::export!`] makes: which migration the module is, and where its one agent lives.
pub trait Exported {
    /// The migration.
    type Migration: Migration;
    /// Runs `call` on the module's agent.
    fn with<R>(call: impl FnOnce(&mut Agent<Self::Migration>) -> R) -> R;
}

impl<E: Exported> Guest for E {
    fn describe() -> wit::Manifest {
        report_panics();
        let m = agent::describe::<E::Migration>();
        wit::Manifest {
            name: m.name,
            version: m.version,
            sdk: m.sdk,
            encoding: m.encoding,
            state: m.state,
            batch_bytes: m.batch_bytes,
            params_schema: m.params_schema,
            ext: m.ext,
        }
    }

    fn plan(s: wit::Source) -> Result<wit::SchemaPlan, wit::Refusal> {
        report_panics();
        agent::plan::<E::Migration>(source(s)).map(plan_out).map_err(refusal)
    }

    fn open(t: wit::TaskContext) -> Result<(), wit::Failure> {
        report_panics();
        let context =
            agent::RawContext { source: source(t.source), plan: plan_in(t.plan), state: t.state, ext: t.ext };
        E::with(|agent| agent.open(context)).map_err(failure)
    }

    fn process(b: wit::Batch) -> Result<wit::Output, wit::Failure> {
        let batch = agent::RawBatch { first_row: b.first_row, rows: b.rows, data: b.data };
        E::with(|agent| agent.process(batch)).map(output).map_err(failure)
    }

    fn drain() -> Result<wit::Output, wit::Failure> {
        E::with(Agent::drain).map(output).map_err(failure)
    }

    fn finish() -> Result<wit::Output, wit::Failure> {
        E::with(Agent::finish).map(output).map_err(failure)
    }

    fn save() -> Result<Option<Vec<u8>>, wit::Failure> {
        E::with(Agent::save).map_err(failure)
    }
}

/// A panic traps; this makes the host able to say why, in the author's terms.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let at = info.location().map(ToString::to_string).unwrap_or_default();
            let text = info.payload_as_str().unwrap_or("panic without a message");
            crate::log::error(text, &[("panic", "true"), ("at", &at)]);
        }));
    });
}

fn source(s: wit::Source) -> agent::RawSource {
    let applied = s.applied.into_iter().map(|a| Applied {
        name: a.name,
        version: a.version,
        module: a.module,
        params: a.params,
    });
    agent::RawSource { schema: schema_in(s.schema), params: s.params, applied: applied.collect(), ext: s.ext }
}

fn schema_in(schema: Vec<wit::Field>) -> Vec<FlatField> {
    let field = |f: wit::Field| FlatField {
        name: f.name,
        parent: f.parent,
        data_type: f.data_type,
        nullable: f.nullable,
        metadata: f.metadata,
    };
    schema.into_iter().map(field).collect()
}

fn schema_out(schema: Vec<FlatField>) -> Vec<wit::Field> {
    let field = |f: FlatField| wit::Field {
        name: f.name,
        parent: f.parent,
        data_type: f.data_type,
        nullable: f.nullable,
        metadata: f.metadata,
    };
    schema.into_iter().map(field).collect()
}

fn plan_in(p: wit::SchemaPlan) -> Proposal {
    let origin = |o| match o {
        wit::Origin::Carried(id) => Origin::Carried(id),
        wit::Origin::Computed(from) => Origin::Computed(from),
        wit::Origin::Preserved(id) => Origin::Preserved(id),
    };
    let origins = p.origins.into_iter().map(|(id, o)| (id, origin(o))).collect();
    Proposal { target: schema_in(p.target), origins, reads: p.reads, shape: p.shape, ext: p.ext }
}

fn plan_out(p: Proposal) -> wit::SchemaPlan {
    let origin = |o| match o {
        Origin::Carried(id) => wit::Origin::Carried(id),
        Origin::Computed(from) => wit::Origin::Computed(from),
        Origin::Preserved(id) => wit::Origin::Preserved(id),
    };
    let origins = p.origins.into_iter().map(|(id, o)| (id, origin(o))).collect();
    wit::SchemaPlan { target: schema_out(p.target), origins, reads: p.reads, shape: p.shape, ext: p.ext }
}

fn output(o: agent::RawOutput) -> wit::Output {
    let reject = |r: crate::Reject| wit::Reject { row: r.row, code: r.code, message: r.message };
    let rejects = o.rejects.into_iter().map(reject).collect();
    wit::Output { data: o.data, kept: o.kept, rejects, more: o.more }
}

fn refusal(r: Refusal) -> wit::Refusal {
    wit::Refusal { code: r.code, message: r.message, column: r.column }
}

fn failure(f: Failure) -> wit::Failure {
    wit::Failure { code: f.code, message: f.message }
}
