//! A guest's backtrace in the author's terms: which of their functions called which, innermost first.
//!
//! Names are the guest's own word (its name section) and may be anything: they are bounded and escaped like all its texts.
//! The ways of a panic, the standard library and the SDK's bindings say nothing about a migration and are left out; where
//! nothing else is left, or there are no names, what there is is shown. It does not read debug information, which is a
//! language of its own to be attacked in.

use rustc_demangle::demangle;
use wasmtime::FrameInfo;

use crate::instance::bounded;

/// Frames shown.
const SHOWN_MAX: usize = 20;
/// Bytes of a name before it is demangled: what comes out is no longer than a small multiple of it.
const NAME_MAX: usize = 1_024;

/// Beginnings of names that are not the author's.
const FOREIGN: [&str; 11] = [
    "std::",
    "core::",
    "alloc::",
    "__rust",
    "rust_begin_unwind",
    "rust_panic",
    "abort",
    "wasi",
    "__wasm",
    "skein_sdk::agent::",
    "wit_bindgen",
];

/// In whatever a name says: what the SDK's macro made between the contract and the author.
const BINDINGS: &str = "skein_sdk::bindings::";

/// Lines of a backtrace.
pub(crate) fn lines(frames: &[FrameInfo]) -> Vec<String> {
    let named = frames.iter().map(|frame| Named {
        name: frame.func_name().map(readable),
        function: frame.func_index(),
        offset: frame.module_offset(),
    });
    shown(&named.collect::<Vec<_>>())
}

/// A frame with its name, if it has one.
struct Named {
    name: Option<String>,
    function: u32,
    offset: Option<usize>,
}

fn shown(frames: &[Named]) -> Vec<String> {
    let own: Vec<&Named> = frames.iter().filter(|f| f.name.as_deref().is_some_and(is_authors)).collect();
    let kept = if own.is_empty() { frames.iter().collect() } else { own };
    kept.into_iter().take(SHOWN_MAX).map(line).collect()
}

fn line(frame: &Named) -> String {
    match (&frame.name, frame.offset) {
        (Some(name), _) => bounded(name.clone()),
        (None, Some(offset)) => format!("function {} at 0x{offset:x}", frame.function),
        (None, None) => format!("function {}", frame.function),
    }
}

/// A name as it was written, without its hash.
fn readable(name: &str) -> String {
    let name = &name[..name.floor_char_boundary(NAME_MAX)];
    let mut text = format!("{:#}", demangle(name));
    text.truncate(text.floor_char_boundary(NAME_MAX));
    text
}

/// Not of the standard library, a panic's way or the bindings. `<A as B>::f` is of whom A is.
fn is_authors(name: &str) -> bool {
    let of = name.trim_start_matches(['<', '&', '(', '[', '*']);
    let of = of.strip_prefix("mut ").unwrap_or(of);
    // Exports have the names of the contract, `skein:migration/migrate@0.1.0#process`.
    !name.contains('#') && !name.contains(BINDINGS) && !FOREIGN.iter().any(|foreign| of.starts_with(foreign))
}

#[cfg(test)]
mod tests {
    use super::{Named, readable, shown};

    fn frames(names: &[Option<&str>]) -> Vec<String> {
        let frame = |(at, name): (usize, &Option<&str>)| Named {
            name: name.map(readable),
            function: u32::try_from(at).unwrap(),
            offset: Some(16 * at),
        };
        shown(&names.iter().enumerate().map(frame).collect::<Vec<_>>())
    }

    #[test]
    fn the_authors_functions_are_left_with_readable_names() {
        let found = frames(&[
            Some("abort"),
            Some("_ZN3std9panicking20rust_panic_with_hook17h0123456789abcdefE"),
            Some("_ZN4core6option13unwrap_failed17h0123456789abcdefE"),
            Some("_ZN9orders_v25cents17h0123456789abcdefE"),
            Some("<orders_v2::OrdersV2 as skein_sdk::migration::Migration>::process"),
            Some("<orders_v2::_::Module as skein_sdk::bindings::module::Exported>::with"),
            Some("_ZN9skein_sdk5agent14Agent$LT$M$GT$7process17h0123456789abcdefE"),
            Some("skein:migration/migrate@0.1.0#process"),
        ]);
        let expected =
            ["orders_v2::cents", "<orders_v2::OrdersV2 as skein_sdk::migration::Migration>::process"];
        assert_eq!(found, expected);
    }

    #[test]
    fn without_names_or_with_foreign_ones_alone_everything_is_shown() {
        assert_eq!(frames(&[None, None]), ["function 0 at 0x0", "function 1 at 0x10"]);
        assert_eq!(frames(&[Some("abort"), Some("std::rt::start")]), ["abort", "std::rt::start"]);
    }

    #[test]
    fn names_are_bounded_and_cannot_command_a_terminal() {
        let found = frames(&[Some(&format!("f\u{1b}[2J{}", "x".repeat(100_000)))]);
        assert!(found[0].starts_with("f\\u{1b}[2Jxxx") && found[0].len() < 2_000, "{}", found[0].len());
        assert_eq!(frames(&[Some("mine"); 100]).len(), 20);
    }
}
