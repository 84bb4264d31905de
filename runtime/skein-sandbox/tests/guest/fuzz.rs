//! The body of the fuzz target, so that it keeps up with the crate: over sound answers and cut ones for every pick.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use crate::answer::{decode, schema};

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
