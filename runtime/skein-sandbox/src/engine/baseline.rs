//! The x86-64 instruction sets that artifacts may use: fixed, so that one artifact runs on every node.

use super::EngineError;

/// Names as Cranelift knows them and as the processor reports them: x86-64-v3.
pub(super) const FEATURES: [&str; 11] = [
    "has_sse3",
    "has_ssse3",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_avx",
    "has_avx2",
    "has_fma",
    "has_bmi1",
    "has_bmi2",
    "has_lzcnt",
];

/// Refuses a processor that lacks one of [`FEATURES`].
pub(super) fn check() -> Result<(), EngineError> {
    let present = [
        ("SSE3", std::is_x86_feature_detected!("sse3")),
        ("SSSE3", std::is_x86_feature_detected!("ssse3")),
        ("SSE4.1", std::is_x86_feature_detected!("sse4.1")),
        ("SSE4.2", std::is_x86_feature_detected!("sse4.2")),
        ("POPCNT", std::is_x86_feature_detected!("popcnt")),
        ("AVX", std::is_x86_feature_detected!("avx")),
        ("AVX2", std::is_x86_feature_detected!("avx2")),
        ("FMA", std::is_x86_feature_detected!("fma")),
        ("BMI1", std::is_x86_feature_detected!("bmi1")),
        ("BMI2", std::is_x86_feature_detected!("bmi2")),
        ("LZCNT", std::is_x86_feature_detected!("lzcnt")),
    ];
    match present.iter().find(|(_, there)| !there) {
        Some((name, _)) => Err(EngineError::Processor(name)),
        None => Ok(()),
    }
}
