//! A loaded module: what can be asked of it without data.

use std::fmt;
use std::sync::Arc;

use arrow_schema::Schema;
use skein_types::{
    Code, ColumnId, Encoding, ErrorClass, ModuleDigest, ParamsDigest, ProposedOrigin, ProposedPlan,
    StateKind, codes,
};
use wasmtime::component::{Component, Linker};

use crate::agent::{Agent, AgentRequest, NotOpened};
use crate::artifact::{ArtifactTrust, LoadError, verify};
use crate::bindings::{MigrationPre, types as wit};
use crate::host::log::LogEntry;
use crate::host::{GuestConfig, HostState, Seed, wasi};
use crate::instance::{CancelFlag, Instance, Setup, bounded};
use crate::schema::{SchemaError, from_wit, to_wit};
use crate::{Engine, GuestError, Limits};

/// Bytes of each text in a manifest; the schema of the parameters may have more.
const MANIFEST_TEXT_MAX: usize = 256;
const PARAMS_SCHEMA_MAX: usize = 1 << 20;
const EXT_MAX: usize = 64;
/// Seed of calls that must be pure: `describe` and `plan`.
const PURE_SEED: Seed = Seed([0; 32]);

/// What a module says about itself, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Name of the migration.
    pub name: String,
    /// Version, for people.
    pub version: String,
    /// What made the module, for people.
    pub sdk: String,
    /// How batches are encoded.
    pub encoding: Encoding,
    /// What the module remembers between batches.
    pub state: StateKind,
    /// Wanted bytes of a batch; `None` lets the host decide.
    pub batch_bytes: Option<u32>,
    /// JSON Schema of the parameters; empty if there are none.
    pub params_schema: String,
    /// Open extensions; none of them is a `must-`.
    pub ext: Vec<(String, String)>,
}

/// A migration that a dataset has been through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Name of the migration.
    pub name: String,
    /// Version, for people.
    pub version: String,
    /// The module.
    pub module: ModuleDigest,
    /// Its parameters.
    pub params: ParamsDigest,
}

/// A source as a guest sees it.
#[derive(Clone, Debug)]
pub struct Source {
    /// In the guest's view (`skein_types::guest_view`).
    pub schema: Arc<Schema>,
    /// Parameters as JSON, secrets as `{"$secret": "name"}`.
    pub params: String,
    /// What all files have been through, oldest first.
    pub applied: Vec<Applied>,
}

/// Why `plan` gave no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanCallError {
    /// The module does not want this source.
    #[error("the module refuses this schema ({code}): {message}")]
    Refused {
        /// The module's own code.
        code: String,
        /// The module's own words.
        message: String,
        /// The source column at fault.
        column: Option<ColumnId>,
    },
    /// The answer's schema cannot be used.
    #[error(transparent)]
    Target(#[from] SchemaError),
    /// The call failed.
    #[error(transparent)]
    Guest(#[from] GuestError),
}

impl PlanCallError {
    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        match self {
            Self::Refused { .. } => codes::PLAN_REFUSED,
            Self::Target(error) => error.code(),
            Self::Guest(error) => error.code(),
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }
}

/// A module ready to run. Cheap to clone and to share between threads.
#[derive(Clone)]
pub struct Module {
    digest: ModuleDigest,
    pub(crate) engine: Engine,
    pub(crate) pre: MigrationPre<HostState>,
    imports: Arc<[String]>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Module {
    /// Loads a signed artifact file. Nothing of it is used before its signature holds.
    pub fn load(engine: &Engine, file: &[u8], trust: &ArtifactTrust) -> Result<Self, LoadError> {
        let verified = verify(file, trust, engine.fingerprint())?;
        #[expect(unsafe_code, reason = "the engine offers no checked way to load native code")]
        // SAFETY: the bytes are exactly those that the compile jail made and the trusted key signed.
        let component = unsafe { Component::deserialize(engine.wasmtime(), verified.artifact) };
        let component = component.map_err(not_deserialized)?;
        let mut linker = Linker::new(engine.wasmtime());
        let imports: Vec<String> =
            component.component_type().imports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        for name in &imports {
            if wasi::judge(name) != wasi::ImportName::Known {
                return Err(LoadError::Import(name.clone()));
            }
            wasi::define(&mut linker, name).map_err(LoadError::Refused)?;
        }
        // What is left are functions of known interfaces that no migration can use: see `host::wasi`.
        let form = |error: wasmtime::Error| LoadError::ImportForm(bounded(format!("{error:#}")));
        linker.define_unknown_imports_as_traps(&component).map_err(form)?;
        let pre = linker.instantiate_pre(&component).map_err(form)?;
        let pre =
            MigrationPre::new(pre).map_err(|error| LoadError::Exports(bounded(format!("{error:#}"))))?;
        Ok(Self { digest: verified.digest, engine: engine.clone(), pre, imports: imports.into() })
    }

    /// Identity of the module.
    pub const fn digest(&self) -> ModuleDigest {
        self.digest
    }

    /// Interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Asks the module what it is.
    pub fn describe(&self, limits: &Limits) -> Result<Manifest, GuestError> {
        let mut instance = self.pure(limits, Arc::default(), "describe")?;
        let manifest = instance.call("describe", |guest, store| guest.call_describe(store))?;
        check_manifest(manifest)
    }

    /// Asks the module what becomes of each column. Nothing of the answer is checked but its form.
    pub fn plan(
        &self,
        source: &Source,
        config: Arc<GuestConfig>,
        limits: &Limits,
    ) -> Result<ProposedPlan, PlanCallError> {
        self.plan_and_log(source, config, limits).0
    }

    /// The like, and what the module said meanwhile, whatever its answer is.
    pub fn plan_and_log(
        &self,
        source: &Source,
        config: Arc<GuestConfig>,
        limits: &Limits,
    ) -> (Result<ProposedPlan, PlanCallError>, Vec<LogEntry>) {
        let mut instance = match self.pure(limits, config, "plan") {
            Ok(instance) => instance,
            Err(error) => return (Err(error.into()), Vec::new()),
        };
        let answer = planned(&mut instance, source);
        let log = &mut instance.host_mut().log;
        log.close();
        (answer, log.entries().to_vec())
    }

    /// Starts a task.
    pub fn agent(&self, request: AgentRequest<'_>) -> Result<Agent, GuestError> {
        self.open_agent(request).map_err(|not| not.error)
    }

    /// The like; what the module says while it fails to start is not lost.
    pub fn open_agent(&self, request: AgentRequest<'_>) -> Result<Agent, NotOpened> {
        Agent::open(self, request)
    }

    /// Makes an instance and throws it away: what a benchmark of instantiation repeats.
    pub fn instantiate_once(&self, limits: &Limits) -> Result<(), GuestError> {
        self.pure(limits, Arc::default(), "instantiate").map(drop)
    }

    fn pure(
        &self,
        limits: &Limits,
        config: Arc<GuestConfig>,
        call: &'static str,
    ) -> Result<Instance, GuestError> {
        let setup = Setup { limits, config, seed: PURE_SEED, cancel: CancelFlag::default(), call };
        Instance::new(self, setup).map_err(|not| not.error)
    }
}

fn planned(instance: &mut Instance, source: &Source) -> Result<ProposedPlan, PlanCallError> {
    let source = source_to_wit(source)?;
    match instance.call("plan", |guest, store| guest.call_plan(store, &source))? {
        Ok(plan) => Ok(plan_from_wit(plan)?),
        Err(refusal) => Err(PlanCallError::Refused {
            code: bounded(refusal.code),
            message: bounded(refusal.message),
            column: refusal.column.map(ColumnId),
        }),
    }
}

/// The pool knows how much one agent may have, and says no in words alone.
fn not_deserialized(error: wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    if text.contains("pooling allocator") {
        return LoadError::TooComplex(bounded(text));
    }
    LoadError::Incompatible(error)
}

fn check_manifest(m: wit::Manifest) -> Result<Manifest, GuestError> {
    let bad = |reason: String| Err(GuestError::BadManifest { reason });
    for (what, text, max) in [
        ("name", &m.name, MANIFEST_TEXT_MAX),
        ("version", &m.version, MANIFEST_TEXT_MAX),
        ("sdk", &m.sdk, MANIFEST_TEXT_MAX),
        ("params-schema", &m.params_schema, PARAMS_SCHEMA_MAX),
    ] {
        if text.len() > max {
            return bad(format!("a {what} of {} bytes, {max} are allowed", text.len()));
        }
    }
    if m.name.is_empty() || !is_label(&m.name) || m.name.contains('/') {
        return bad(format!("the name {:?}", m.name));
    }
    if m.version.is_empty() || !is_label(&m.version) {
        return bad(format!("the version {:?}", m.version));
    }
    if !is_label(&m.sdk) {
        return bad(format!("the sdk {:?}", m.sdk));
    }
    if !m.params_schema.is_empty() && !is_json_schema(&m.params_schema) {
        return bad("a params-schema that is no JSON Schema".to_owned());
    }
    if m.ext.len() > EXT_MAX
        || m.ext.iter().any(|(key, value)| key.len().max(value.len()) > MANIFEST_TEXT_MAX)
    {
        return bad(format!("more than {EXT_MAX} extensions or one of more than {MANIFEST_TEXT_MAX} bytes"));
    }
    if let Some((key, _)) = m.ext.iter().find(|(key, _)| key.starts_with("must-")) {
        return bad(format!(
            "the extension {:?}, which is not known here",
            key.chars().take(100).collect::<String>()
        ));
    }
    let word =
        |error: skein_types::UnknownWord| GuestError::BadManifest { reason: format!("a word: {error}") };
    Ok(Manifest {
        encoding: m.encoding.parse().map_err(word)?,
        state: m.state.parse().map_err(word)?,
        name: m.name,
        version: m.version,
        sdk: m.sdk,
        batch_bytes: (m.batch_bytes > 0).then_some(m.batch_bytes),
        params_schema: m.params_schema,
        ext: m.ext,
    })
}

/// People read it in a terminal, where a control character is a command.
fn is_label(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// A schema is an object, or true or false: any value, or none.
fn is_json_schema(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object() || value.is_boolean())
}

pub(crate) fn source_to_wit(source: &Source) -> Result<wit::Source, GuestError> {
    let schema = to_wit(&source.schema).map_err(|error| GuestError::Input { reason: error.to_string() })?;
    let applied = |a: &Applied| wit::Applied {
        name: a.name.clone(),
        version: a.version.clone(),
        module: a.module.to_string(),
        params: a.params.to_string(),
    };
    Ok(wit::Source {
        schema,
        params: source.params.clone(),
        applied: source.applied.iter().map(applied).collect(),
        ext: Vec::new(),
    })
}

fn plan_from_wit(plan: wit::SchemaPlan) -> Result<ProposedPlan, SchemaError> {
    let origin = |origin| match origin {
        wit::Origin::Carried(id) => ProposedOrigin::Carried(ColumnId(id)),
        wit::Origin::Computed(ids) => ProposedOrigin::Computed(ids.into_iter().map(ColumnId).collect()),
        wit::Origin::Preserved(id) => ProposedOrigin::Preserved(ColumnId(id)),
    };
    Ok(ProposedPlan {
        target: from_wit(&plan.target)?,
        origins: plan.origins.into_iter().map(|(id, o)| (id, origin(o))).collect(),
        reads: plan.reads,
        shape: plan.shape,
        ext: plan.ext,
    })
}

pub(crate) fn plan_to_wit(plan: &ProposedPlan) -> Result<wit::SchemaPlan, GuestError> {
    let target = to_wit(&plan.target).map_err(|error| GuestError::Input { reason: error.to_string() })?;
    let origin = |origin: &ProposedOrigin| match origin {
        ProposedOrigin::Carried(id) => wit::Origin::Carried(id.0),
        ProposedOrigin::Computed(ids) => wit::Origin::Computed(ids.iter().map(|id| id.0).collect()),
        ProposedOrigin::Preserved(id) => wit::Origin::Preserved(id.0),
    };
    Ok(wit::SchemaPlan {
        target,
        origins: plan.origins.iter().map(|(id, o)| (*id, origin(o))).collect(),
        reads: plan.reads.clone(),
        shape: plan.shape.clone(),
        ext: plan.ext.clone(),
    })
}
