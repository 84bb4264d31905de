//! Compiled modules as files: signed by whoever compiled, verified before the engine sees a byte.
//!
//! wasmtime checks an artifact only lightly when it loads it; forged bytes would be native code of the forger's
//! choice. So a header names the module, the engine and the artifact's BLAKE3, and an ed25519 signature covers the
//! header.
//!
//! Layout: magic, module digest, engine fingerprint, artifact digest, artifact length (u64 LE), signature, artifact.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use skein_types::{Blake3, Code, ErrorClass, ModuleDigest, codes};

use crate::jail::CompiledModule;

const MAGIC: &[u8; 8] = b"SKNART\x00\x01";
const SIGNED: usize = MAGIC.len() + 3 * 32 + 8;
const HEADER: usize = SIGNED + 64;
/// Signatures of this key mean nothing elsewhere, and others' mean nothing here.
const DOMAIN: &[u8] = b"skein compiled module v1\0";

/// Why an artifact is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not signed by the key, cut off, or changed.
    #[error("the compiled module is not trusted: {0}")]
    Untrusted(&'static str),
    /// Made by another version of the engine or with other settings; compile again.
    #[error("the compiled module was made for another engine")]
    Stale,
    /// Trusted and of this version, but for settings that this machine or engine does not have.
    #[error("the compiled module was made for other settings of the engine")]
    Incompatible(#[source] wasmtime::Error),
    /// More memories, tables or instances than one agent may have; only the whole shows how many there are.
    #[error("the module does not fit into one agent: {0}")]
    TooComplex(String),
    /// Trusted and of this engine, and yet the engine refuses it.
    #[error("the engine refuses the compiled module")]
    Refused(#[source] wasmtime::Error),
    /// The module imports something that is not provided.
    #[error("the module imports {0}, which is not provided")]
    Import(String),
    /// The module imports something known in another form than it has.
    #[error("the module imports something in another form than is provided: {0}")]
    ImportForm(String),
    /// The export has the right name and not what belongs to it.
    #[error("the module's export is not that of a migration: {0}")]
    Exports(String),
}

impl LoadError {
    /// Code of the catalogue.
    pub const fn code(&self) -> Code {
        match self {
            Self::Untrusted(_) => codes::ARTIFACT_UNTRUSTED,
            Self::Stale | Self::Incompatible(_) => codes::ARTIFACT_STALE,
            Self::TooComplex(_) => codes::MODULE_TOO_COMPLEX,
            Self::Refused(_) => codes::BUG,
            Self::Import(_) | Self::ImportForm(_) => codes::FORBIDDEN_IMPORT,
            Self::Exports(_) => codes::WRONG_EXPORTS,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }
}

/// A key pair for artifacts. The secret half stays with the process that compiles.
#[derive(Debug)]
pub struct ArtifactKey(SigningKey);

impl ArtifactKey {
    /// Bytes of the secret half, as stored.
    pub const BYTES: usize = 32;

    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; Self::BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self::from_bytes(&secret))
    }

    /// A stored key.
    pub fn from_bytes(secret: &[u8; Self::BYTES]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The secret half, to store where only the owner can read.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn trust(&self) -> ArtifactTrust {
        ArtifactTrust(self.0.verifying_key())
    }

    /// The artifact file of a compiled module.
    pub fn sign(&self, compiled: &CompiledModule) -> Vec<u8> {
        let mut file = Vec::with_capacity(HEADER + compiled.artifact.len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&compiled.digest.0);
        file.extend_from_slice(&compiled.engine.0);
        file.extend_from_slice(&Blake3::of(&compiled.artifact).0);
        file.extend_from_slice(&u64::try_from(compiled.artifact.len()).unwrap_or(u64::MAX).to_le_bytes());
        let signature = self.0.sign(&message(&file));
        file.extend_from_slice(&signature.to_bytes());
        file.extend_from_slice(&compiled.artifact);
        file
    }
}

/// Whose artifacts are loaded.
#[derive(Clone, Debug)]
pub struct ArtifactTrust(VerifyingKey);

impl ArtifactTrust {
    /// From the public half's bytes; `None` if they are no key.
    pub fn from_bytes(public: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(public).ok().map(Self)
    }

    /// The public half's bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The module that an artifact file is of, if it is what was signed, whichever engine it is for.
    pub fn module_of(&self, file: &[u8]) -> Result<ModuleDigest, LoadError> {
        let engine = file.get(MAGIC.len() + 32..MAGIC.len() + 64).and_then(|engine| engine.try_into().ok());
        let engine = engine.ok_or(LoadError::Untrusted("cut off"))?;
        Ok(verify(file, self, Blake3(engine))?.digest)
    }
}

/// An artifact whose signature and digest hold and that fits the engine.
pub(crate) struct Verified<'a> {
    pub(crate) digest: ModuleDigest,
    pub(crate) artifact: &'a [u8],
}

/// Checks an artifact file.
pub(crate) fn verify<'a>(
    file: &'a [u8],
    trust: &ArtifactTrust,
    engine: Blake3,
) -> Result<Verified<'a>, LoadError> {
    let (header, artifact) = file.split_at_checked(HEADER).ok_or(LoadError::Untrusted("cut off"))?;
    let (signed, signature) = header.split_at(SIGNED);
    if !signed.starts_with(MAGIC) {
        return Err(LoadError::Untrusted("not a compiled module"));
    }
    let signature = Signature::from_slice(signature).map_err(|_| LoadError::Untrusted("no signature"))?;
    trust
        .0
        .verify_strict(&message(signed), &signature)
        .map_err(|_| LoadError::Untrusted("the signature is not of the trusted key"))?;
    let digest_at = |place: usize| -> [u8; 32] {
        let start = MAGIC.len() + 32 * place;
        signed[start..start + 32].try_into().expect("the slice has 32 bytes")
    };
    let length = &signed[SIGNED - 8..];
    if u64::try_from(artifact.len()).ok() != length.try_into().ok().map(u64::from_le_bytes)
        || Blake3::of(artifact).0 != digest_at(2)
    {
        return Err(LoadError::Untrusted("the bytes are not those that were signed"));
    }
    if digest_at(1) != engine.0 {
        return Err(LoadError::Stale);
    }
    Ok(Verified { digest: ModuleDigest(digest_at(0)), artifact })
}

fn message(signed: &[u8]) -> Vec<u8> {
    [DOMAIN, signed].concat()
}

#[cfg(test)]
mod tests {
    use super::{ArtifactKey, HEADER, LoadError, MAGIC, verify};
    use crate::jail::{CompileReport, CompiledModule};
    use skein_types::{Blake3, ModuleDigest};

    fn compiled() -> CompiledModule {
        CompiledModule {
            digest: ModuleDigest::of(b"module"),
            engine: Blake3::of(b"engine"),
            artifact: b"native code".to_vec(),
            report: CompileReport::default(),
        }
    }

    #[test]
    fn a_signed_artifact_is_verified_and_names_its_module() {
        let key = ArtifactKey::generate().unwrap();
        let file = ArtifactKey::from_bytes(&key.to_bytes()).sign(&compiled());
        let verified = verify(&file, &key.trust(), Blake3::of(b"engine")).unwrap();
        assert_eq!((verified.digest, verified.artifact), (ModuleDigest::of(b"module"), &b"native code"[..]));
        assert_eq!(key.trust().module_of(&file).unwrap(), ModuleDigest::of(b"module"));
    }

    #[test]
    fn any_changed_byte_or_another_key_is_untrusted() {
        let key = ArtifactKey::generate().unwrap();
        let file = key.sign(&compiled());
        let untrusted = |file: &[u8], key: &ArtifactKey| {
            matches!(verify(file, &key.trust(), Blake3::of(b"engine")), Err(LoadError::Untrusted(_)))
        };
        for place in [0, MAGIC.len(), 50, 100, HEADER - 1, HEADER, file.len() - 1] {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(untrusted(&changed, &key), "byte {place}");
            assert!(key.trust().module_of(&changed).is_err(), "byte {place}");
        }
        assert!(untrusted(&file[..file.len() - 1], &key));
        assert!(untrusted(&[], &key));
        assert!(untrusted(&file, &ArtifactKey::generate().unwrap()));
    }

    #[test]
    fn an_artifact_of_another_engine_is_stale_not_untrusted() {
        let key = ArtifactKey::generate().unwrap();
        let file = key.sign(&compiled());
        assert!(matches!(verify(&file, &key.trust(), Blake3::of(b"other")), Err(LoadError::Stale)));
    }
}
