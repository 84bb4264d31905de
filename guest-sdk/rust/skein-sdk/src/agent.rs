//! The calls of the contract, without its bindings: what a module does between the host's bytes and the author's code.
//! The sandbox and the native harness drive the same code.

mod answer;
mod layout;

use arrow_schema::Schema;

use crate::schema::{FlatField, flatten, unflatten};
use crate::source::Applied;
use crate::{Batch, Failure, Migration, Output, Proposal, Refusal, Source, StateKind, ipc, params};
use answer::Pending;
use layout::Layout;

/// What a module says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract documents each item")]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub sdk: String,
    pub encoding: String,
    pub state: String,
    pub batch_bytes: u32,
    pub params_schema: String,
    pub ext: Vec<(String, String)>,
}

/// The source in flat form.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the contract documents each item")]
pub struct RawSource {
    pub schema: Vec<FlatField>,
    pub params: String,
    pub applied: Vec<Applied>,
    pub ext: Vec<(String, String)>,
}

/// What a task starts from, in flat form.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the contract documents each item")]
pub struct RawContext {
    pub source: RawSource,
    pub plan: Proposal,
    pub state: Option<Vec<u8>>,
    pub ext: Vec<(String, String)>,
}

/// A batch, encoded.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the contract documents each item")]
pub struct RawBatch {
    pub first_row: u64,
    pub rows: u32,
    pub data: Vec<u8>,
}

/// Output of one call, encoded.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the contract documents each item")]
pub struct RawOutput {
    pub data: Option<Vec<u8>>,
    pub kept: Option<Vec<u8>>,
    pub rejects: Vec<crate::Reject>,
    pub more: bool,
}

/// `describe`.
pub fn describe<M: Migration>() -> Manifest {
    Manifest {
        name: M::NAME.to_owned(),
        version: M::VERSION.to_owned(),
        sdk: concat!("skein-sdk-rust ", env!("CARGO_PKG_VERSION")).to_owned(),
        encoding: "arrow".to_owned(),
        state: M::STATE.as_str().to_owned(),
        batch_bytes: M::BATCH_BYTES,
        params_schema: params::schema::<M::Params>(),
        ext: M::EXT.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

/// `plan`.
pub fn plan<M: Migration>(raw: RawSource) -> Result<Proposal, Refusal> {
    if let Some((key, _)) = must(&raw.ext) {
        return Err(Refusal::new(
            "unknown-must",
            format!("the host demands {key:?}, which this SDK does not know"),
        ));
    }
    let params =
        params::read::<M::Params>(&raw.params).map_err(|e| Refusal::new("bad-params", e.to_string()))?;
    let source = source(raw)?;
    M::plan(&source, &params)?.lower()
}

/// A task's place: empty until `open`.
#[derive(Debug)]
pub struct Agent<M: Migration> {
    open: Option<Open<M>>,
}

impl<M: Migration> Default for Agent<M> {
    fn default() -> Self {
        Self { open: None }
    }
}

#[derive(Debug)]
struct Open<M> {
    migration: M,
    layout: Layout,
    pending: Pending,
}

impl<M: Migration> Agent<M> {
    /// `open`.
    pub fn open(&mut self, raw: RawContext) -> Result<(), Failure> {
        if let Some((key, _)) = must(&raw.ext).or_else(|| must(&raw.source.ext)) {
            let message = format!("the host demands {key:?}, which this SDK does not know");
            return Err(Failure::new("unknown-must", message));
        }
        let params = params::read::<M::Params>(&raw.source.params)
            .map_err(|e| Failure::new("bad-params", e.to_string()))?;
        let state = raw.state.map(|bytes| postcard::from_bytes(&bytes)).transpose();
        let state = state.map_err(|e| Failure::new("bad-state", format!("the checkpoint's state: {e}")))?;
        let source = source(raw.source).map_err(|r| Failure::new(r.code, r.message))?;
        let layout = Layout::new(&source, &raw.plan)?;
        let migration = M::open(&layout.context(source), params, state)?;
        self.open = Some(Open { migration, layout, pending: Pending::default() });
        Ok(())
    }

    /// `process`.
    pub fn process(&mut self, raw: RawBatch) -> Result<RawOutput, Failure> {
        let open = self.task()?;
        let batch = Batch::new(raw.first_row, ipc::decode(raw.data, raw.rows as usize)?);
        let mut out = open.layout.output(&batch);
        open.migration.process(&batch, &mut out)?;
        open.pending.answer(&open.layout, Some(&batch), out)
    }

    /// `drain`.
    pub fn drain(&mut self) -> Result<RawOutput, Failure> {
        self.task()?.pending.next()
    }

    /// `finish`.
    pub fn finish(&mut self) -> Result<RawOutput, Failure> {
        let open = self.task()?;
        let mut out = Output::new(open.layout.shape(), open.layout.made(), 0, 0);
        open.migration.finish(&mut out)?;
        if M::STATE == StateKind::None && !out.pushed.is_empty() {
            let message = "a migration without state has nothing to add at the end";
            return Err(Failure::new("late-rows", message));
        }
        open.pending.answer(&open.layout, None, out)
    }

    /// `save`.
    pub fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let state = self.task()?.migration.state();
        let bytes = state.map(postcard::to_stdvec).transpose();
        bytes.map_err(|e| Failure::new("bad-state", format!("the state cannot be saved: {e}")))
    }

    fn task(&mut self) -> Result<&mut Open<M>, Failure> {
        self.open.as_mut().ok_or_else(|| Failure::new("not-open", "the host called before `open`"))
    }
}

fn source(raw: RawSource) -> Result<Source, Refusal> {
    let mut source = Source::new(unflatten(&raw.schema)?);
    source.applied = raw.applied;
    source.ext = raw.ext;
    Ok(source)
}

/// The first extension that must be understood; this SDK knows none yet.
fn must(ext: &[(String, String)]) -> Option<&(String, String)> {
    ext.iter().find(|(key, _)| key.starts_with("must-"))
}

/// A source in flat form.
pub fn raw_source(schema: &Schema, params: &str) -> Result<RawSource, Refusal> {
    let schema = flatten(schema)?;
    Ok(RawSource { schema, params: params.to_owned(), applied: Vec::new(), ext: Vec::new() })
}
