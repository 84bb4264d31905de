//! Imports.

use super::skein::migration::{config, log, metrics};
use crate::log::Level;

pub(crate) fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let level = match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    let fields: Vec<_> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    log::write(level, message, &fields);
}

pub(crate) fn count(name: &str, by: u64) {
    metrics::count(name, by);
}

pub(crate) fn gauge(name: &str, value: f64) {
    metrics::gauge(name, value);
}

pub(crate) fn get(name: &str) -> Option<String> {
    config::get(name)
}

pub(crate) fn secret(name: &str) -> Option<Vec<u8>> {
    config::secret(name)
}
