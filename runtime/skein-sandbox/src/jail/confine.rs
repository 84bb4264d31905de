//! The child's limits, which it sets on itself before it reads the module.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
};
use seccompiler::{SeccompRule, TargetArch, apply_filter};

/// Numbers of the system calls that compiling needs, x86-64. No file can be opened, no socket made, no program run.
const ALLOWED: [i64; 39] = [
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
    435, // clone3: answered by `no_clone3`
];

const CLONE: i64 = 56;
const CLONE3: i64 = 435;
const CLONE_THREAD: u64 = 0x0001_0000;

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
    no_clone3()?;
    let mut rules: BTreeMap<i64, Vec<_>> = ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    rules.insert(CLONE, vec![threads_only()?]);
    // EPERM (1) instead of death: libraries probe for calls that they can do without.
    install(SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, TargetArch::x86_64)?)
}

/// The compiler has threads, but nothing here makes a process. `RLIMIT_NPROC` could not say so: it counts all
/// processes of the user, and none of root's.
fn threads_only() -> Result<SeccompRule, seccompiler::Error> {
    let condition = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(CLONE_THREAD),
        CLONE_THREAD,
    )?;
    Ok(SeccompRule::new(vec![condition])?)
}

/// No filter can see the flags of clone3. Told that it does not exist (38), the C library uses clone.
fn no_clone3() -> Result<(), seccompiler::Error> {
    let rules = BTreeMap::from([(CLONE3, Vec::new())]);
    install(SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(38), TargetArch::x86_64)?)
}

fn install(filter: SeccompFilter) -> Result<(), seccompiler::Error> {
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::{fs, io, thread};

    use super::filter;

    /// A filter holds for the thread that sets it and those that it starts.
    fn confined<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
        thread::spawn(|| {
            filter().unwrap();
            run()
        })
        .join()
        .unwrap()
    }

    #[test]
    fn confined_code_has_threads_but_no_files_and_no_processes() {
        assert_eq!(confined(|| thread::spawn(|| 7).join().unwrap()), 7);
        let file = confined(|| fs::read("/proc/self/status").map(drop).unwrap_err().kind());
        assert_eq!(file, io::ErrorKind::PermissionDenied);
        let process = confined(|| Command::new("/bin/true").spawn().map(drop).unwrap_err().kind());
        assert_eq!(process, io::ErrorKind::PermissionDenied);
    }
}
