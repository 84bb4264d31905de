//! The WASI 0.2 interfaces that Rust's std imports, with nothing behind them.
//!
//! No files, arguments, environment, sockets or input; what is printed goes to the log; sleeping is over at once;
//! clock and randomness come from the seed. Written here instead of taken from wasmtime-wasi because that one waits in
//! real time, wants an async runtime, and brings a file system that nobody may use.
//!
//! Handles carry their meaning in their number and own nothing on the host, so there is no table that a guest could
//! fill. Functions of the listed interfaces that are not defined here trap when called: without a file descriptor or a
//! socket no guest gets far enough to call one. An interface that uses another one's resource shows it under its own
//! name as well, and there it must be the same resource: hence the aliases.

mod clocks;
mod io;
mod random;

use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};

use super::{HostState, HostStop, contract};

pub(crate) type Cx<'a> = StoreContextMut<'a, HostState>;
type Instance<'a> = LinkerInstance<'a, HostState>;
type Define = fn(&mut Instance<'_>) -> Result<()>;

/// Every interface that a migration may import, and what defines it.
const IMPORTS: [(&str, Define); 22] = [
    ("skein:migration/types", define_nothing),
    ("skein:migration/log", contract::define_log),
    ("skein:migration/metrics", contract::define_metrics),
    ("skein:migration/config", contract::define_config),
    ("wasi:cli/environment", define_environment),
    ("wasi:cli/exit", define_exit),
    ("wasi:cli/stdin", io::define_stdin),
    ("wasi:cli/stdout", io::define_stdout),
    ("wasi:cli/stderr", io::define_stderr),
    ("wasi:cli/terminal-input", define_terminal_input),
    ("wasi:cli/terminal-output", define_terminal_output),
    ("wasi:cli/terminal-stdin", define_terminal_stdin),
    ("wasi:cli/terminal-stdout", define_terminal_stdout),
    ("wasi:cli/terminal-stderr", define_terminal_stderr),
    ("wasi:clocks/monotonic-clock", clocks::define_monotonic),
    ("wasi:clocks/wall-clock", clocks::define_wall),
    ("wasi:filesystem/preopens", define_preopens),
    ("wasi:filesystem/types", define_filesystem),
    ("wasi:io/error", io::define_error),
    ("wasi:io/poll", io::define_poll),
    ("wasi:io/streams", io::define_streams),
    ("wasi:random/random", random::define_random),
];

/// Further ones of `wasi:random`, apart only because they share one definition.
const RANDOM_IMPORTS: [(&str, Define); 2] = [
    ("wasi:random/insecure", random::define_insecure),
    ("wasi:random/insecure-seed", random::define_insecure_seed),
];

/// The contract's version that this host speaks.
pub(crate) const CONTRACT_VERSION: &str = "0.1.0";

/// What the host thinks of an import's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImportName {
    /// Defined here.
    Known,
    /// The contract in a version that is not spoken here.
    OtherContract,
    /// Not for migrations.
    Forbidden,
}

/// Judges an import by its full name: `wasi:io/poll@0.2.6`.
pub(crate) fn judge(name: &str) -> ImportName {
    let (interface, version) = split(name);
    let known = definition(interface).is_some();
    match (known, interface.starts_with("skein:migration/")) {
        (true, true) | (false, true) if version != Some(CONTRACT_VERSION) => ImportName::OtherContract,
        (true, true) => ImportName::Known,
        (true, false) if version.is_some_and(is_wasi_0_2) => ImportName::Known,
        (true | false, _) => ImportName::Forbidden,
    }
}

/// Defines an import under exactly the name that the module uses: WASI 0.2 has many patch versions, alike in what is
/// defined here.
pub(crate) fn define(linker: &mut wasmtime::component::Linker<HostState>, name: &str) -> Result<()> {
    match definition(split(name).0) {
        Some(define) => define(&mut linker.instance(name)?),
        None => Ok(()),
    }
}

fn definition(interface: &str) -> Option<Define> {
    IMPORTS.iter().chain(&RANDOM_IMPORTS).find(|(known, _)| *known == interface).map(|(_, define)| *define)
}

fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

fn is_wasi_0_2(version: &str) -> bool {
    version
        .strip_prefix("0.2.")
        .is_some_and(|patch| patch.len() <= 3 && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// Kinds of handles. None has a value on the host.
pub(crate) struct TerminalInput;
pub(crate) struct TerminalOutput;
pub(crate) struct Descriptor;
pub(crate) struct DirectoryEntryStream;

fn define_nothing(_: &mut Instance<'_>) -> Result<()> {
    Ok(())
}

fn define_environment(i: &mut Instance<'_>) -> Result<()> {
    i.func_wrap("get-environment", |_: Cx<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    i.func_wrap("get-arguments", |_: Cx<'_>, (): ()| Ok((Vec::<String>::new(),)))?;
    i.func_wrap("initial-cwd", |_: Cx<'_>, (): ()| Ok((None::<String>,)))
}

fn define_exit(i: &mut Instance<'_>) -> Result<()> {
    i.func_wrap("exit", |_: Cx<'_>, (status,): (std::result::Result<(), ()>,)| -> Result<()> {
        Err(wasmtime::Error::new(HostStop::Exit { success: status.is_ok() }))
    })
}

fn define_terminal_input(i: &mut Instance<'_>) -> Result<()> {
    resource::<TerminalInput>(i, "terminal-input")
}

fn define_terminal_output(i: &mut Instance<'_>) -> Result<()> {
    resource::<TerminalOutput>(i, "terminal-output")
}

fn define_terminal_stdin(i: &mut Instance<'_>) -> Result<()> {
    resource::<TerminalInput>(i, "terminal-input")?;
    i.func_wrap("get-terminal-stdin", |_: Cx<'_>, (): ()| Ok((None::<Resource<TerminalInput>>,)))
}

fn define_terminal_stdout(i: &mut Instance<'_>) -> Result<()> {
    resource::<TerminalOutput>(i, "terminal-output")?;
    i.func_wrap("get-terminal-stdout", |_: Cx<'_>, (): ()| Ok((None::<Resource<TerminalOutput>>,)))
}

fn define_terminal_stderr(i: &mut Instance<'_>) -> Result<()> {
    resource::<TerminalOutput>(i, "terminal-output")?;
    i.func_wrap("get-terminal-stderr", |_: Cx<'_>, (): ()| Ok((None::<Resource<TerminalOutput>>,)))
}

fn define_preopens(i: &mut Instance<'_>) -> Result<()> {
    resource::<Descriptor>(i, "descriptor")?;
    i.func_wrap("get-directories", |_: Cx<'_>, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}

fn define_filesystem(i: &mut Instance<'_>) -> Result<()> {
    io::alias_streams(i)?;
    resource::<Descriptor>(i, "descriptor")?;
    resource::<DirectoryEntryStream>(i, "directory-entry-stream")
}

fn resource<T: 'static>(i: &mut Instance<'_>, name: &str) -> Result<()> {
    i.resource(name, ResourceType::host::<T>(), |_, _| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::{ImportName, judge};

    #[test]
    fn imports_are_judged_by_interface_and_version() {
        for (name, verdict) in [
            ("wasi:io/poll@0.2.6", ImportName::Known),
            ("wasi:random/insecure-seed@0.2.0", ImportName::Known),
            ("skein:migration/log@0.1.0", ImportName::Known),
            ("skein:migration/log@0.2.0", ImportName::OtherContract),
            ("skein:migration/lookup@0.3.0", ImportName::OtherContract),
            ("skein:migration/lookup@0.1.0", ImportName::Forbidden),
            ("wasi:sockets/tcp@0.2.0", ImportName::Forbidden),
            ("wasi:io/poll@0.3.0", ImportName::Forbidden),
            ("wasi:io/poll@0.2.0-rc-1", ImportName::Forbidden),
            ("wasi:io/poll", ImportName::Forbidden),
            ("env", ImportName::Forbidden),
        ] {
            assert_eq!(judge(name), verdict, "{name}");
        }
    }
}
