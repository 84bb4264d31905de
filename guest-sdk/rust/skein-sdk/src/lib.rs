//! Write Skein migrations in Rust.
//!
//! Implement [`Migration`], say `skein_sdk::export!(MyMigration);` and build a `cdylib` for `wasm32-wasip2`: the result is
//! a module. [`testing`] runs the same type in `cargo test`, without Wasm. Authors write no unsafe code and see no
//! bindings; of the host this crate knows only the contract in `wit/skein-migration`.

#[doc(hidden)]
pub mod agent;
#[cfg(target_family = "wasm")]
mod allocator;
mod batch;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
pub mod config;
mod host;
mod ipc;
pub mod log;
pub mod metrics;
mod migration;
mod nearest;
mod output;
mod params;
mod plan;
mod refusal;
mod schema;
mod secret;
mod source;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod tree;
pub mod zone;

pub use batch::{Batch, shortened};
pub use migration::{Context, Migration, StateKind};
pub use nearest::nearest;
pub use output::{Output, Reject};
pub use plan::{Origin, Plan, Proposal, Shape};
pub use refusal::{Failure, Refusal};
pub use schema::{FlatField, SchemaError};
pub use secret::Secret;
pub use source::{Applied, Source};

pub use {arrow_array, arrow_buffer, arrow_schema, schemars, serde, serde_json};

/// Makes the crate a module of this [`Migration`]. Natively it does nothing, so the crate's tests link.
#[macro_export]
macro_rules! export {
    ($migration:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Module;

            ::std::thread_local! {
                static AGENT: ::std::cell::RefCell<$crate::agent::Agent<$migration>> =
                    ::std::cell::RefCell::default();
            }

            impl $crate::bindings::Exported for Module {
                type Migration = $migration;

                fn with<R>(call: impl FnOnce(&mut $crate::agent::Agent<$migration>) -> R) -> R {
                    AGENT.with_borrow_mut(call)
                }
            }

    $crate::bindings::export!(Module with_types_in $crate::bindings);
        };
    };
}
