//! The body of the fuzz target, so that it keeps up with the crate: over sound answers and cut ones for every pick. And the
//! wrapper around it, compiled with the macro below in place of libFuzzer's.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use crate::fuzz_wrapper::answer::{decode, schema};

/// As libFuzzer's, but a function that a test can call.
macro_rules! fuzz_target {
    (|$input:ident: $of:ty| $body:block) => {
        pub(crate) fn fuzz($input: $of) {
            $body
        }
    };
}
pub(crate) use fuzz_target;

#[test]
fn the_fuzz_target_accepts_sound_answers_of_every_pick_and_survives_cut_ones() {
    for pick in 0..=u8::MAX {
        let schema = Arc::new(schema(pick));
        let mut input = vec![pick];
        let mut writer = StreamWriter::try_new(&mut input, &schema).unwrap();
        writer.write(&RecordBatch::new_empty(Arc::clone(&schema))).unwrap();
        writer.finish().unwrap();
        drop(writer);
        assert_eq!(decode(&input), Some(1), "{pick}: {schema}");
        for length in 0..input.len() - 8 {
            assert_eq!(decode(&input[..length]), None, "{pick} cut at {length}");
        }
    }
}

#[test]
fn the_wrapper_of_the_fuzz_target_takes_any_input() {
    for input in [&b""[..], b"a", b"ab"] {
        crate::fuzz_wrapper::fuzz(input);
    }
}

/// A batch of another version of Arrow is of another type, and the fuzz crate would not compile.
#[test]
fn the_fuzz_crate_pins_the_arrow_of_the_workspace() {
    let own = include_str!("../../fuzz/Cargo.toml");
    let workspace = include_str!("../../../../Cargo.lock");
    for name in ["arrow-array", "arrow-schema"] {
        let pinned = own.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"=")));
        let version = pinned.unwrap().trim_end_matches('"');
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(workspace.contains(&locked), "{name} {version}");
    }
}
