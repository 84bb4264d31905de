//! Each way of misbehaving has its code, and the next agent in the same process works.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::{NullArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use skein_sandbox::preflight::decoder_panics;
use skein_sandbox::{CancelFlag, GuestError, Limits, Source};
use skein_types::{Bytes, Code, Fuel, Millis, Rows, Shape, StateKind, codes};

use crate::support::{FIRST, ROWS, Start, assert_healthy, batch, engine, hostile, limits, load, source};

fn shaped(shape: Shape) -> Start {
    Start { shape, ..Start::default() }
}

fn limited(limits: Limits) -> Start {
    Start { limits, ..Start::default() }
}

/// What `process` of each behaviour ends with; all that differ are named.
fn assert_codes(shape: Shape, expected: &[(&str, Code)]) {
    let mut wrong = Vec::new();
    for (behave, code) in expected {
        match shaped(shape).process(behave) {
            Ok(_) => wrong.push(format!("{behave}: nothing was noticed")),
            Err(error) if error.code().id == code.id => {}
            Err(error) => wrong.push(format!("{behave}: {error} ({})", error.code())),
        }
        assert_healthy();
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn whoever_behaves_gets_through_with_bytes_of_its_own_making() {
    assert_healthy();
    let processed = Start::default().process("by-hand").unwrap();
    assert_eq!(processed.data.iter().map(|b| b.num_rows()).collect::<Vec<_>>(), [ROWS]);
    let numbers = processed.data[0].column(0);
    assert_eq!(numbers, batch(ROWS).column(0));
}

#[test]
fn using_up_a_resource_ends_with_the_limits_code() {
    assert_codes(
        Shape::Same,
        &[
            ("panic", codes::GUEST_TRAP),
            ("unreachable", codes::GUEST_TRAP),
            ("exit", codes::GUEST_TRAP),
            ("loop", codes::GUEST_FUEL),
            ("recurse", codes::GUEST_STACK),
            ("grow", codes::GUEST_MEMORY),
            ("log", codes::GUEST_LOG_FLOOD),
            ("print", codes::GUEST_LOG_FLOOD),
            ("count", codes::GUEST_METRICS_FLOOD),
            ("gauge", codes::GUEST_METRICS_FLOOD),
            ("fail", codes::GUEST_FAILURE),
            ("fail-open", codes::GUEST_FAILURE),
            ("drain-forever", codes::GUEST_ENDLESS_DRAIN),
            ("huge-answer", codes::GUEST_OUTPUT_TOO_LARGE),
        ],
    );
}

#[test]
fn a_panic_says_what_it_said() {
    let error = Start::default().process("panic").unwrap_err();
    let GuestError::Trap { panic: Some(panic), .. } = &error else { panic!("{error:?}") };
    assert!(panic.contains("the hostile guest panics"), "{panic}");
}

#[test]
fn unfinished_lines_do_not_pile_up_on_the_host() {
    let mut agent = Start::default().agent("print-unfinished").unwrap();
    let outcome = agent.process(FIRST, &batch(ROWS));
    assert!(outcome.is_err() || outcome.is_ok_and(|p| p.selection.kept() == ROWS));
    assert!(agent.log().iter().all(|line| line.message.len() <= 8192), "a line is bounded");
    assert_healthy();
}

#[test]
fn a_loop_with_fuel_for_ever_ends_with_the_wall_limit() {
    let limit = Millis(100);
    let forever = Limits { fuel_per_call: Fuel(u64::MAX / 2), fuel_per_task: Fuel(u64::MAX / 2), ..limits() };
    let mut overshoot = Vec::new();
    for _ in 0..5 {
        let start = limited(Limits { wall_per_call: limit, ..forever.clone() });
        let mut agent = start.agent("loop").unwrap();
        let given = batch(ROWS);
        let begin = Instant::now();
        let error = agent.process(FIRST, &given).unwrap_err();
        assert_eq!(error.code().id, codes::GUEST_WALL.id, "{error}");
        overshoot.push(begin.elapsed().saturating_sub(Duration::from_millis(limit.0)));
        assert_healthy();
    }
    overshoot.sort_unstable();
    eprintln!("overshoot of a wall stop: median {:?}, worst {:?}", overshoot[2], overshoot[4]);
    let task = limited(Limits { wall_per_task: limit, ..forever });
    let error = task.process("loop").unwrap_err();
    assert!(matches!(error, GuestError::Wall { scope: "task", .. }), "{error:?}");
}

#[test]
fn a_loop_is_cancelled_from_another_thread() {
    let cancel = CancelFlag::default();
    let forever = Limits { fuel_per_call: Fuel(u64::MAX / 2), fuel_per_task: Fuel(u64::MAX / 2), ..limits() };
    let start = Start { cancel: cancel.clone(), limits: forever, ..Start::default() };
    let mut agent = start.agent("loop").unwrap();
    let given = batch(ROWS);
    let runner = thread::spawn(move || agent.process(FIRST, &given).unwrap_err());
    cancel.cancel();
    assert_eq!(runner.join().unwrap().code().id, codes::CANCELLED.id);
    assert_healthy();
}

#[test]
fn a_day_of_sleep_is_over_at_once() {
    let begin = Instant::now();
    Start::default().process("sleep").unwrap();
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn fuel_for_the_task_ends_it_as_a_task() {
    let limits = Limits { fuel_per_task: Fuel(1_000_000_000), ..limits() };
    let error = limited(limits).process("loop").unwrap_err();
    assert!(matches!(error, GuestError::Fuel { scope: "task", .. }), "{error:?}");
}

#[test]
fn forged_arrow_is_refused_before_the_decoder_can_trip() {
    let forged = codes::GUEST_FORGED_ARROW;
    let behaviours = [
        "forged-past",
        "forged-overflow",
        "forged-negative",
        "forged-unaligned",
        "forged-short",
        "forged-no-offsets",
        "forged-ragged",
        "forged-same-bytes",
        "forged-overlap",
        "forged-backwards",
        "forged-nodes",
        "forged-node-length",
        "forged-null-count",
        "forged-buffers",
        "forged-rows",
        "forged-version",
        "forged-dictionary",
        "forged-tensor",
        "forged-offsets-back",
        "forged-offsets-past",
        "forged-offsets-negative",
        "forged-utf8",
        "forged-empty",
        "forged-garbage",
        "forged-cut",
        "forged-no-end",
        "forged-after-end",
        "forged-no-schema",
        "forged-two-schemas",
        "forged-flatbuffer",
        "huge-body",
        "huge-metadata",
        "huge-node",
        "many-batches",
    ];
    assert_codes(Shape::Same, &behaviours.map(|behave| (behave, forged)));
    assert_eq!(decoder_panics(), 0, "the preflight noticed first");
}

#[test]
fn answers_that_are_sound_but_not_what_was_planned_have_codes_of_their_own() {
    assert_codes(
        Shape::Same,
        &[
            ("compressed", codes::GUEST_COMPRESSED_ARROW),
            ("huge-rows", codes::GUEST_OUTPUT_TOO_LARGE),
            ("nulls", codes::GUEST_NULLS),
            ("schema-name", codes::GUEST_WRONG_SCHEMA),
            ("schema-type", codes::GUEST_WRONG_SCHEMA),
            ("schema-fewer", codes::GUEST_WRONG_SCHEMA),
            ("no-data", codes::GUEST_WRONG_ROWS),
            ("fewer-rows", codes::GUEST_WRONG_ROWS),
            ("more-rows", codes::GUEST_WRONG_ROWS),
        ],
    );
}

#[test]
fn a_selection_that_does_not_fit_is_refused() {
    let bad = codes::GUEST_BAD_SELECTION;
    let bitmaps = [("kept-short", bad), ("kept-long", bad), ("kept-tail", bad), ("drain-kept", bad)];
    assert_codes(Shape::Filtered, &bitmaps);
    assert_codes(Shape::Same, &[("kept", bad)]);
    assert_codes(Shape::Free, &[("kept", bad)]);
    assert_eq!(shaped(Shape::Filtered).process("kept").unwrap().selection.kept(), 0);
}

#[test]
fn rejects_name_rows_of_their_batch_once_and_in_order() {
    let bad = codes::GUEST_BAD_REJECT;
    for shape in [Shape::Same, Shape::Free] {
        assert_codes(
            shape,
            &[
                ("reject-before", bad),
                ("reject-after", bad),
                ("reject-far", bad),
                ("reject-twice", bad),
                ("reject-backwards", bad),
                ("drain-rejects", bad),
            ],
        );
    }
    let processed = Start::default().process("reject-all").unwrap();
    let rows: Vec<u64> = processed.rejects.iter().map(|r| r.row).collect();
    assert_eq!(rows, (FIRST..FIRST + 13).collect::<Vec<_>>());
    let few = limited(Limits { rejects: 12, ..limits() });
    assert_eq!(few.process("reject-all").unwrap_err().code().id, codes::GUEST_REJECTS.id);
    assert_healthy();
}

#[test]
fn output_out_of_proportion_is_an_expansion_before_it_fills_the_host() {
    let limits = || Limits { expansion: 4, expansion_floor: Bytes(0), ..limits() };
    let mut agent =
        Start { shape: Shape::Free, limits: limits(), ..Start::default() }.agent("drain-data").unwrap();
    let error = agent.process(FIRST, &batch(ROWS)).unwrap_err();
    assert_eq!(error.code().id, codes::GUEST_EXPANSION.id, "{error}");
    let usage = agent.usage();
    assert!(usage.bytes_out.0 <= 6 * usage.bytes_in.0, "stopped at the first answer too many: {usage:?}");
    let wordy = Start { limits: limits(), ..Start::default() };
    assert_eq!(wordy.process("reject-wordy").unwrap_err().code().id, codes::GUEST_EXPANSION.id);
    assert_healthy();
}

/// Bytes of one answer that gives the test batch back.
fn answer_bytes() -> u64 {
    let mut agent = Start::default().agent("").unwrap();
    agent.process(FIRST, &batch(ROWS)).unwrap();
    agent.usage().bytes_out.0
}

fn of_batch(bytes: u64, shape: Shape) -> Start {
    let limits = Limits { output_bytes_per_batch: Bytes(bytes), ..limits() };
    Start { shape, state_kind: StateKind::Sequential, limits, ..Start::default() }
}

#[test]
fn answers_to_one_batch_are_limited_together() {
    let three = 3 * answer_bytes();
    for bytes in [three, three + 1] {
        let data = of_batch(bytes, Shape::Free).process("drain-twice").unwrap().data;
        assert_eq!(data, vec![batch(ROWS); 3]);
    }
    let error = of_batch(three - 1, Shape::Free).process("drain-twice").unwrap_err();
    let limit = Bytes(three - 1);
    assert_eq!(error, GuestError::BatchOutput { call: "drain", limit });
    assert_eq!(error.to_string(), format!("drain: more than {limit} of answers to one batch"));
    assert_healthy();
    // Each batch has its own: what a task gives over time is held to the expansion alone.
    let mut agent = of_batch(three, Shape::Free).agent("drain-twice").unwrap();
    for _ in 0..10 {
        assert_eq!(agent.process(FIRST, &batch(ROWS)).unwrap().data.len(), 3);
    }
    let endless = of_batch(three, Shape::Free).process("drain-data").unwrap_err();
    assert_eq!(endless.code().id, codes::GUEST_BATCH_OUTPUT.id, "{endless}");
    let wordy = of_batch(100_000, Shape::Same).process("reject-wordy").unwrap_err();
    assert_eq!(wordy.code().id, codes::GUEST_BATCH_OUTPUT.id, "{wordy}");
    assert_healthy();
}

#[test]
fn answers_from_finish_on_are_limited_together() {
    let three = 3 * answer_bytes();
    let finish = |bytes| {
        let mut agent = of_batch(bytes, Shape::Free).agent("finish-thrice").unwrap();
        agent.process(FIRST, &batch(ROWS)).unwrap();
        agent.finish()
    };
    for bytes in [three, three + 1] {
        assert_eq!(finish(bytes).unwrap(), vec![batch(ROWS); 3]);
    }
    assert_eq!(finish(three - 1).unwrap_err().code().id, codes::GUEST_BATCH_OUTPUT.id);
    assert_healthy();
}

#[test]
fn rows_without_bytes_count_all_the_same() {
    let null = |name| Field::new(name, DataType::Null, true);
    let schema = Arc::new(Schema::new(vec![null("n"), null("s")]));
    let given = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::new(NullArray::new(ROWS)), Arc::new(NullArray::new(ROWS))],
    );
    let source = Source { schema, ..source("drain-nulls", Shape::Free) };
    let mut agent = of_batch(9 << 20, Shape::Free).agent_over(hostile(), &source).unwrap();
    let error = agent.process(FIRST, &given.unwrap()).unwrap_err();
    assert_eq!(error.code().id, codes::GUEST_BATCH_OUTPUT.id, "{error}");
    let usage = agent.usage();
    // Two columns of 2^20 rows an answer: the fifth is the first too many.
    assert_eq!((usage.calls, usage.rows_out), (7, Rows(5 << 20)), "{usage:?}");
    assert_healthy();
}

#[test]
fn state_past_its_limit_is_refused_and_none_is_none() {
    let roomy = Limits { output_bytes_per_call: Bytes::mib(8), ..limits() };
    let mut agent = limited(roomy).agent("save-much").unwrap();
    assert_eq!(agent.save().map(drop).unwrap_err().code().id, codes::GUEST_STATE_TOO_LARGE.id);
    assert_eq!(agent.save().unwrap_err(), GuestError::Spent);
    assert_eq!(Start::default().agent("").unwrap().save(), Ok(None));
}

#[test]
fn finish_of_a_module_without_state_answers_nothing() {
    for shape in [Shape::Same, Shape::Free] {
        for behave in ["finish-rows", "finish-kept", "finish-rejects"] {
            let mut agent = shaped(shape).agent(behave).unwrap();
            agent.process(FIRST, &batch(ROWS)).unwrap();
            let error = agent.finish().unwrap_err();
            assert_eq!(error.code().id, codes::GUEST_FINISH_OUTPUT.id, "{behave}: {error}");
            assert_healthy();
        }
    }
    assert_eq!(Start::default().agent("").unwrap().finish(), Ok(Vec::new()));
}

#[test]
fn a_spent_agent_answers_nothing_more() {
    let mut agent = Start::default().agent("fewer-rows").unwrap();
    assert_eq!(agent.process(FIRST, &batch(ROWS)).unwrap_err().code().id, codes::GUEST_WRONG_ROWS.id);
    assert_eq!(agent.process(FIRST, &batch(ROWS)).unwrap_err(), GuestError::Spent);
    assert_eq!(agent.finish().unwrap_err(), GuestError::Spent);
}

#[test]
fn a_full_pool_makes_others_wait_and_is_nobodys_trap() {
    let own = load(&engine(), "guest-hostile");
    let held: Vec<_> = (0..256).map(|_| Start::default().agent_of(&own, "").unwrap()).collect();
    let cancel = CancelFlag::default();
    cancel.cancel();
    let late = Start { cancel, ..Start::default() }.agent_of(&own, "").unwrap_err();
    assert_eq!(late.code().id, codes::CANCELLED.id, "{late}");
    drop(held);
    Start::default().agent_of(&own, "").unwrap();
}
