//! The contract's page: the file that hosts and modules are built from, as it is.

/// Compiled in, so that the page is that of the contract which this binary speaks.
const WIT: &str = include_str!("../../../../../wit/skein-migration/migration.wit");

pub(super) fn page() -> String {
    format!(
        "# Contract\n\nWhat a module imports and exports. This is the file that hosts and modules are built from; its \
         comments are the reference for\nwhoever writes an SDK in another language. `host-tests/guests/raw` is a module \
         written against it alone.\n\n```wit\n{}\n```\n",
        WIT.trim_end()
    )
}
