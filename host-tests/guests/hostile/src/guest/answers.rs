//! Behaviours that answer something wrong.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::arrow::{END, Message, schema, stream};
use super::skein::migration::config;
use super::skein::migration::types::{Batch, Failure, Output, Reject};
use super::{drained, last_input, nothing};

/// Clears the screen of whoever prints it as it is.
pub(super) const LOUD: &str = "\u{1b}[2Jowned\r\n\u{7}";
/// Traps who was asked to on meeting it.
const POISON: &[u8] = b"poison";

pub(super) fn process(behave: &str, b: Batch) -> Result<Output, Failure> {
    if behave == "fail" {
        return Err(Failure { code: "no".to_owned(), message: "not this batch".to_owned() });
    }
    if behave == "fail-loud" {
        return Err(Failure { code: LOUD.to_owned(), message: LOUD.to_owned() });
    }
    match behave {
        "tell-fail" => return Err(Failure { code: secret(), message: format!("the key is {}", secret()) }),
        #[expect(clippy::panic, reason = "the behaviour asked for")]
        "tell-panic" => panic!("the key is {:?}", secret()),
        // A bad value in one dataset of many. Text of a batch lies in its body as it is.
        "trap-on-poison" if b.data.windows(POISON.len()).any(|some| some == POISON) => {
            core::arch::wasm32::unreachable()
        }
        _ => {}
    }
    let (kept, rejects) = (kept(behave, b.rows), rejects(behave, b.first_row, b.rows));
    let more = behave.starts_with("drain-");
    Ok(Output { data: data(behave, &b), kept, rejects, more })
}

pub(super) fn drain(behave: &str) -> Output {
    let kept = (behave == "drain-kept").then(Vec::new);
    let rejects = if behave == "drain-rejects" { vec![reject(0)] } else { Vec::new() };
    let data = match behave {
        "drain-data" | "drain-twice" | "finish-thrice" => Some(last_input()),
        "drain-nulls" => Some(nulls()),
        _ => None,
    };
    let more = match behave {
        "drain-kept" => false,
        "drain-twice" | "finish-thrice" => drained() < 2,
        _ => true,
    };
    Output { kept, data, rejects, more }
}

pub(super) fn finish(behave: &str) -> Output {
    match behave {
        "finish-thrice" => Output { data: Some(last_input()), more: true, ..nothing() },
        "finish-rows" => Output { data: Some(last_input()), ..nothing() },
        "finish-kept" => Output { kept: Some(vec![1]), ..nothing() },
        "finish-rejects" => Output { rejects: vec![reject(0)], ..nothing() },
        _ => nothing(),
    }
}

/// Under a schema of null columns: many rows, hardly a byte.
fn nulls() -> Vec<u8> {
    stream(&last_input(), &[Message::nulls(1 << 20).bytes()])
}

fn kept(behave: &str, rows: u32) -> Option<Vec<u8>> {
    let bytes = rows.div_ceil(8) as usize;
    match behave {
        "kept-short" => Some(vec![0xff; bytes - 1]),
        "kept-long" => Some(vec![0xff; bytes + 1]),
        // Only with a number of rows that fills no byte.
        "kept-tail" => Some(vec![0xff; bytes]),
        "kept" => Some(vec![0; bytes]),
        _ => None,
    }
}

/// What nobody else should hear.
pub(super) fn secret() -> String {
    String::from_utf8_lossy(&config::secret("pepper").unwrap_or_default()).into_owned()
}

fn reject(row: u64) -> Reject {
    Reject { row, code: "bad".to_owned(), message: "a row".to_owned() }
}

fn rejects(behave: &str, first: u64, rows: u32) -> Vec<Reject> {
    let end = first + u64::from(rows);
    match behave {
        "reject-before" => vec![reject(first.wrapping_sub(1))],
        "reject-after" => vec![reject(end)],
        "reject-far" => vec![reject(u64::MAX)],
        "reject-twice" => vec![reject(first), reject(first)],
        "reject-backwards" => vec![reject(first + 1), reject(first)],
        "reject-all" => (first..end).map(reject).collect(),
        "tell-reject" => {
            let told = |row| Reject { row, code: secret(), message: format!("the key is {}", secret()) };
            (first..end).map(told).collect()
        }
        "reject-wordy" => {
            (first..end).map(|row| Reject { message: "w".repeat(60_000), ..reject(row) }).collect()
        }
        _ => Vec::new(),
    }
}

fn data(behave: &str, b: &Batch) -> Option<Vec<u8>> {
    let sound = || Message::sound(b.rows);
    let one = |message: Message| Some(stream(&b.data, &[message.bytes()]));
    match behave {
        "no-data" | "reject-all" | "tell-reject" | "kept" => None,
        "by-hand" => one(sound()),
        "fewer-rows" => one(Message::sound(b.rows - 1)),
        "more-rows" => one(Message::sound(b.rows + 1)),
        "many-batches" => Some(stream(&b.data, &vec![Message::sound(0).bytes(); 2000])),
        "preserved-changed" => {
            let numbers: Vec<i64> = (0..i64::from(b.rows)).map(|n| n + 1_000_000).collect();
            one(Message::with(&numbers, &vec![b'x'; b.rows as usize], |row| row))
        }
        "compressed" => one(Message { compressed: true, ..sound() }),
        "observe" => one(observe(b.rows)),
        "drain-nulls" => Some(nulls()),
        "huge-answer" => Some(vec![0; 3 << 20]),
        "huge-rows" => one(Message { rows: i64::MAX, ..sound() }),
        "huge-node" => one(Message { nodes: vec![(i64::MAX, 0), (i64::from(b.rows), 0)], ..sound() }),
        "huge-body" => one(Message { body_length: i64::MAX & !7, ..sound() }),
        "huge-metadata" => {
            let mut bytes = schema(&b.data).to_vec();
            bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xf8, 0xff, 0xff, 0x7f]);
            Some(bytes)
        }
        _ => forged(behave, b).or_else(|| Some(b.data.clone())),
    }
}

fn forged(behave: &str, b: &Batch) -> Option<Vec<u8>> {
    let rows = i64::from(b.rows);
    let sound = || Message::sound(b.rows);
    let numbers: Vec<i64> = (0..rows).collect();
    let letters = vec![b'x'; b.rows as usize];
    let buffers = |at: usize, buffer| {
        let mut message = sound();
        message.buffers[at] = buffer;
        message
    };
    let message = match behave {
        "forged-past" => buffers(1, (0, 1 << 40)),
        "forged-overflow" => buffers(1, (i64::MAX & !7, i64::MAX)),
        "forged-negative" => buffers(1, (-8, 8)),
        "forged-unaligned" => buffers(1, (4, 8 * rows)),
        "forged-short" => buffers(1, (0, 8)),
        "forged-no-offsets" => buffers(3, (0, 0)),
        // Offsets and a byte more, with room for it: no whole number of offsets.
        "forged-ragged" => {
            let mut message = sound();
            message.buffers[3].1 += 1;
            message.move_letters_back();
            message
        }
        // The bytes of `n` once more, as texts and as offsets.
        "forged-same-bytes" => buffers(4, sound().buffers[1]),
        "forged-overlap" => {
            let (offset, length) = sound().buffers[4];
            buffers(4, (offset - 8, length))
        }
        "forged-backwards" => {
            let mut message = sound();
            message.move_numbers_back();
            message
        }
        "forged-nodes" => Message { nodes: vec![(rows, 0)], ..sound() },
        "forged-node-length" => Message { nodes: vec![(rows, 0), (rows - 1, 0)], ..sound() },
        "forged-null-count" => Message { nodes: vec![(rows, 0), (rows, rows + 1)], ..sound() },
        "forged-buffers" => Message { buffers: Vec::new(), ..sound() },
        "forged-rows" => Message { rows: -1, ..sound() },
        "forged-version" => Message { version: 3, ..sound() },
        "forged-dictionary" => Message { kind: 2, ..sound() },
        "forged-tensor" => Message { kind: 4, ..sound() },
        "forged-offsets-back" => {
            Message::with(&numbers, &letters, |row| if row == 1 { 3 } else { row.min(2) })
        }
        "forged-offsets-past" => Message::with(&numbers, &letters, |row| row * 1000),
        "forged-offsets-negative" => Message::with(&numbers, &letters, |row| -row),
        "forged-utf8" => Message::with(&numbers, &vec![0xff; b.rows as usize], |row| row),
        // The first byte of validity, at the body's start, is that of row 0: null.
        "nulls" => {
            let mut message = buffers(0, (0, 8));
            message.nodes[0].1 = 1;
            message
        }
        _ => return broken_stream(behave, b),
    };
    Some(stream(&b.data, &[message.bytes()]))
}

fn broken_stream(behave: &str, b: &Batch) -> Option<Vec<u8>> {
    let (schema, batch) = (schema(&b.data), Message::sound(b.rows).bytes());
    match behave {
        "forged-empty" => Some(Vec::new()),
        "forged-garbage" => Some(vec![0xa5; 4096]),
        "forged-cut" => Some(b.data[..b.data.len() - 16].to_vec()),
        "forged-no-end" => Some([schema, &batch].concat()),
        "forged-after-end" => Some([schema, &batch, &END, &END].concat()),
        "forged-no-schema" => Some([&batch[..], &END].concat()),
        "forged-two-schemas" => Some([schema, schema, &batch, &END].concat()),
        // A root offset far outside.
        "forged-flatbuffer" => {
            let mut batch = batch;
            batch[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
            Some(stream(&b.data, &[batch]))
        }
        _ => None,
    }
}

/// Clocks and randomness as numbers, twice each.
#[expect(clippy::disallowed_methods, reason = "the host's virtual clock is what is looked at")]
fn observe(rows: u32) -> Message {
    let wall = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let start = Instant::now();
    let random = || RandomState::new().hash_one(1);
    let seen = [wall(), random(), start.elapsed().as_nanos() as u64, wall(), random()];
    let numbers: Vec<i64> = (0..rows as usize).map(|row| seen[row % seen.len()].cast_signed()).collect();
    Message::with(&numbers, &vec![b'x'; rows as usize], |row| row)
}
