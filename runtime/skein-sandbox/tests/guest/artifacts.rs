//! What the jail refuses by limit, and what is not loaded however it came about.

use std::time::Duration;

use skein_sandbox::jail::{CompiledModule, JailOptions, compile_in_jail};
use skein_sandbox::{ArtifactKey, LoadError, Module};
use skein_types::{Blake3, Bytes, codes};

use crate::by_hand::by_hand;
use crate::support::{engine, jail};

fn compiled() -> CompiledModule {
    compile_in_jail(&jail(), skein_test_guests::component("guest-raw")).unwrap()
}

#[test]
fn an_artifact_is_loaded_only_as_it_was_signed_and_by_whom() {
    let engine = engine();
    let (key, other) = (ArtifactKey::generate().unwrap(), ArtifactKey::generate().unwrap());
    let file = key.sign(&compiled());
    assert!(Module::load(&engine, &file, &key.trust()).is_ok());
    let code =
        |file: &[u8], key: &ArtifactKey| Module::load(&engine, file, &key.trust()).unwrap_err().code().id;
    assert_eq!(code(&file, &other), codes::ARTIFACT_UNTRUSTED.id, "another key");
    // Magic, module, engine, artifact digest, length, signature, first and last byte of the code.
    for place in [0, 8, 40, 72, 104, 112, 176, file.len() - 1] {
        let mut changed = file.clone();
        changed[place] ^= 1;
        assert_eq!(code(&changed, &key), codes::ARTIFACT_UNTRUSTED.id, "byte {place}");
    }
    for length in [0, 8, 175, 176, file.len() - 1] {
        assert_eq!(code(&file[..length], &key), codes::ARTIFACT_UNTRUSTED.id, "cut at {length}");
    }
    assert_eq!(code(&[&file[..], &[0]].concat(), &key), codes::ARTIFACT_UNTRUSTED.id, "a byte more");
}

#[test]
fn an_artifact_of_another_engine_is_stale_whoever_notices() {
    let (engine, key) = (engine(), ArtifactKey::generate().unwrap());
    let load = |module: &CompiledModule| Module::load(&engine, &key.sign(module), &key.trust()).unwrap_err();
    let other = CompiledModule { engine: Blake3::of(b"another"), ..compiled() };
    assert!(matches!(load(&other), LoadError::Stale));
    // Signed and said to be ours, but the engine itself does not know it.
    let strange = CompiledModule { artifact: b"\x7fELF and then nothing".to_vec(), ..compiled() };
    let error = load(&strange);
    assert!(matches!(error, LoadError::Incompatible(_)), "{error:?}");
    assert_eq!(error.code().id, codes::ARTIFACT_STALE.id);
}

#[test]
fn compiling_ends_at_its_limits_and_the_next_module_compiles() {
    let module = skein_test_guests::component("guest-hostile");
    for (what, options) in [
        ("did not end within", JailOptions { wall: Duration::from_millis(1), ..jail() }),
        ("SIGABRT", JailOptions { memory: Bytes::mib(24), ..jail() }),
        ("native code", JailOptions { artifact: Bytes(1), ..jail() }),
    ] {
        let error = compile_in_jail(&options, module).unwrap_err();
        assert_eq!(error.code().id, codes::COMPILE_LIMIT.id, "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
    assert!(compiled().report.modules > 0);
}

/// Functions of many values that are alive over many blocks: small to write down, long to give registers to.
fn compile_bomb() -> Vec<u8> {
    let body: String = (0..600)
        .map(|n| {
            let (a, b) = (n * 7 % 900, (n * 13 + 5) % 900);
            format!("(loop (local.set {b} (i64.add (local.get {a}) (local.get {b}))) (br_if 0 (i64.eqz (local.get {b}))))")
        })
        .collect();
    let function = format!("(func (param i64) (local {}) {body})", "i64 ".repeat(900));
    by_hand(&function.repeat(200), "")
}

#[test]
fn a_compile_bomb_is_killed_for_its_processor_time() {
    let options = JailOptions { cpu: Duration::from_secs(1), wall: Duration::from_secs(300), ..jail() };
    let error = compile_in_jail(&options, &compile_bomb()).unwrap_err();
    assert_eq!(error.code().id, codes::COMPILE_LIMIT.id, "{error}");
    // Memory ends in an abort, the wall limit in the parent's own words.
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    assert!(compiled().report.modules > 0);
}
