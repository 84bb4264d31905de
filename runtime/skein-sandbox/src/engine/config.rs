//! Every setting of wasmtime that we rely on, said explicitly, with its reason.

use std::num::NonZeroUsize;

use skein_types::Blake3;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel, Result};
use wasmtime::{OperatorCost, PoolingAllocationConfig, Strategy, VariableOperatorCost, WasmBacktraceDetails};

use super::baseline;

/// Exact version of wasmtime. Artifacts of another patch release are stale: a fix in code generation must reach them.
pub const ENGINE_VERSION: &str = "48.0.8";

/// Counts changes of the settings below that wasmtime's own hash might not see.
const SETTINGS: u32 = 1;

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
    config.wasm_backtrace_max_frames(NonZeroUsize::new(20));
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

/// Only what today's toolchains emit by default, plus SIMD. Everything else is surface without a user.
fn features(config: &mut Config) {
    config.wasm_simd(true).wasm_relaxed_simd(false).relaxed_simd_deterministic(true);
    config.wasm_bulk_memory(true).wasm_multi_value(true);
    config.wasm_multi_memory(true).wasm_extended_const(true).wasm_tail_call(true);
    config.wasm_memory64(false).wasm_custom_page_sizes(false).wasm_wide_arithmetic(false);
    config.wasm_component_model(true);
    // The limiter cannot tell a GC heap from a memory, and no guest toolchain of ours needs one.
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

/// Slots are address space, not memory: 256 agents fit any machine that runs Skein, and reuse makes instantiation
/// cheap. Nothing of a former guest stays resident.
fn pool() -> PoolingAllocationConfig {
    const AGENTS: u32 = 256;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(AGENTS);
    pool.max_core_instances_per_component(64).total_core_instances(16 * AGENTS);
    pool.max_memories_per_component(2).total_memories(2 * AGENTS).max_memory_size(4 << 30);
    pool.max_tables_per_component(8)
        .max_tables_per_module(2)
        .total_tables(4 * AGENTS)
        .table_elements(100_000);
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

/// Version and settings as one digest. wasmtime compares its own settings again when it loads an artifact.
pub(super) fn fingerprint() -> Blake3 {
    Blake3::of(
        format!("wasmtime {ENGINE_VERSION} settings {SETTINGS} features {:?}", baseline::FEATURES).as_bytes(),
    )
}
