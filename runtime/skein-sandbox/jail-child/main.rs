//! The jail's child for the tests: what `skein compile` is in the binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    skein_sandbox::jail::child_main(&args)
}
