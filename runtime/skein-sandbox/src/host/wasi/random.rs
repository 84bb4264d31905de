//! `wasi:random`: a stream from the seed, the same for "secure" and "insecure".

use rand_core::Rng;
use wasmtime::Result;

use super::{Cx, Instance};
use crate::host::charge;

/// Most bytes of one call.
const BYTES_MAX: u64 = 64 * 1024;

pub(super) fn define_random(i: &mut Instance<'_>) -> Result<()> {
    define_bytes(i, "get-random-bytes")?;
    define_u64(i, "get-random-u64")
}

pub(super) fn define_insecure(i: &mut Instance<'_>) -> Result<()> {
    define_bytes(i, "get-insecure-random-bytes")?;
    define_u64(i, "get-insecure-random-u64")
}

pub(super) fn define_insecure_seed(i: &mut Instance<'_>) -> Result<()> {
    i.func_wrap("insecure-seed", |mut cx: Cx<'_>, (): ()| {
        charge(&mut cx, 16)?;
        let random = &mut cx.data_mut().random;
        Ok(((random.next_u64(), random.next_u64()),))
    })
}

fn define_bytes(i: &mut Instance<'_>, name: &str) -> Result<()> {
    i.func_wrap(name, |mut cx: Cx<'_>, (len,): (u64,)| {
        let len = usize::try_from(len.min(BYTES_MAX + 1)).unwrap_or(usize::MAX);
        if u64::try_from(len).is_ok_and(|len| len > BYTES_MAX) {
            wasmtime::bail!("more than {BYTES_MAX} random bytes in one call");
        }
        charge(&mut cx, len)?;
        let mut bytes = vec![0; len];
        cx.data_mut().random.fill_bytes(&mut bytes);
        Ok((bytes,))
    })
}

fn define_u64(i: &mut Instance<'_>, name: &str) -> Result<()> {
    i.func_wrap(name, |mut cx: Cx<'_>, (): ()| {
        charge(&mut cx, 8)?;
        Ok((cx.data_mut().random.next_u64(),))
    })
}
