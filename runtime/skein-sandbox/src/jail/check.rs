//! The static check: everything that can be refused without compiling.

use skein_types::{Code, codes};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use super::{CompileReport, MODULE_BYTES_MAX, SubmitError};
use crate::engine::{MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::host::wasi::{CONTRACT_VERSION, ImportName, judge};

const FUNCTIONS_MAX: u32 = 100_000;
const FUNCTION_BYTES_MAX: usize = 1 << 20;
const LOCALS_MAX: u64 = 10_000;
const MODULES_MAX: u32 = 64;
const NESTING_MAX: usize = 4;
const TYPES_MAX: u32 = 100_000;

/// Checks a module's bytes.
pub(super) fn check(module: &[u8]) -> Result<CompileReport, SubmitError> {
    let refused = |code: Code, text: String| Err(SubmitError::refused(code, text));
    if module.len() > MODULE_BYTES_MAX {
        return refused(
            codes::MODULE_TOO_LARGE,
            format!("the module has more than {MODULE_BYTES_MAX} bytes"),
        );
    }
    if !module.starts_with(b"\0asm") {
        return refused(codes::NOT_WASM, "the file does not begin like WebAssembly".to_owned());
    }
    if Parser::is_core_wasm(module) {
        return refused(codes::CORE_MODULE, "this is a core module; build for wasm32-wasip2".to_owned());
    }
    if !Parser::is_component(module) {
        return refused(codes::NOT_WASM, "the file is of no known version of WebAssembly".to_owned());
    }
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(module) {
        seen.payload(payload.map_err(malformed)?)?;
    }
    seen.exports()?;
    Ok(seen.report)
}

fn malformed(error: wasmparser::BinaryReaderError) -> SubmitError {
    SubmitError::refused(codes::NOT_WASM, format!("malformed: {error}"))
}

fn too_complex(text: String) -> SubmitError {
    SubmitError::refused(codes::MODULE_TOO_COMPLEX, text)
}

#[derive(Default)]
struct Seen {
    report: CompileReport,
    exports: Vec<String>,
    types: u32,
    /// Kinds of what contains the current payload, outermost first.
    inside: Vec<Encoding>,
}

impl Seen {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other sections are the validator's business")]
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), SubmitError> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(encoding),
            Payload::End(_) => {
                self.inside.pop();
                Ok(())
            }
            Payload::FunctionSection(section) => {
                self.report.functions = self.report.functions.saturating_add(section.count());
                limit("functions", self.report.functions, FUNCTIONS_MAX)
            }
            Payload::CodeSectionEntry(body) => {
                self.report.simd = self.report.simd || has_vectors(&body)?;
                check_body(&body)
            }
            Payload::CustomSection(section) => {
                self.report.debug_info |= section.name().starts_with(".debug_");
                Ok(())
            }
            Payload::TypeSection(section) => self.types(section.count()),
            Payload::CoreTypeSection(section) => self.types(section.count()),
            Payload::ComponentTypeSection(section) => self.types(section.count()),
            Payload::MemorySection(section) => limit("memories in one module", section.count(), MEMORIES),
            Payload::TableSection(section) => {
                limit("tables in one module", section.count(), TABLES)?;
                section.into_iter().try_for_each(|table| check_table(&table.map_err(malformed)?.ty))
            }
            Payload::ComponentStartSection { .. } => {
                Err(SubmitError::refused(codes::WRONG_EXPORTS, "the component has a start section"))
            }
            Payload::ComponentImportSection(section) if self.inside.len() == 1 => {
                section.into_iter().try_for_each(|import| self.import(import.map_err(malformed)?.name.name))
            }
            Payload::ComponentExportSection(section) if self.inside.len() == 1 => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    if export.kind != ComponentExternalKind::Type {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), SubmitError> {
        self.inside.push(encoding);
        if self.inside.len() > NESTING_MAX + 1 {
            let text = format!("components are nested deeper than {NESTING_MAX} levels");
            return Err(SubmitError::refused(codes::NESTED_MODULES, text));
        }
        if encoding == Encoding::Module {
            self.report.modules += 1;
        }
        limit("core modules", self.report.modules, MODULES_MAX)
    }

    fn types(&mut self, count: u32) -> Result<(), SubmitError> {
        self.types = self.types.saturating_add(count);
        limit("types", self.types, TYPES_MAX)
    }

    fn import(&mut self, name: &str) -> Result<(), SubmitError> {
        let name: String = name.chars().take(200).collect();
        match judge(&name) {
            ImportName::Known => {
                self.report.imports.push(name);
                Ok(())
            }
            ImportName::OtherContract => Err(other_contract(&name)),
            ImportName::Forbidden => {
                let text = format!("the module imports {name}, which no migration may have");
                Err(SubmitError::refused(codes::FORBIDDEN_IMPORT, text))
            }
        }
    }

    fn exports(&self) -> Result<(), SubmitError> {
        let wanted = format!("skein:migration/migrate@{CONTRACT_VERSION}");
        let other = self.exports.iter().find(|name| name.starts_with("skein:migration/") && **name != wanted);
        if let Some(other) = other {
            return Err(other_contract(other));
        }
        if self.exports != [wanted.clone()] {
            let found: String = self.exports.join(", ").chars().take(300).collect();
            let text = format!("the module exports [{found}], exactly {wanted} is wanted");
            return Err(SubmitError::refused(codes::WRONG_EXPORTS, text));
        }
        Ok(())
    }
}

fn other_contract(name: &str) -> SubmitError {
    let text = format!("the module uses {name}; this host speaks version {CONTRACT_VERSION} of the contract");
    SubmitError::refused(codes::WRONG_CONTRACT, text)
}

fn check_body(body: &wasmparser::FunctionBody<'_>) -> Result<(), SubmitError> {
    let bytes = body.range().len();
    if bytes > FUNCTION_BYTES_MAX {
        return Err(too_complex(format!("a function of {bytes} bytes, {FUNCTION_BYTES_MAX} are allowed")));
    }
    let mut locals = 0_u64;
    for group in body.get_locals_reader().map_err(malformed)? {
        locals = locals.saturating_add(u64::from(group.map_err(malformed)?.0));
    }
    if locals > LOCALS_MAX {
        return Err(too_complex(format!("a function with {locals} locals, {LOCALS_MAX} are allowed")));
    }
    Ok(())
}

/// Looks for the prefix of the vector instructions. The section that names a module's features is stripped from most.
fn has_vectors(body: &wasmparser::FunctionBody<'_>) -> Result<bool, SubmitError> {
    const VECTORS: u8 = 0xfd;
    let code = body.get_operators_reader().map_err(malformed)?;
    let (start, bytes) = (body.range().start, body.as_bytes());
    for operator in code.into_iter_with_offsets() {
        let (_, at) = operator.map_err(malformed)?;
        if bytes.get(at.saturating_sub(start)) == Some(&VECTORS) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_table(table: &wasmparser::TableType) -> Result<(), SubmitError> {
    if table.initial <= u64::from(TABLE_ELEMENTS) {
        return Ok(());
    }
    Err(too_complex(format!("a table of {} elements, {TABLE_ELEMENTS} are allowed", table.initial)))
}

fn limit(what: &str, found: u32, allowed: u32) -> Result<(), SubmitError> {
    if found <= allowed { Ok(()) } else { Err(too_complex(format!("{found} {what}, {allowed} are allowed"))) }
}
