//! `skein build`: an author's crate as a module, looked at as a run would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use skein_sandbox::Limits;
use skein_types::{Bytes, Clock, ModuleDigest, SystemClock};

use crate::advice;
use crate::args::{BuildArgs, Output};
use crate::authoring::cargo::Crate;
use crate::authoring::sdk;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::modules::{self, Fresh};
use crate::render;
use crate::settings::Settings;

#[derive(Serialize)]
struct Built {
    module: PathBuf,
    name: String,
    version: String,
    size: Bytes,
    digest: ModuleDigest,
    functions: u32,
    imports: Vec<String>,
    advice: Vec<String>,
}

pub(crate) fn build(settings: &Settings, args: &BuildArgs) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (module, fresh) = compiled(settings, &args.dir, args.release, &clock)?;
    let manifest = modules::describe(&fresh.module, &Limits::STANDARD)?;
    let built = Built {
        advice: advice::of_module(&fresh.report, &manifest, &Limits::STANDARD),
        module,
        name: manifest.name,
        version: manifest.version,
        size: fresh.size,
        digest: fresh.module.digest(),
        functions: fresh.report.functions,
        imports: fresh.report.imports,
    };
    match args.output {
        Output::Json => render::json(&built),
        Output::Table => told(&built),
    }
    Ok(())
}

/// Builds a crate and compiles its component in the jail.
pub(crate) fn compiled(
    settings: &Settings,
    directory: &Path,
    release: bool,
    clock: &Arc<dyn Clock>,
) -> Result<(PathBuf, Fresh), Failure> {
    let package = Crate::at(directory)?;
    // Gone with a home that was cleared, or with another machine: what the crate names is made again if it is ours.
    if package.sdk().is_some_and(|sdk| sdk.starts_with(settings.home.join("sdk"))) {
        sdk::locate(&settings.home, None)?;
    }
    let module = package.build(release)?;
    let fresh = modules::compile(&module, &Home::at(&settings.home), clock)?;
    Ok((shorter(&module, directory), fresh))
}

/// A path as the author would write it.
fn shorter(module: &Path, directory: &Path) -> PathBuf {
    module.file_name().map_or_else(|| module.to_owned(), |name| directory.join(name))
}

fn told(built: &Built) {
    render::line(&format!("built {}: {} {}", built.module.display(), built.name, built.version));
    render::line(&format!("  size     {}, {} functions", built.size, built.functions));
    render::line(&format!("  digest   {}", built.digest));
    render::line(&format!("  imports  {}", built.imports.join(", ")));
    advice::told(&built.advice);
}
