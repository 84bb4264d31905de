//! `wasi:clocks`: virtual.

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lower, Resource};

use super::io::Pollable;
use super::{Cx, Instance};
use crate::host::charge;

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

pub(super) fn define_monotonic(i: &mut Instance<'_>) -> Result<()> {
    super::resource::<Pollable>(i, "pollable")?;
    i.func_wrap("now", |mut cx: Cx<'_>, (): ()| {
        charge(&mut cx, 0)?;
        Ok((cx.data_mut().time.monotonic(),))
    })?;
    i.func_wrap("resolution", |_: Cx<'_>, (): ()| Ok((1_000_u64,)))?;
    i.func_wrap("subscribe-instant", |mut cx: Cx<'_>, (until,): (u64,)| {
        charge(&mut cx, 0)?;
        cx.data_mut().time.advance_to(until);
        Ok((Resource::<Pollable>::new_own(0),))
    })?;
    i.func_wrap("subscribe-duration", |mut cx: Cx<'_>, (nanos,): (u64,)| {
        charge(&mut cx, 0)?;
        cx.data_mut().time.advance(nanos);
        Ok((Resource::<Pollable>::new_own(0),))
    })
}

pub(super) fn define_wall(i: &mut Instance<'_>) -> Result<()> {
    i.func_wrap("now", |mut cx: Cx<'_>, (): ()| {
        charge(&mut cx, 0)?;
        let (seconds, nanoseconds) = cx.data_mut().time.wall();
        Ok((Datetime { seconds, nanoseconds },))
    })?;
    i.func_wrap("resolution", |_: Cx<'_>, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1_000 },)))
}
