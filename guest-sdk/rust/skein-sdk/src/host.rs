//! The host's functions: the contract's imports in the sandbox, the harness's [`native::Host`] elsewhere.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::host::{count, gauge, get, secret, write};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{count, gauge, get, secret, write};

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    //! A host for `cargo test`: one per thread, so that tests do not meet.

    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use crate::log::Level;

    /// Settings and secrets given, lines and numbers received.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Host {
        pub(crate) settings: BTreeMap<String, String>,
        pub(crate) secrets: BTreeMap<String, Vec<u8>>,
        pub(crate) lines: Vec<(Level, String)>,
        pub(crate) counts: BTreeMap<String, u64>,
        pub(crate) gauges: BTreeMap<String, f64>,
    }

    thread_local! {
        static HOST: RefCell<Host> = RefCell::default();
    }

    pub(crate) fn install(host: Host) -> Host {
        HOST.replace(host)
    }

    pub(crate) fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: String = fields.iter().map(|(k, v)| format!(" {k}={v}")).collect();
        HOST.with_borrow_mut(|host| host.lines.push((level, format!("{message}{fields}"))));
    }

    pub(crate) fn count(name: &str, by: u64) {
        HOST.with_borrow_mut(|host| *host.counts.entry(name.to_owned()).or_default() += by);
    }

    pub(crate) fn gauge(name: &str, value: f64) {
        HOST.with_borrow_mut(|host| host.gauges.insert(name.to_owned(), value));
    }

    pub(crate) fn get(name: &str) -> Option<String> {
        HOST.with_borrow(|host| host.settings.get(name).cloned())
    }

    pub(crate) fn secret(name: &str) -> Option<Vec<u8>> {
        HOST.with_borrow(|host| host.secrets.get(name).cloned())
    }
}
