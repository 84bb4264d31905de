//! `wasi:io` and the standard streams: input is at its end, output goes to the log, everything is always ready.

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use super::{Cx, Instance, resource};
use crate::host::charge;
use crate::host::log::LogSource;

/// Kinds of handles. None has a value on the host.
pub(super) struct Pollable;
pub(super) struct IoError;
pub(super) struct InputStream;
pub(super) struct OutputStream;

/// Numbers of the output streams' handles.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// How much a guest is told that it may write at once.
const WRITE_BYTES: u64 = 4096;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Answer<T> = std::result::Result<T, StreamError>;

pub(super) fn define_stdin(i: &mut Instance<'_>) -> Result<()> {
    resource::<InputStream>(i, "input-stream")?;
    i.func_wrap("get-stdin", |_: Cx<'_>, (): ()| Ok((Resource::<InputStream>::new_own(0),)))
}

pub(super) fn define_stdout(i: &mut Instance<'_>) -> Result<()> {
    resource::<OutputStream>(i, "output-stream")?;
    i.func_wrap("get-stdout", |_: Cx<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(STDOUT),)))
}

pub(super) fn define_stderr(i: &mut Instance<'_>) -> Result<()> {
    resource::<OutputStream>(i, "output-stream")?;
    i.func_wrap("get-stderr", |_: Cx<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))
}

pub(super) fn define_error(i: &mut Instance<'_>) -> Result<()> {
    resource::<IoError>(i, "error")?;
    i.func_wrap("[method]error.to-debug-string", |_: Cx<'_>, (_,): (Resource<IoError>,)| {
        Ok(("no such thing in a migration".to_owned(),))
    })
}

pub(super) fn define_poll(i: &mut Instance<'_>) -> Result<()> {
    resource::<Pollable>(i, "pollable")?;
    i.func_wrap("[method]pollable.ready", |_: Cx<'_>, (_,): (Resource<Pollable>,)| Ok((true,)))?;
    i.func_wrap("[method]pollable.block", |_: Cx<'_>, (_,): (Resource<Pollable>,)| Ok(()))?;
    i.func_wrap("poll", |mut cx: Cx<'_>, (all,): (Vec<Resource<Pollable>>,)| {
        charge(&mut cx, all.len().saturating_mul(4))?;
        if all.is_empty() {
            wasmtime::bail!("poll of nothing would never end");
        }
        Ok(((0..).take(all.len()).collect::<Vec<u32>>(),))
    })
}

/// The resources that streams are made of, under the names that every user of them has.
pub(super) fn alias_streams(i: &mut Instance<'_>) -> Result<()> {
    resource::<IoError>(i, "error")?;
    resource::<InputStream>(i, "input-stream")?;
    resource::<OutputStream>(i, "output-stream")
}

pub(super) fn define_streams(i: &mut Instance<'_>) -> Result<()> {
    alias_streams(i)?;
    resource::<Pollable>(i, "pollable")?;
    define_input(i)?;
    define_output(i)
}

fn define_input(i: &mut Instance<'_>) -> Result<()> {
    type Input = (Resource<InputStream>, u64);
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        i.func_wrap(name, |_: Cx<'_>, (_, _): Input| Ok((Answer::<Vec<u8>>::Err(StreamError::Closed),)))?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        i.func_wrap(name, |_: Cx<'_>, (_, _): Input| Ok((Answer::<u64>::Err(StreamError::Closed),)))?;
    }
    i.func_wrap("[method]input-stream.subscribe", |_: Cx<'_>, (_,): (Resource<InputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })
}

fn define_output(i: &mut Instance<'_>) -> Result<()> {
    type Output = Resource<OutputStream>;
    i.func_wrap("[method]output-stream.check-write", |_: Cx<'_>, (_,): (Output,)| {
        Ok((Answer::<u64>::Ok(WRITE_BYTES),))
    })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        i.func_wrap(name, |mut cx: Cx<'_>, (stream, bytes): (Output, Vec<u8>)| {
            charge(&mut cx, bytes.len())?;
            let source = if stream.rep() == STDERR { LogSource::Stderr } else { LogSource::Stdout };
            cx.data_mut().log.print(source, &bytes).map_err(wasmtime::Error::new)?;
            Ok((Answer::<()>::Ok(()),))
        })?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        i.func_wrap(name, |_: Cx<'_>, (_,): (Output,)| Ok((Answer::<()>::Ok(()),)))?;
    }
    i.func_wrap("[method]output-stream.subscribe", |_: Cx<'_>, (_,): (Output,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })
}
