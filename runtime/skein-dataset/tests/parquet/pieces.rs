//! Pieces that are kept for a later attempt: what is read is what was written, or nothing.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_buffer::BooleanBuffer;
use skein_dataset::parquet::{FragmentEncoder, OutputPlan, Piece};
use skein_types::Selection;

use crate::support::{To, batch, carry, grouped, int_field, open, parquet_of, plan};

/// A piece of every part: computed columns, and carried ones that lost a row.
fn kept() -> Vec<u8> {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let input = batch(vec![("n", Arc::clone(&numbers), false), ("m", numbers, false)]);
    let source = Arc::new(open(&parquet_of(&input, grouped(100))).unwrap());
    let plan = plan(&source, &[To::Compute(int_field("c")), carry("m")], "filtered");
    let output = Arc::new(OutputPlan::new(&source, &plan).unwrap());
    let mut encoder = FragmentEncoder::new(Arc::clone(&output), Arc::clone(&source), 0).unwrap();
    let computed: ArrayRef = Arc::new(Int64Array::from_iter((1..100).map(Some)));
    encoder.write(&batch(vec![("c", computed, true)])).unwrap();
    let selection = Selection::from_bits(BooleanBuffer::collect_bool(100, |row| row > 0));
    let piece = Piece::Fragment(encoder.finish(&selection).unwrap());
    let mut kept = Vec::new();
    Piece::written(&[piece], &serde_json::json!(7)).unwrap().write_to(&mut kept).unwrap();
    kept
}

#[test]
fn every_cut_and_every_flipped_byte_of_a_piece_is_seen() {
    let kept = kept();
    let (pieces, note) = Piece::read(&kept).unwrap();
    assert_eq!(note, 7);
    assert!(matches!(&pieces[..], [Piece::Fragment(fragment)] if fragment.rows() == 99));
    for cut in 0..kept.len() {
        assert!(Piece::read(&kept[..cut]).is_none(), "cut at {cut}");
    }
    for at in 0..kept.len() {
        let mut bad = kept.clone();
        bad[at] ^= 0x10;
        assert!(Piece::read(&bad).is_none(), "flipped at {at}");
    }
}

/// A hash that is right says only that the bytes are whole: they may be of another version.
#[test]
fn bytes_that_are_whole_and_make_no_sense_are_no_piece() {
    let kept = kept();
    let body = &kept[..kept.len() - 32];
    let rehashed = |body: &[u8]| [body, blake3::hash(body).as_bytes()].concat();
    assert!(Piece::read(&rehashed(body)).is_some());
    let mut more = body.to_vec();
    more.push(0);
    for bad in [&body[..body.len() - 1], &more, b"SKPIECE2", b""] {
        assert!(Piece::read(&rehashed(bad)).is_none());
    }
    for at in 0..body.len() {
        let mut bad = body.to_vec();
        bad[at] ^= 0x10;
        // Some of these are other pieces; none may end the process.
        drop(Piece::read(&rehashed(&bad)));
    }
}
