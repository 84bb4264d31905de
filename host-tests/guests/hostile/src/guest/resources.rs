//! Behaviours that use up something or look at the host.

use std::hint::black_box;
use std::thread::sleep;
use std::time::Duration;

use super::answers::LOUD;
use super::skein::migration::{log, metrics};

/// Whether `behave` is one of these; most do not come back.
pub(super) fn uses_up(behave: &str) -> bool {
    match behave {
        #[expect(clippy::panic, reason = "the behaviour asked for")]
        "panic" => panic!("the hostile guest panics"),
        #[expect(clippy::panic, reason = "the behaviour asked for")]
        "panic-loud" => panic!("{LOUD}"),
        "unreachable" => core::arch::wasm32::unreachable(),
        "exit" => std::process::exit(0),
        "loop" => spin(u64::MAX),
        "work" => spin(100_000_000),
        "recurse" => drop(black_box(recurse(black_box(1 << 40)))),
        "grow" => grow(),
        "sleep" => sleep(Duration::from_secs(86_400)),
        "log" => flood(|n| log::write(log::Level::Info, "again", &[("n".to_owned(), n.to_string())])),
        "print" => flood(|n| say(&format!("line {n}"))),
        "print-unfinished" => flood(|_| say_unfinished()),
        "count" => flood(|n| metrics::count(&format!("name {n}"), 1)),
        "gauge" => flood(|n| metrics::gauge(&format!("name {n}"), 0.5)),
        _ => return false,
    }
    true
}

fn spin(times: u64) {
    let mut x = 1_u64;
    for n in 0..times {
        x = black_box(x.wrapping_mul(31).wrapping_add(n));
    }
}

/// Each step needs the result of the next, so that no compiler makes a loop of it.
#[inline(never)]
fn recurse(n: u64) -> u64 {
    if n == 0 { 0 } else { recurse(n - 1).wrapping_mul(3) ^ n }
}

fn grow() {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![1; 1 << 20]);
        black_box(&held);
    }
}

fn flood(mut once: impl FnMut(u64)) {
    (0..1_000_000).for_each(&mut once);
}

#[expect(clippy::print_stdout, reason = "the behaviour asked for")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the behaviour asked for")]
fn say_unfinished() {
    eprint!("no end of line ");
}
