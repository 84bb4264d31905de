//! Building an author's crate: cargo as a child, its messages as they are, its artifact by its own word.
//!
//! What the surroundings say about somebody else's build (flags, another toolchain) is kept away from it; where its target
//! directory is, is the author's business and left alone.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use skein_types::codes;

use crate::aside;
use crate::failure::Failure;
use crate::toml_text;

pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Variables that would replace the crate's own settings, SIMD among them, or that an outer cargo left for its children.
const FOREIGN: [&str; 6] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTUP_TOOLCHAIN",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// An author's crate.
#[derive(Debug)]
pub(crate) struct Crate {
    directory: PathBuf,
    package: String,
    sdk: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
    lib: Option<Library>,
    #[serde(default)]
    dependencies: toml::Table,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "crate-type", default)]
    kinds: Vec<String>,
}

/// One line of `cargo build --message-format=json`.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

impl Crate {
    /// The crate in a directory, if it is one of a migration.
    pub(crate) fn at(directory: &Path) -> Result<Self, Failure> {
        let not = |what: String| {
            let text = format!("{} is not the crate of a migration: {what}", directory.display());
            Failure::text(codes::NOT_A_CRATE, text).hint(Some("`skein new NAME` makes one"))
        };
        let manifest = directory.join("Cargo.toml");
        let text = super::read(&manifest).map_err(|error| not(format!("Cargo.toml: {error}")))?;
        let manifest: Manifest =
            toml_text::parse(&text).map_err(|error| not(format!("Cargo.toml: {error}")))?;
        let package = manifest.package.ok_or_else(|| not("Cargo.toml has no package".to_owned()))?.name;
        let kinds = manifest.lib.map(|lib| lib.kinds).unwrap_or_default();
        if !kinds.iter().any(|kind| kind == "cdylib") {
            return Err(not("its library's crate-type has no \"cdylib\"".to_owned()));
        }
        let sdk = manifest.dependencies.get("skein-sdk").and_then(|sdk| sdk.get("path")?.as_str());
        let directory = directory.canonicalize().map_err(|error| not(error.to_string()))?;
        let sdk = sdk.map(|path| directory.join(path));
        Ok(Self { directory, package, sdk })
    }

    /// Where `skein build` leaves the module, wherever cargo built it.
    pub(crate) fn module(&self) -> PathBuf {
        self.directory.join(format!("{}.wasm", self.package))
    }

    /// Directory of the SDK, where the crate names one.
    pub(crate) fn sdk(&self) -> Option<&Path> {
        self.sdk.as_deref()
    }

    /// Builds the component and puts it in its place. Cargo speaks on standard error, as if it had been called itself.
    pub(crate) fn build(&self, release: bool) -> Result<PathBuf, Failure> {
        require_target(&self.directory)?;
        let mut cargo = command("cargo", &self.directory);
        cargo.args(["build", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
        if release {
            cargo.arg("--release");
        }
        let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(|error| missing("cargo", &error))?;
        let mut built = None;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line.map_err(|error| Failure::new(codes::IO, &error))?;
                built = self.component(&line).or(built);
            }
        }
        let status = child.wait().map_err(|error| Failure::new(codes::IO, &error))?;
        if !status.success() {
            let text = format!("{} does not build: cargo ended with {status}", self.package);
            return Err(Failure::text(codes::CRATE_NOT_BUILT, text).hint(self.sdk_hint()));
        }
        let built = built.ok_or_else(|| {
            Failure::text(
                codes::CRATE_NOT_BUILT,
                format!("{} built, but cargo made no component", self.package),
            )
        })?;
        let module = self.module();
        copy(&built, &module).map_err(|error| Failure::new(codes::IO, &error).about(&module))?;
        Ok(module)
    }

    /// The component, if this is the message that says where it is.
    fn component(&self, line: &str) -> Option<PathBuf> {
        let Ok(Message::CompilerArtifact { manifest_path, filenames }) = serde_json::from_str(line) else {
            return None;
        };
        let own = manifest_path
            .parent()
            .and_then(|dir| dir.canonicalize().ok())
            .is_some_and(|dir| dir == self.directory);
        filenames.into_iter().find(|file| own && file.extension().is_some_and(|e| e == "wasm"))
    }

    fn sdk_hint(&self) -> Option<String> {
        let sdk = self.sdk.as_ref().filter(|sdk| !sdk.join("Cargo.toml").is_file())?;
        Some(format!("there is no SDK at {}; see the crate's README.md", sdk.display()))
    }
}

/// A tool that works in the author's directory, whose settings it reads from there.
fn command(tool: &str, directory: &Path) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(directory).stdin(Stdio::null());
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
}

/// Fails with what to install unless rustc can build for the sandbox here.
fn require_target(directory: &Path) -> Result<(), Failure> {
    let mut rustc = command("rustc", directory);
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let output = rustc.output().map_err(|error| missing("rustc", &error))?;
    let library = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let text = format!("rustc cannot be used here: {}", said.lines().next().unwrap_or("it says nothing"));
        let hint =
            "`rustup toolchain install` in the crate's directory installs what rust-toolchain.toml names";
        return Err(Failure::text(codes::TOOL_MISSING, text).hint(Some(hint)));
    }
    if !Path::new(library.trim()).is_dir() {
        let text = format!("the toolchain cannot build for {TARGET}");
        return Err(
            Failure::text(codes::TOOL_MISSING, text).hint(Some(format!("rustup target add {TARGET}")))
        );
    }
    Ok(())
}

fn missing(tool: &str, error: &std::io::Error) -> Failure {
    let text = format!("{tool} cannot be started: {error}");
    Failure::text(codes::TOOL_MISSING, text).hint(Some("https://rustup.rs installs it"))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut built = File::open(from)?;
    let permissions = built.metadata()?.permissions();
    aside::replace(to, |file| {
        std::io::copy(&mut built, file)?;
        file.set_permissions(permissions)
    })
}
