//! The contract's imports: `log`, `metrics`, `config`.

use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower};
use wasmtime::{Result, StoreContextMut};

use super::log::{LogLevel, LogSource};
use super::{HostState, charge};

type Cx<'a> = StoreContextMut<'a, HostState>;

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the engine makes the values from the guest's numbers")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

type Fields = Vec<(String, String)>;

pub(crate) fn define_log(instance: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    instance.func_wrap("write", |mut cx: Cx<'_>, (level, message, fields): (Level, String, Fields)| {
        let bytes = message.len() + fields.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        charge(&mut cx, bytes)?;
        cx.data_mut().log.write(level.into(), LogSource::Log, message, fields).map_err(wasmtime::Error::new)
    })
}

pub(crate) fn define_metrics(instance: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    instance.func_wrap("count", |mut cx: Cx<'_>, (name, by): (String, u64)| {
        charge(&mut cx, name.len())?;
        cx.data_mut().metrics.count(&name, by).map_err(wasmtime::Error::new)
    })?;
    instance.func_wrap("gauge", |mut cx: Cx<'_>, (name, value): (String, f64)| {
        charge(&mut cx, name.len())?;
        cx.data_mut().metrics.gauge(&name, value).map_err(wasmtime::Error::new)
    })
}

pub(crate) fn define_config(instance: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    instance.func_wrap("get", |mut cx: Cx<'_>, (name,): (String,)| {
        let value = cx.data().config.settings.get(&name).cloned();
        charge(&mut cx, name.len() + value.as_ref().map_or(0, String::len))?;
        Ok((value,))
    })?;
    instance.func_wrap("secret", |mut cx: Cx<'_>, (name,): (String,)| {
        let value = cx.data().config.secrets.get(&name).cloned();
        charge(&mut cx, name.len() + value.as_ref().map_or(0, Vec::len))?;
        Ok((value,))
    })
}
