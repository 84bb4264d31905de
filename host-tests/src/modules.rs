//! Modules that must not be admitted: made from text, or from a good component with something appended.
//!
//! A component is a preamble and a list of sections; one more section at its end leaves everything before it valid. So a
//! module can be refused for exactly one reason.

/// Preamble of a component: magic, version and layer.
const PREAMBLE: usize = 8;

const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// A component from its text.
pub fn from_text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component around a core module by hand, with these fields added to the core module.
pub fn by_hand(fields: &str) -> Vec<u8> {
    from_text(&include_str!("../guests/by-hand/component.wat").replace("(;fields;)", fields))
}

/// A component with a custom section of `bytes` bytes appended.
pub fn padded(component: &[u8], bytes: usize) -> Vec<u8> {
    let name = b"padding";
    let mut payload = vec![u8::try_from(name.len()).unwrap()];
    payload.extend_from_slice(name);
    payload.resize(payload.len() + bytes, 0);
    with_section(component, CUSTOM, &payload)
}

/// A component with one more core module that is never instantiated.
pub fn with_core_module(component: &[u8], text: &str) -> Vec<u8> {
    with_section(component, CORE_MODULE, &from_text(text))
}

/// A component with components nested `depth` deep in it.
pub fn with_nested_components(component: &[u8], depth: usize) -> Vec<u8> {
    let empty = from_text("(component)");
    let nested = (1..depth).fold(empty.clone(), |inner, _| with_section(&empty, COMPONENT, &inner));
    with_section(component, COMPONENT, &nested)
}

/// A core module of `count` functions, each of `size` additions.
pub fn many_functions(count: usize, size: usize) -> String {
    let body = "i32.const 1 i32.add ".repeat(size);
    let function = format!("(func (param i32) (result i32) local.get 0 {body})");
    format!("(module {})", function.repeat(count))
}

/// A core module within the limits of size and number whose compilation takes long: each function keeps many values alive
/// over many blocks, which register allocation pays for.
pub fn compile_bomb() -> String {
    const LOCALS: usize = 900;
    const BLOCKS: usize = 600;
    let body: String = (0..BLOCKS)
        .map(|i| {
            let (a, b) = ((i * 7) % LOCALS, (i * 13 + 5) % LOCALS);
            format!(
                "(loop (if (i32.wrap_i64 (local.get {a})) (then (local.set {b} (i64.add (local.get {b}) (local.get {a})))))\
                 (br_if 0 (i32.wrap_i64 (local.get {b}))))"
            )
        })
        .collect();
    let function = format!("(func (param i64) (local {}) {body})", "i64 ".repeat(LOCALS));
    format!("(module {})", function.repeat(200))
}

fn with_section(component: &[u8], id: u8, payload: &[u8]) -> Vec<u8> {
    assert!(component.len() >= PREAMBLE, "not a component");
    let mut bytes = component.to_vec();
    bytes.push(id);
    let mut rest = payload.len();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use wasmparser::{Validator, WasmFeatures};

    use super::{compile_bomb, from_text, many_functions, padded, with_core_module, with_nested_components};

    fn is_valid(bytes: &[u8]) -> bool {
        Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).is_ok()
    }

    #[test]
    fn appended_sections_leave_a_component_valid() {
        let good = from_text(r#"(component (import "a" (func)) (export "b" (func 0)))"#);
        assert!(is_valid(&good));
        assert!(is_valid(&padded(&good, 1 << 20)));
        assert!(is_valid(&with_core_module(&good, &many_functions(1_000, 2))));
        assert!(is_valid(&with_nested_components(&good, 5)));
        assert!(!is_valid(&with_core_module(&good, "(module)")[..good.len() + 4]), "a section cut off");
    }

    #[test]
    fn the_compile_bomb_is_a_valid_module_of_few_functions() {
        let bomb = from_text(&compile_bomb());
        assert!(is_valid(&bomb));
        assert!(bomb.len() < 16 << 20, "{}", bomb.len());
    }
}
