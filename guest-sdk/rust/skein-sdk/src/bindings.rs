//! The contract's bindings, inside the sandbox only: turns their types into the SDK's and back, moving bytes.

wit_bindgen::generate!({
    path: "../../../wit/skein-migration",
    world: "migration",
    pub_export_macro: true,
    default_bindings_module: "skein_sdk::bindings",
});

pub(crate) mod host;
mod module;

pub use module::Exported;
