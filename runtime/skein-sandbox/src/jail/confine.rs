//! The child's limits, which it sets on itself before it reads the module.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

/// Numbers of the system calls that compiling needs, x86-64. No file can be opened, no socket made, no program run.
const ALLOWED: [i64; 40] = [
    0,   // read
    1,   // write
    3,   // close
    5,   // fstat
    8,   // lseek
    9,   // mmap
    10,  // mprotect
    11,  // munmap
    12,  // brk
    13,  // rt_sigaction
    14,  // rt_sigprocmask
    15,  // rt_sigreturn
    16,  // ioctl: std asks whether a stream is a terminal
    20,  // writev
    24,  // sched_yield
    25,  // mremap
    28,  // madvise
    35,  // nanosleep
    39,  // getpid
    56,  // clone: threads of the compiler
    60,  // exit
    72,  // fcntl
    97,  // getrlimit
    131, // sigaltstack
    157, // prctl: names of threads
    158, // arch_prctl
    186, // gettid
    202, // futex
    203, // sched_setaffinity
    204, // sched_getaffinity
    218, // set_tid_address
    228, // clock_gettime
    230, // clock_nanosleep
    231, // exit_group
    234, // tgkill: abort
    273, // set_robust_list
    302, // prlimit64: getrlimit
    318, // getrandom
    334, // rseq
    435, // clone3
];

/// Limits of the process as numbers, from the command line of the child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confinement {
    pub(super) memory: u64,
    pub(super) cpu_seconds: u64,
}

/// Limits this process for good.
pub(super) fn confine(limits: Confinement) -> io::Result<()> {
    let set =
        |resource, value: u64| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    set(Resource::As, limits.memory)?;
    set(Resource::Cpu, limits.cpu_seconds)?;
    set(Resource::Core, 0)?;
    set(Resource::Fsize, 0)?;
    set(Resource::Nofile, 16)?;
    filter().map_err(|error| io::Error::other(error.to_string()))
}

fn filter() -> Result<(), seccompiler::Error> {
    let rules: BTreeMap<i64, Vec<_>> = ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    // EPERM (1) instead of death: libraries probe for calls that they can do without.
    let filter =
        SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, TargetArch::x86_64)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}
