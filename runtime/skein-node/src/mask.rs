//! Secrets of a run, taken out of whatever its module says.
//!
//! A module gets secrets and may put them into its words: the reason of a reject, a failure, a panic, the name of a counter. Those end up on
//! terminals, in logs and in quarantines, so they pass here first, where a run's agents hand them over. Not what a module
//! writes into columns: that is data, and who may read it is the dataset's business.
//!
//! A module that reads a column whose values are shown to nobody may put those into its words too, in whatever form. Of such a
//! one nothing is told but the codes of its rejects, where they are words and no value of their row is in them; the quarantine,
//! which has the rows themselves, has the reasons too.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use skein_sandbox::{GuestError, Processed, Reject, Seed, Usage};
use skein_types::{Bytes, Fuel};

use crate::agent::Agent;
use crate::journal::{At, Journal, is_word};
use crate::meters::Meters;
use crate::telling::Values;

pub(crate) const MASKED: &str = "***";
/// Stands for what a module says that reads sensitive columns.
pub(crate) const HUSHED: &str = "(not shown: the module reads sensitive columns)";
/// The sandbox cuts words at 4 KiB; shorter ones are whole, but for what it escaped.
const MAYBE_CUT: usize = 4000;

/// The forms in which secrets may be found in text.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    /// Longer ones first: one may be part of another.
    words: Vec<String>,
    /// Nothing that the module says is told.
    hush: bool,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").finish_non_exhaustive()
    }
}

impl Mask {
    /// As they are, as texts in quotes and names with control characters are printed, and as binary columns print them.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut words: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            words.push(secret.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")));
            if let Ok(text) = std::str::from_utf8(secret) {
                let named =
                    |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
                words.extend([
                    text.to_owned(),
                    text.escape_debug().to_string(),
                    text.chars().map(named).collect(),
                ]);
            }
        }
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        Self { words, hush: false }
    }

    /// Of a module that reads sensitive columns.
    pub(crate) fn hushed(&self) -> Self {
        Self { words: self.words.clone(), hush: true }
    }

    /// Whether nothing that the module says is told.
    pub(crate) const fn hushes(&self) -> bool {
        self.hush
    }

    /// Bytes of the longest form.
    pub(crate) fn longest(&self) -> usize {
        self.words.first().map_or(0, String::len)
    }

    /// The text without secrets. `cut`: it goes on where nobody sees it, so it may end within one.
    pub(crate) fn text(&self, text: &str, cut: bool) -> String {
        if self.hush {
            return HUSHED.to_owned();
        }
        self.without_secrets(text, cut)
    }

    fn without_secrets(&self, text: &str, cut: bool) -> String {
        let mut text = text.to_owned();
        for word in &self.words {
            text = text.replace(word.as_str(), MASKED);
        }
        if cut {
            self.words.iter().for_each(|word| trim_beginning_of(word, &mut text));
        }
        text
    }

    /// Words that the sandbox has bounded.
    pub(crate) fn words(&self, words: String) -> String {
        if self.hush {
            return HUSHED.to_owned();
        }
        self.kept_words(words)
    }

    /// The same for where the rows themselves are kept.
    fn kept_words(&self, words: String) -> String {
        if self.words.is_empty() { words } else { self.without_secrets(&words, words.len() >= MAYBE_CUT) }
    }

    /// Counters by name. Names that differ only in a secret are one.
    fn names(&self, counters: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        if self.words.is_empty() && !self.hush {
            return counters;
        }
        let mut masked = BTreeMap::<String, u64>::new();
        for (name, by) in counters {
            let sum = masked.entry(self.text(&name, false)).or_default();
            *sum = sum.saturating_add(by);
        }
        masked
    }

    pub(crate) fn error(&self, error: GuestError) -> GuestError {
        let error = error.with_words(|words| self.kept_words(words));
        if self.hush { hushed(error) } else { error }
    }
}

/// The error without what its module says; the host's words stay.
fn hushed(mut error: GuestError) -> GuestError {
    if let GuestError::Failure { code, message, .. } | GuestError::Rejects { code, message, .. } = &mut error
    {
        MASKED.clone_into(code);
        HUSHED.clone_into(message);
    }
    if let GuestError::Trap { panic: Some(panic), .. } = &mut error {
        HUSHED.clone_into(panic);
    }
    error
}

/// What a module says without rows before it is compared with none.
pub(crate) const NO_ROWS: fn(&str) -> bool = |_| false;

fn trim_beginning_of(secret: &str, text: &mut String) {
    let begun =
        secret.char_indices().skip(1).map(|(at, _)| at).filter(|at| text.ends_with(&secret[..*at])).last();
    text.truncate(text.len() - begun.unwrap_or(0));
}

/// An agent whose words are masked, and go into a journal; and whose fuel is counted, however it ends.
pub(crate) struct Masked {
    agent: Box<dyn Agent>,
    mask: Arc<Mask>,
    journal: Arc<Journal>,
    meters: Arc<Meters>,
    /// What the meters know of by now.
    burnt: Fuel,
    holds: Bytes,
    at: At,
    /// Lines that are in the journal by now.
    told: usize,
    failed: bool,
    /// Columns of its batches whose values are shown to nobody.
    sensitive: Vec<usize>,
}

impl Masked {
    pub(crate) fn new(
        agent: Box<dyn Agent>,
        mask: Arc<Mask>,
        (journal, meters): (Arc<Journal>, Arc<Meters>),
    ) -> Self {
        Self {
            agent,
            mask,
            journal,
            meters,
            burnt: Fuel(0),
            holds: Bytes(0),
            at: At::default(),
            told: 0,
            failed: false,
            sensitive: Vec::new(),
        }
    }

    /// Which columns of its batches are sensitive.
    pub(crate) fn reading(mut self, sensitive: Vec<usize>) -> Self {
        self.sensitive = sensitive;
        self
    }

    /// Masks the words of rejects. Codes are told wherever rejects are counted, so none has a sensitive value of its row in it.
    fn mask_rejects(&self, rejects: &mut [Reject], (first_row, batch): (u64, &RecordBatch)) {
        let sensitive = Values::of(first_row, batch, self.sensitive.iter().copied());
        for reject in rejects.iter_mut() {
            reject.code = self.mask.kept_words(std::mem::take(&mut reject.code));
            reject.message = self.mask.kept_words(std::mem::take(&mut reject.message));
            let tells = |reject: &Reject| sensitive.are_told_of(reject.row, &reject.code);
            if self.mask.hush && (!is_word(&reject.code) || tells(reject)) {
                MASKED.clone_into(&mut reject.code);
            }
        }
    }

    /// What it burnt since the last time.
    fn charge(&mut self) {
        let fuel = self.agent.fuel();
        self.meters.fuel(Fuel(fuel.0.saturating_sub(self.burnt.0)));
        self.burnt = fuel;
        let memory = self.agent.memory();
        self.meters.memory(self.holds, memory);
        self.holds = memory;
    }

    /// What it said since the last time, for whoever watches: a line that has not ended waits, because a secret may go on in it.
    fn tell_whole(&mut self) {
        let said = self.agent.said();
        self.journal.module_said(&self.at, said.get(self.told..).unwrap_or_default(), &self.mask);
        self.told = self.told.max(said.len());
    }

    /// What it said since the last time.
    fn tell(&mut self) {
        let said = self.agent.log();
        self.journal.module_said(&self.at, said.get(self.told..).unwrap_or_default(), &self.mask);
        self.told = said.len();
    }

    /// `tells`: whether a code says what it has read.
    fn ended(&mut self, error: GuestError, tells: impl Fn(&str) -> bool) -> GuestError {
        self.failed = true;
        self.journal.on_record(&self.at, self.mask.error(error), tells)
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        self.charge();
        self.meters.memory(self.holds, Bytes(0));
        self.tell();
        if self.failed {
            let usage = self.usage();
            let counters = usage.counters.into_iter().map(|(name, sum)| (name, sum.to_string()));
            let gauges = usage.gauges.into_iter().map(|(name, value)| (name, value.to_string()));
            let mut counted = counters.chain(gauges).peekable();
            if counted.peek().is_some() {
                self.journal.module_counted(&self.at, counted);
            }
        }
    }
}

impl Agent for Masked {
    fn reseed(&mut self, seed: Seed) {
        self.agent.reseed(seed);
    }

    fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        let processed = self.agent.process(first_row, batch);
        self.charge();
        let values = || Values::of(first_row, batch, 0..batch.num_columns());
        let mut processed = processed.map_err(|error| self.ended(error, |code| values().are_told(code)))?;
        if !processed.rejects.is_empty() {
            self.mask_rejects(&mut processed.rejects, (first_row, batch));
            let values = values();
            let tells = |reject: &Reject| values.are_told_of(reject.row, &reject.code);
            self.journal.rejected((&self.at, &self.mask), &processed.rejects, tells);
        }
        self.tell_whole();
        Ok(processed)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        self.agent.finish().map_err(|error| self.ended(error, NO_ROWS))
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        self.agent.save().map_err(|error| self.ended(error, NO_ROWS))
    }

    fn usage(&self) -> Usage {
        let mut usage = self.agent.usage();
        let (counters, gauges) = (std::mem::take(&mut usage.counters), std::mem::take(&mut usage.gauges));
        if self.mask.hush {
            // A number may be a value too.
            return usage;
        }
        usage.counters = self.mask.names(counters);
        let gauges = gauges.into_iter();
        usage.gauges = gauges.map(|(name, value)| (self.mask.text(&name, false), value)).collect();
        usage
    }

    fn fuel(&self) -> Fuel {
        self.agent.fuel()
    }

    fn about(&mut self, file: &str, row_group: usize) {
        self.tell();
        self.at = At { file: file.to_owned(), row_group: Some(row_group) };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow_array::{Int64Array, RecordBatch};
    use skein_sandbox::{GuestError, Processed, Reject, Seed, Usage};
    use skein_types::Fuel;

    use super::{Mask, Masked};
    use crate::agent::Agent;
    use crate::journal::Journal;
    use crate::meters::Meters;

    #[test]
    fn secrets_are_found_in_every_form_that_words_are_printed_in() {
        let mask = Mask::new([b"two\nlines".as_slice(), b"say \"x\"", b"\xff\x00", b""]);
        for (said, shown) in [
            ("it is two\nlines", "it is ***"),
            ("it is two\\nlines", "it is ***"),
            ("Err(\"say \\\"x\\\"\")", "Err(\"***\")"),
            ("ff00 it is", "*** it is"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(mask.words(said.to_owned()), shown);
        }
        assert_eq!(Mask::default().words("two\nlines".to_owned()), "two\nlines");
    }

    #[test]
    fn what_was_cut_within_a_secret_does_not_show_its_beginning() {
        let mask = Mask::new([b"hunter2".as_slice()]);
        let cut = format!("{}hunt", "x".repeat(4092));
        assert_eq!(mask.words(cut), "x".repeat(4092));
        assert_eq!(mask.words("we hunt".to_owned()), "we hunt");
    }

    #[test]
    fn counters_whose_names_hold_a_secret_are_masked_and_those_that_are_alike_then_summed() {
        let mask = Mask::new([b"hunter2".as_slice(), b"hunter3"]);
        let counted = [("by/hunter2", 2), ("by/hunter3", 3), ("read", u64::MAX)];
        let counted = counted.map(|(name, by)| (name.to_owned(), by));
        let shown = BTreeMap::from([("by/***".to_owned(), 5), ("read".to_owned(), u64::MAX)]);
        assert_eq!(mask.names(BTreeMap::from(counted)), shown);
    }

    #[test]
    fn nothing_is_told_of_what_a_module_says_that_reads_sensitive_columns() {
        let mask = Mask::new([b"hunter2".as_slice()]).hushed();
        for said in [mask.words("canary".to_owned()), mask.text("canary", false)] {
            assert_eq!(said, super::HUSHED);
        }
        assert_eq!(
            mask.names([("canary".to_owned(), 2), ("b".to_owned(), 3)].into()).into_values().sum::<u64>(),
            5
        );
        let panic = Some("panicked at canary".to_owned());
        let errors = [
            GuestError::Failure { call: "open", code: "canary".into(), message: "canary".into() },
            GuestError::Rejects { limit: 1, row: 2, code: "canary".into(), message: "canary".into() },
            GuestError::Trap { call: "process", trap: "unreachable".into(), panic, backtrace: vec![] },
        ];
        for error in errors {
            let told = mask.error(error).to_string();
            assert!(!told.contains("canary"), "{told}");
        }
        let input = mask.error(GuestError::Input { reason: "of the host, with hunter2".into() }).to_string();
        assert!(input.contains("of the host, with ***"), "{input}");
    }

    /// Refuses each row with these codes.
    struct Refusing(Vec<&'static str>);

    impl Agent for Refusing {
        fn reseed(&mut self, _: Seed) {}

        fn process(&mut self, first_row: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
            let reject = |(row, code): (u64, &&str)| Reject {
                row: first_row + row,
                code: (*code).to_owned(),
                message: "of Ada".to_owned(),
            };
            let rejects = (0..).zip(&self.0).map(reject).collect();
            Ok(Processed {
                data: Vec::new(),
                selection: skein_types::Selection::from_bitmap(&[0], batch.num_rows()).unwrap(),
                rejects,
            })
        }

        fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
            Ok(Vec::new())
        }

        fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
            Ok(None)
        }

        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    #[test]
    fn codes_of_rejects_are_told_unless_a_sensitive_value_of_their_row_is_in_them() {
        let names: Arc<dyn arrow_array::Array> =
            Arc::new(arrow_array::StringArray::from(vec!["Ada", "Bob", "Eve", "Ada"]));
        let batch = RecordBatch::try_from_iter([("name", names)]).unwrap();
        let codes = vec!["bad-name", "no-bob-here", "Eve", "no-eve-here"];
        let journal = Arc::<Journal>::default();
        let mask = Arc::new(Mask::default().hushed());
        let masked =
            Masked::new(Box::new(Refusing(codes)), mask, (Arc::clone(&journal), Arc::<Meters>::default()));
        let processed = masked.reading(vec![0]).process(100, &batch).unwrap();
        let told: Vec<&str> = processed.rejects.iter().map(|reject| reject.code.as_str()).collect();
        assert_eq!(told, ["bad-name", "***", "***", "no-eve-here"]);
        assert_eq!(processed.rejects[0].message, "of Ada", "for the quarantine, which has the row");
        let told = journal.take().rejects().unwrap();
        assert!(told.some.iter().all(|line| !line.contains("Ada")), "{told:?}");
    }

    #[test]
    fn a_code_that_is_made_of_its_row_is_counted_under_none() {
        let names: Arc<dyn arrow_array::Array> = Arc::new(arrow_array::StringArray::from(vec!["Ada", "Bob"]));
        let batch = RecordBatch::try_from_iter([("name", names)]).unwrap();
        let journal = Arc::new(Journal::alone_has_words());
        let told = (Arc::clone(&journal), Arc::<Meters>::default());
        let agent = Box::new(Refusing(vec!["bad-name", "no-bob"]));
        let processed = Masked::new(agent, Arc::default(), told).process(100, &batch).unwrap();
        assert_eq!(processed.rejects[1].code, "no-bob", "for the quarantine, which has the row");
        assert_eq!(["bad-name", "no-bob"].map(|code| journal.recorded(code)), ["bad-name", "…"]);
        let told = journal.take().rejects().unwrap();
        let counted: Vec<&str> = told.codes.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(counted, ["bad-name", "…"]);
        assert!(told.some[1].contains("no-bob"), "named where rows are shown: {told:?}");
    }

    /// Says a number.
    struct Counting;

    impl Agent for Counting {
        fn reseed(&mut self, _: Seed) {}

        fn process(&mut self, _: u64, _: &RecordBatch) -> Result<Processed, GuestError> {
            Err(GuestError::Cancelled { call: "process" })
        }

        fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
            Ok(Vec::new())
        }

        fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
            Ok(None)
        }

        fn usage(&self) -> Usage {
            let counters = [("salary".to_owned(), 123_456)].into();
            Usage { fuel: Fuel(7), counters, gauges: [("salary".to_owned(), 0.5)].into(), ..Usage::default() }
        }
    }

    #[test]
    fn numbers_of_a_module_that_reads_sensitive_columns_are_told_as_little_as_its_words() {
        let used = |mask: Mask| {
            let told = (Arc::<Journal>::default(), Arc::<Meters>::default());
            Masked::new(Box::new(Counting), Arc::new(mask), told).usage()
        };
        let open = used(Mask::default());
        assert_eq!((open.counters["salary"], open.gauges["salary"]), (123_456, 0.5));
        let hushed = used(Mask::default().hushed());
        assert_eq!((hushed.counters.len(), hushed.gauges.len(), hushed.fuel), (0, 0, Fuel(7)));
    }

    #[test]
    fn panics_failures_and_their_codes_are_masked() {
        let mask = Mask::new([b"hunter2".as_slice()]);
        let failure =
            GuestError::Failure { call: "open", code: "bad-hunter2".into(), message: "no hunter2".into() };
        assert_eq!(mask.error(failure).to_string(), "open: the module failed with bad-***: no ***");
        let (code, message) = ("bad-hunter2".to_owned(), "no hunter2".to_owned());
        let rejects = GuestError::Rejects { limit: 1, row: 2, code, message };
        assert_eq!(mask.error(rejects).to_string(), "more than 1 rejected rows; row 2: bad-***: no ***");
        let panic = Some("panicked at src/lib.rs:1:1: hunter2".to_owned());
        let trap =
            GuestError::Trap { call: "plan", trap: "t".into(), panic, backtrace: vec!["hunter2".into()] };
        let masked = mask.error(trap);
        assert_eq!(masked.to_string(), "plan: the module panicked at src/lib.rs:1:1: ***");
        assert_eq!(masked.backtrace(), ["***"]);
    }

    /// Burns so much with each call, and fails in the second batch.
    struct Burning {
        burnt: u64,
        batches: u32,
    }

    impl Agent for Burning {
        fn reseed(&mut self, _: Seed) {}

        fn process(&mut self, _: u64, _: &RecordBatch) -> Result<Processed, GuestError> {
            self.burnt += 7;
            self.batches += 1;
            match self.batches {
                1 => Ok(Processed {
                    data: Vec::new(),
                    selection: skein_types::Selection::all(1),
                    rejects: Vec::new(),
                }),
                _ => Err(GuestError::Cancelled { call: "process" }),
            }
        }

        fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
            self.burnt += 11;
            Ok(Vec::new())
        }

        fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
            Ok(None)
        }

        fn usage(&self) -> Usage {
            Usage { fuel: Fuel(self.burnt), ..Usage::default() }
        }
    }

    #[test]
    fn fuel_is_counted_while_it_burns_and_whatever_the_end() {
        let meters = Arc::<Meters>::default();
        let begin = || {
            let agent = Box::new(Burning { burnt: 2, batches: 0 });
            Masked::new(agent, Arc::default(), (Arc::<Journal>::default(), Arc::clone(&meters)))
        };
        let burnt = || meters.reading().fuel.0;
        let numbers: Arc<dyn arrow_array::Array> = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let mut agent = begin();
        agent.process(0, &batch).unwrap();
        assert_eq!(burnt(), 9, "opening and a batch");
        agent.process(1, &batch).unwrap_err();
        assert_eq!(burnt(), 16, "one that fails");
        drop(agent);
        assert_eq!(burnt(), 16);
        let mut agent = begin();
        agent.process(0, &batch).unwrap();
        agent.finish().unwrap();
        drop(agent);
        assert_eq!(burnt(), 16 + 2 + 7 + 11);
    }
}
