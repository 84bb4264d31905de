//! `skein doctor`: what this machine and these places are fit for.
//!
//! Every check is a line: ok, a warning, or a problem with the code that a run would be refused with and what to do. The
//! exit code is that of the first problem; warnings do not count. Nothing is written but a probe beside each dataset,
//! which says so and is removed.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{Dataset, Finding, Grade, Place, examine};
use skein_sandbox::jail::{JailOptions, compile_in_jail};
use skein_types::{Clock, Code, SystemClock, codes};

use crate::args::{DoctorArgs, Output};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::onlookers;
use crate::render;
use crate::settings::Settings;

/// A core module without anything: the jail's child has to start, confine itself and look, to refuse it.
const NO_COMPONENT: &[u8] = b"\0asm\x01\0\0\0";

#[derive(Serialize)]
struct Report {
    machine: Vec<Line>,
    datasets: Vec<About>,
}

#[derive(Serialize)]
struct About {
    dataset: String,
    findings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    check: &'static str,
    grade: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docs: Option<String>,
}

pub(crate) fn doctor(settings: &Settings, args: &DoctorArgs) -> CommandResult {
    let machine = machine(settings);
    let places = args.datasets.iter().map(|path| (path, place(settings, path)));
    let places: Vec<_> = places.map(|(path, findings)| (path.display().to_string(), findings)).collect();
    let all = || machine.iter().chain(places.iter().flat_map(|(_, findings)| findings));
    let worst: Option<Code> = all().find_map(|finding| finding.code);
    match args.output {
        Output::Json => render::json(&Report {
            machine: machine.iter().map(line).collect(),
            datasets: places
                .iter()
                .map(|(dataset, findings)| About {
                    dataset: dataset.clone(),
                    findings: findings.iter().map(line).collect(),
                })
                .collect(),
        }),
        Output::Table => {
            told("this machine", &machine);
            places.iter().for_each(|(dataset, findings)| {
                render::line("");
                told(dataset, findings);
            });
        }
    }
    worst.map_or(Ok(()), |code| Err(Failure::told(code)))
}

fn place(settings: &Settings, path: &Path) -> Vec<Finding> {
    let located = Place::locate(path).and_then(|place| datasets::with_state(settings, place));
    let opened = located.map_err(|error| Finding::of_place(&error)).and_then(|place| {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let options = datasets::options(datasets::default_threads(), &Arc::default());
        Dataset::open(place, clock, options)
            .map_err(|error| Finding::problem("state", error.code(), error.to_string(), error.hint()))
    });
    match opened {
        Ok(dataset) => {
            let mut findings = examine(&dataset);
            findings.push(onlookers::finding(&dataset));
            findings
        }
        Err(finding) => vec![finding],
    }
}

fn machine(settings: &Settings) -> Vec<Finding> {
    vec![
        Finding::ok("version", format!("skein {}", env!("CARGO_PKG_VERSION"))),
        Finding::ok("processors", format!("{} for agents at the same time", datasets::default_threads())),
        Home::at(&settings.home).finding(),
        settings.finding(),
        jail(),
    ]
}

fn jail() -> Finding {
    const CHECK: &str = "jail";
    let hint = Some("compiling needs a child process under limits, with seccomp");
    let exe = match std::env::current_exe() {
        Ok(exe) => exe,
        Err(error) => return Finding::problem(CHECK, codes::IO, error.to_string(), hint),
    };
    match compile_in_jail(&JailOptions::standard(exe), NO_COMPONENT) {
        Err(error) if error.code() == codes::CORE_MODULE => {
            Finding::ok(CHECK, "modules can be compiled: the child starts, confines itself and answers")
        }
        Err(error) => Finding::problem(CHECK, error.code(), error.to_string(), hint),
        Ok(_) => Finding::problem(CHECK, codes::BUG, "the jail accepted what is no component", hint),
    }
}

fn line(finding: &Finding) -> Line {
    Line {
        check: finding.check,
        grade: word(finding.grade),
        text: finding.text.clone(),
        code: finding.code.map(|code| code.id),
        hint: finding.hint.clone(),
        docs: finding.code.map(|code| format!("docs/errors/{}.md", code.id)),
    }
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok",
        Grade::Warning => "warning",
        Grade::Problem => "problem",
    }
}

fn told(title: &str, findings: &[Finding]) {
    render::line(title);
    for finding in findings {
        let code = finding.code.map_or_else(String::new, |code| format!("[{}] ", code.id));
        render::line(&format!("  {:<8} {:<12} {code}{}", word(finding.grade), finding.check, finding.text));
        let more = finding.hint.iter().map(|hint| format!("hint: {hint}"));
        let page = finding.code.map(|code| format!("see `skein explain {}`", code.id));
        more.chain(page).for_each(|text| render::line(&format!("{:>24}{text}", "")));
    }
}
