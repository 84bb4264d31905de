//! Every setting of wasmtime that we rely on, said explicitly, with its reason.

use std::num::NonZeroUsize;

use skein_types::Blake3;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel, Result};
use wasmtime::{
    OperatorCost, PoolingAllocationConfig, Strategy, VariableOperatorCost, WasmBacktraceDetails, WasmFeatures,
};

use super::baseline;

/// Exact version of wasmtime. Artifacts of another patch release are stale: a fix in code generation must reach them.
pub const ENGINE_VERSION: &str = "48.0.8";

/// Counts changes of the settings below that wasmtime's own hash might not see.
const SETTINGS: u32 = 2;

/// Fuel of one plain operator. Eight, so that a byte moved by `memory.copy` can cost less than an operator: one.
const OPERATOR_FUEL: u8 = 8;

const MIB: usize = 1 << 20;

/// What an engine is for. Compiled code is the same for both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// In the jail.
    Compile,
    /// On a node: no compiler.
    Run,
}

pub(super) fn build(purpose: Purpose) -> Result<Config> {
    let mut config = Config::new();
    config.module_version(ModuleVersionStrategy::Custom(format!("{ENGINE_VERSION}+skein{SETTINGS}")))?;
    features(&mut config);
    metering(&mut config);
    memory(&mut config);
    // A panic has a dozen frames of its own before the author's begin.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(64));
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.generate_address_map(true);
    // Registering unwind tables is quadratic over many loaded modules, and nobody unwinds through guests.
    config.native_unwind_info(false);
    match purpose {
        Purpose::Run => {
            config.enable_compiler(false);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        }
        Purpose::Compile => compiler(&mut config)?,
    }
    Ok(config)
}

/// Only what today's toolchains emit by default, plus SIMD. Everything else is surface without a user: threads,
/// exceptions, typed function references, garbage collection, 64-bit memories, stack switching, and whatever wasmtime
/// learns next.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::BULK_MEMORY_OPT)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::COMPONENT_MODEL);

fn features(config: &mut Config) {
    config.wasm_features(WasmFeatures::all().difference(FEATURES), false).wasm_features(FEATURES, true);
    config.relaxed_simd_deterministic(true);
    // The limiter cannot tell a GC heap from a memory.
    config.gc_support(false);
    // Without concurrency a call is a plain call: no event loop, none of its surface.
    config.concurrency_support(false);
    config.shared_memory(false);
}

fn metering(config: &mut Config) {
    config.consume_fuel(true).operator_cost(costs());
    config.epoch_interruption(true);
}

fn costs() -> OperatorCost {
    let mut cost = OperatorCost::new();
    macro_rules! scale {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            $( cost.$op = cost.$op.saturating_mul(OPERATOR_FUEL); )*
        };
    }
    wasmparser::for_each_operator!(scale);
    // A page costs the host a fault and zeroing; 255 is the most that the table can say.
    cost.variable = VariableOperatorCost { memory_grow_per_page: 255, ..VariableOperatorCost::new() };
    cost
}

fn memory(config: &mut Config) {
    // 4 GiB reserved and guards on both sides: no bounds checks, and the classes of bugs that only checked
    // configurations had stay out.
    config.signals_based_traps(true);
    config.memory_reservation(4 << 30).memory_guard_size(32 << 20).guard_before_linear_memory(true);
    config.memory_may_move(false);
    config.memory_init_cow(true).memory_guaranteed_dense_image_size(64 << 20);
    config.max_wasm_stack(MIB);
    config.async_stack_size(2 * MIB);
}

/// Core instances of one agent.
const CORE_INSTANCES: u32 = 64;
/// Linear memories of one agent, in however many modules.
pub(crate) const MEMORIES: u32 = 2;
/// Tables of one agent, in however many modules.
pub(crate) const TABLES: u32 = 8;
/// Elements of one table: Python's need tens of thousands.
pub(crate) const TABLE_ELEMENTS: u32 = 100_000;

/// Instances that may exist at once; [`super::Slots`] makes others wait.
pub(super) const AGENTS: u32 = 256;

/// Slots are address space, not memory: 256 agents fit any machine that runs Skein. The totals are the limits of one
/// component times agents, so that a slot is all that an agent ever waits for. Nothing of a former guest stays resident.
///
/// Measured with `instances_are_cheap` (medians, unoptimised host, two busy cores): 33 us from the pool, 41 us on demand,
/// 44 us with 2 MiB kept resident, which costs more to clear than to map anew. Per instance the pool makes three calls
/// to `madvise`; on demand there are two of `mmap`, one of `munmap` and one of `mprotect`, which all wait for the one
/// lock on the process's mappings, so the difference grows with threads.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(AGENTS);
    pool.max_core_instances_per_component(CORE_INSTANCES).total_core_instances(CORE_INSTANCES * AGENTS);
    pool.max_memories_per_component(MEMORIES).max_memories_per_module(MEMORIES);
    pool.total_memories(MEMORIES * AGENTS).max_memory_size(4 << 30);
    pool.max_tables_per_component(TABLES).max_tables_per_module(TABLES).total_tables(TABLES * AGENTS);
    pool.table_elements(TABLE_ELEMENTS as usize);
    pool.total_stacks(AGENTS);
    pool.max_core_instance_size(MIB).max_component_instance_size(4 * MIB);
    pool.linear_memory_keep_resident(0).table_keep_resident(0).max_unused_warm_slots(16);
    pool.pagemap_scan(Enabled::No);
    pool
}

fn compiler(config: &mut Config) -> Result<()> {
    config.strategy(Strategy::Cranelift);
    config.cranelift_opt_level(OptLevel::Speed);
    config.cranelift_nan_canonicalization(true);
    config.parallel_compilation(true);
    config.target("x86_64-unknown-linux-gnu")?;
    for feature in baseline::FEATURES {
        #[expect(
            unsafe_code,
            reason = "the flags name instruction sets that every node proves to have at start"
        )]
        // SAFETY: `baseline::check` runs before any engine that could execute the code.
        unsafe {
            config.cranelift_flag_enable(feature);
        }
    }
    Ok(())
}

/// Version and settings as one digest. wasmtime's own hash of its settings needs a compiler, which nodes do not have; it
/// compares the settings one by one when it loads an artifact, and what it refuses is stale as well.
pub(super) fn fingerprint() -> Blake3 {
    Blake3::of(
        format!("wasmtime {ENGINE_VERSION} settings {SETTINGS} features {:?}", baseline::FEATURES).as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Purpose, build};

    #[test]
    fn proposals_that_no_migration_needs_do_not_compile() {
        let engine = wasmtime::Engine::new(&build(Purpose::Compile).unwrap()).unwrap();
        let compile = |core: &str| {
            let component = wat::parse_str(format!("(component (core module {core}))")).unwrap();
            engine.precompile_component(&component).map(drop)
        };
        for core in [
            "(memory 1 2 shared)",
            "(memory i64 1)",
            "(memory 1 (pagesize 1))",
            "(tag)",
            "(type (struct))",
            "(func (param externref))",
            "(type $f (func)) (func (param (ref null $f)))",
            "(type $f (func)) (type (cont $f))",
            "(func (result v128) v128.const i64x2 0 0 i32x4.relaxed_trunc_f32x4_s)",
            "(func (result i64 i64) (i64.mul_wide_u (i64.const 1) (i64.const 1)))",
        ] {
            assert!(compile(core).is_err(), "{core}");
        }
        for core in ["(memory 1) (memory 1)", "(func (param v128))", "(table 1 funcref) (table 1 funcref)"] {
            compile(core).unwrap();
        }
    }
}
