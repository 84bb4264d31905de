//! Core modules that no toolchain makes: what starts wrong, grows tables, or describes itself in a way that cannot be used.

use std::fmt::Write as _;

use skein_sandbox::jail::compile_in_jail;
use skein_sandbox::{ArtifactKey, GuestError, Limits, LoadError, Module};
use skein_types::{Bytes, Code, Fuel, Millis, codes};

use crate::support::{assert_healthy, engine_of_all, jail, limits, load_bytes};

const COMPONENT: &str = include_str!("../../../../host-tests/guests/by-hand/component.wat");

/// A component around a core module: further fields, and what `describe` does first.
pub(crate) fn by_hand(fields: &str, begin: &str) -> Vec<u8> {
    wat::parse_str(COMPONENT.replace("(;fields;)", fields).replace("(;begin;)", begin)).unwrap()
}

fn module(fields: &str, begin: &str) -> Module {
    load_bytes(engine_of_all(), &by_hand(fields, begin))
}

#[track_caller]
fn ends(module: &Module, limits: &Limits, code: Code) -> GuestError {
    let error = module.describe(limits).unwrap_err();
    assert_eq!(error.code().id, code.id, "{error}");
    assert_healthy();
    error
}

#[test]
fn a_start_function_that_does_not_end_is_stopped_by_fuel_and_by_time() {
    let looping = module("(func $start (loop $again (br $again))) (start $start)", "");
    ends(&looping, &limits(), codes::GUEST_FUEL);
    let forever = Limits {
        fuel_per_call: Fuel(u64::MAX / 2),
        fuel_per_task: Fuel(u64::MAX / 2),
        wall_per_call: Millis(100),
        ..limits()
    };
    ends(&looping, &forever, codes::GUEST_WALL);
    looping.instantiate_once(&forever).unwrap_err();
}

#[test]
fn what_a_start_function_may_do_wrong_has_the_codes_of_any_call() {
    for (fields, code) in [
        ("(func $start unreachable) (start $start)", codes::GUEST_TRAP),
        ("(func $start (call $start)) (start $start)", codes::GUEST_STACK),
        ("(func $start (drop (memory.grow (i32.const 200)))) (start $start)", codes::GUEST_MEMORY),
        ("(data (i32.const 4194304) \"outside\")", codes::GUEST_TRAP),
        ("(table 1 funcref) (elem (i32.const 1) func 0)", codes::GUEST_TRAP),
    ] {
        let error = ends(&module(fields, ""), &limits(), code);
        assert!(error.to_string().starts_with("describe: "), "{error}");
    }
}

#[test]
fn memory_and_tables_that_a_module_begins_with_count_like_any_other() {
    // 64 pages of memory stand in every one of these components.
    let pages = |n: u64| Bytes((n + 64) << 16);
    let with = |memory: Bytes| Limits { memory, ..limits() };
    let memory = module("(memory 8)", "");
    assert_eq!(memory.describe(&with(pages(8))).unwrap().name, "by-hand");
    ends(&memory, &with(Bytes(pages(8).0 - 1)), codes::GUEST_MEMORY);
    let table = module("(table 4096 funcref)", "");
    assert_eq!(table.describe(&with(pages(1))).unwrap().name, "by-hand");
    ends(&table, &with(Bytes(pages(1).0 - 1)), codes::GUEST_MEMORY);
}

#[test]
fn a_table_grows_to_its_limit_and_not_beyond() {
    let grows = |by: u32, expected: i32| {
        let begin = format!(
            "(if (i32.ne (table.grow $t (ref.null func) (i32.const {by})) (i32.const {expected})) (then unreachable))"
        );
        module("(table $t 1 funcref)", &begin)
    };
    let small = Limits { memory: Bytes((64 << 16) + 16 * 1001), ..limits() };
    assert_eq!(grows(1000, 1).describe(&small).unwrap().name, "by-hand");
    ends(&grows(1001, 1), &small, codes::GUEST_MEMORY);
    // Past what any table may have, the module is told so and the host gives nothing.
    assert_eq!(grows(99_999, 1).describe(&limits()).unwrap().name, "by-hand");
    for by in [100_000, 100_000_000] {
        assert_eq!(grows(by, -1).describe(&limits()).unwrap().name, "by-hand", "{by}");
    }
    // Each element has its price, given or not.
    ends(&grows(u32::MAX, -1), &limits(), codes::GUEST_FUEL);
    let step_by_step = "(loop $again (drop (table.grow $t (ref.null func) (i32.const 1))) (br $again))";
    ends(&module("(table $t 1 funcref)", step_by_step), &small, codes::GUEST_MEMORY);
}

/// What the jail or the engine says of a module that neither may take.
#[track_caller]
fn refused(module: &[u8], code: Code) -> String {
    let key = ArtifactKey::generate().unwrap();
    let (found, message) = match compile_in_jail(&jail(), module) {
        Err(error) => (error.code(), error.to_string()),
        Ok(compiled) => {
            let error: LoadError =
                Module::load(engine_of_all(), &key.sign(&compiled), &key.trust()).unwrap_err();
            (error.code(), error.to_string())
        }
    };
    assert_eq!(found.id, code.id, "{message}");
    assert_healthy();
    message
}

#[test]
fn more_memories_tables_or_instances_than_an_agent_may_have_are_refused() {
    let many = |what: &str, n: usize| format!("{what} ").repeat(n);
    for fields in [
        many("(memory 1)", 2),
        many("(table 1 funcref)", 9),
        "(table 100001 funcref)".to_owned(),
        "(table 4294967295 funcref)".to_owned(),
    ] {
        refused(&by_hand(&fields, ""), codes::MODULE_TOO_COMPLEX);
    }
    assert_eq!(module(&many("(table 1 funcref)", 8), "").describe(&limits()).unwrap().name, "by-hand");
    // One core module more often than it may be: only the whole shows it.
    let more = "(core instance (instantiate $module))".repeat(70);
    let text = COMPONENT.replace("  (instance $migrate", &format!("{more} (instance $migrate"));
    let message = refused(&wat::parse_str(text).unwrap(), codes::MODULE_TOO_COMPLEX);
    assert!(message.contains("71 core module instances"), "{message}");
}

#[test]
fn exports_and_imports_of_the_right_name_and_another_form_are_refused_by_what_they_are() {
    let changed = |from: &str, to: &str| {
        assert!(COMPONENT.contains(from));
        wat::parse_str(COMPONENT.replace(from, to)).unwrap()
    };
    let other_type = changed("(export \"save\" (func $save))", "(export \"save\" (func $drain))");
    let error = ends(&load_bytes(engine_of_all(), &other_type), &limits(), codes::WRONG_EXPORTS);
    assert!(error.to_string().contains("expected `option` found `record`"), "{error}");
    let missing = changed("(export \"save\" (func $save))", "");
    refused(&missing, codes::WRONG_EXPORTS);
    let log = r#"(import "skein:migration/log@0.1.0" (instance $log (export "write" (func (param "n" u32)))))
        (core func $write (canon lower (func $log "write")))
        (core module $user (import "log" "write" (func (param i32))))
        (core instance (instantiate $user (with "log" (instance (export "write" (func $write))))))
        (core module $module"#;
    refused(&changed("(core module $module", log), codes::FORBIDDEN_IMPORT);
}

/// What a manifest says.
#[derive(Clone, Copy)]
struct Said<'a> {
    name: &'a str,
    version: &'a str,
    sdk: &'a str,
    encoding: &'a str,
    state: &'a str,
    params_schema: &'a str,
    ext: &'a [(&'a str, &'a str)],
}

const SAID: Said<'_> = Said {
    name: "well said",
    version: "1",
    sdk: "",
    encoding: "arrow",
    state: "none",
    params_schema: "",
    ext: &[],
};

/// Texts from this address on.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    const ADDRESS: usize = 1 << 17;

    /// Pointer and length, as they stand in a record.
    fn add(&mut self, bytes: &[u8], count: usize) -> Vec<u8> {
        let record = [Self::ADDRESS + self.0.len(), count].map(|n| u32::try_from(n).unwrap().to_le_bytes());
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        record.concat()
    }

    fn text(&mut self, text: &str) -> Vec<u8> {
        self.add(text.as_bytes(), text.len())
    }
}

impl Said<'_> {
    /// Written over the manifest of the component.
    fn module(&self) -> Module {
        let mut texts = Texts::default();
        let mut record = Vec::new();
        for text in [self.name, self.version, self.sdk, self.encoding, self.state] {
            record.extend(texts.text(text));
        }
        record.extend([0; 4]);
        record.extend(texts.text(self.params_schema));
        let pairs: Vec<u8> =
            self.ext.iter().flat_map(|(key, value)| [texts.text(key), texts.text(value)].concat()).collect();
        record.extend(texts.add(&pairs, self.ext.len()));
        let data = |at: usize, bytes: &[u8]| format!("(data (i32.const {at}) \"{}\")", escaped(bytes));
        module(&[data(1024, &record), data(Texts::ADDRESS, &texts.0)].concat(), "")
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        write!(all, "\\{byte:02x}").unwrap();
        all
    })
}

#[test]
fn a_manifest_that_cannot_be_used_is_refused_and_says_why() {
    let (longest, longer) = ("n".repeat(256), "n".repeat(257));
    let schema = format!("\"{}\"", "s".repeat(1 << 20));
    let many = [("key", "value"); 65];
    for (said, reason) in [
        (Said { name: "", ..SAID }, "the name \"\""),
        (Said { name: &longer, ..SAID }, "a name of 257 bytes"),
        (Said { name: "a/b", ..SAID }, "the name \"a/b\""),
        (Said { name: "a\u{1b}[2J", ..SAID }, "the name \"a\\u{1b}[2J\""),
        (Said { version: "", ..SAID }, "the version \"\""),
        (Said { version: &longer, ..SAID }, "a version of 257 bytes"),
        (Said { version: "1\n2", ..SAID }, "the version \"1\\n2\""),
        (Said { sdk: &longer, ..SAID }, "a sdk of 257 bytes"),
        (Said { sdk: "\u{7f}", ..SAID }, "the sdk \"\\u{7f}\""),
        (Said { encoding: "ndjson", ..SAID }, "\"ndjson\" is not one of arrow"),
        (Said { encoding: "", ..SAID }, "\"\" is not one of arrow"),
        (Said { state: "parallel", ..SAID }, "\"parallel\" is not one of none, sequential"),
        (Said { params_schema: "{", ..SAID }, "a params-schema that is no JSON Schema"),
        (Said { params_schema: "7", ..SAID }, "a params-schema that is no JSON Schema"),
        (Said { params_schema: &schema, ..SAID }, "a params-schema of 1048578 bytes"),
        (Said { ext: &[("must-lookup", "")], ..SAID }, "the extension \"must-lookup\""),
        (Said { ext: &[(&longer, "")], ..SAID }, "extensions"),
        (Said { ext: &[("key", &longer)], ..SAID }, "extensions"),
        (Said { ext: &many, ..SAID }, "more than 64 extensions"),
    ] {
        let error = ends(&said.module(), &limits(), codes::BAD_MANIFEST);
        assert!(error.to_string().contains(reason), "{error}: not {reason}");
    }
    let good = Said {
        name: &longest,
        version: &longest,
        sdk: &longest,
        params_schema: "{\"type\":\"object\"}",
        state: "sequential",
        ext: &many[..64],
        ..SAID
    };
    let manifest = good.module().describe(&limits()).unwrap();
    assert_eq!((manifest.name, manifest.version, manifest.ext.len()), (longest.clone(), longest, 64));
}
