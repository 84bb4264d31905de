//! The child's limits, which it sets on itself before it reads the module.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
};
use seccompiler::{SeccompRule, TargetArch, apply_filter};

/// Numbers of the system calls that compiling needs whatever their arguments, x86-64. No file can be opened, no socket
/// made, no program run.
const ALLOWED: [i64; 31] = [
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
    20,  // writev
    24,  // sched_yield
    25,  // mremap
    28,  // madvise
    35,  // nanosleep
    39,  // getpid
    60,  // exit
    97,  // getrlimit
    131, // sigaltstack
    186, // gettid
    202, // futex
    218, // set_tid_address
    228, // clock_gettime
    230, // clock_nanosleep
    231, // exit_group
    273, // set_robust_list
    318, // getrandom
    334, // rseq
    435, // clone3: answered by `no_clone3`
];

const CLONE: i64 = 56;
const CLONE3: i64 = 435;
const CLONE_THREAD: u64 = 0x0001_0000;
const FCNTL: i64 = 72;
const F_GETFD: u64 = 1;
const F_GETFL: u64 = 3;
const PRCTL: i64 = 157;
const PR_SET_NAME: u64 = 15;
const SCHED_GETAFFINITY: i64 = 204;
const TGKILL: i64 = 234;
const SIGABRT: u64 = 6;
const PRLIMIT64: i64 = 302;
/// In the place of a process: the one that asks.
const SELF: u64 = 0;
const NULL: u64 = 0;

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

/// Limits the processor time of this process, and that it leaves its memory behind. A module's memories are files without a name, so the
/// filter of the compiler is none for what runs modules.
pub(super) fn of_one_call(cpu_seconds: u64) -> io::Result<()> {
    let set =
        |resource, value: u64| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    set(Resource::Cpu, cpu_seconds)?;
    Ok(set(Resource::Core, 0)?)
}

fn filter() -> Result<(), seccompiler::Error> {
    no_clone3()?;
    let mut rules: BTreeMap<i64, Vec<_>> = ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    rules.extend(examined()?);
    // EPERM (1) instead of death: libraries probe for calls that they can do without.
    install(SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, TargetArch::x86_64)?)
}

/// Calls that are needed in one form and could do harm in another.
fn examined() -> Result<[(i64, Vec<SeccompRule>); 6], seccompiler::Error> {
    let own = u64::from(std::process::id());
    Ok([
        // Threads, but no processes. `RLIMIT_NPROC` could not say so: it counts all processes of the user, and none of
        // root's.
        (CLONE, vec![only([(0, SeccompCmpOp::MaskedEq(CLONE_THREAD), CLONE_THREAD)])?]),
        // Reading what a descriptor is: checked builds of std do so before they close one.
        (FCNTL, vec![only([equal(1, F_GETFD)])?, only([equal(1, F_GETFL)])?]),
        (PRCTL, vec![only([equal(0, PR_SET_NAME)])?]),
        // How many processors there are.
        (SCHED_GETAFFINITY, vec![only([equal(0, SELF)])?]),
        // What `abort` sends.
        (TGKILL, vec![only([equal(0, own), equal(2, SIGABRT)])?]),
        // As the C library reads a limit: of this process, with nothing to set.
        (PRLIMIT64, vec![only([equal(0, SELF), equal(2, NULL)])?]),
    ])
}

const fn equal(argument: u8, value: u64) -> (u8, SeccompCmpOp, u64) {
    (argument, SeccompCmpOp::Eq, value)
}

/// A rule that holds if each of these arguments is as given.
fn only<const N: usize>(arguments: [(u8, SeccompCmpOp, u64); N]) -> Result<SeccompRule, seccompiler::Error> {
    let condition = |(argument, operator, value)| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
    };
    let conditions: Result<Vec<_>, _> = arguments.into_iter().map(condition).collect();
    Ok(SeccompRule::new(conditions?)?)
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
    use std::ffi::{c_int, c_long};
    use std::process::Command;
    use std::{fs, io, process, thread};

    use super::filter;

    /// A call by its number, as an attacker would make it. Answers the error's number, 0 if there was none.
    fn error_of(number: c_long, args: [c_long; 4]) -> c_int {
        #[expect(unsafe_code, reason = "no checked wrapper makes the calls that are to be refused")]
        // SAFETY: the C library's own signature. Callers pass numbers and null where the call knows pointers.
        let answer = unsafe {
            unsafe extern "C" {
                fn syscall(number: c_long, ...) -> c_long;
            }
            syscall(number, args[0], args[1], args[2], args[3])
        };
        if answer == -1 { io::Error::last_os_error().raw_os_error().unwrap() } else { 0 }
    }

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
        assert!(confined(|| thread::available_parallelism().is_ok()));
        let file = confined(|| fs::read("/proc/self/status").map(drop).unwrap_err().kind());
        assert_eq!(file, io::ErrorKind::PermissionDenied);
        let process = confined(|| Command::new("/bin/true").spawn().map(drop).unwrap_err().kind());
        assert_eq!(process, io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn calls_that_could_reach_further_are_refused_by_their_arguments() {
        const PERMITTED: c_int = 0;
        const REFUSED: c_int = 1;
        let number = |n: u32| c_long::from(n);
        let (own, parent) = (number(process::id()), number(std::os::unix::process::parent_id()));
        for (what, call, args, expected) in [
            ("a signal to another process", 234, [parent, parent, 0, 0], REFUSED),
            ("another signal than that of an abort", 234, [own, own, 0, 0], REFUSED),
            ("limits of another process", 302, [parent, 7, 0, 0], REFUSED),
            // An address that nobody can read: without the rule the kernel says so.
            ("limits set anew", 302, [0, 7, 8, 0], REFUSED),
            ("own limits", 302, [0, 7, 0, 0], PERMITTED),
            ("processors of another process", 203, [parent, 0, 0, 0], REFUSED),
            ("own processors", 203, [0, 0, 0, 0], REFUSED),
            ("asking for processors of another process", 204, [parent, 0, 0, 0], REFUSED),
            ("a descriptor's flags", 72, [1, 1, 0, 0], PERMITTED),
            ("a descriptor's mode", 72, [1, 3, 0, 0], PERMITTED),
            ("a copy of a descriptor", 72, [1, 1030, 0, 0], REFUSED),
            ("flags set anew", 72, [1, 2, 1, 0], REFUSED),
            ("an owner for signals", 72, [1, 8, 0, 0], REFUSED),
            ("a seal", 72, [1, 1033, 0, 0], REFUSED),
            ("a terminal's settings", 16, [1, 0x5401, 0, 0], REFUSED),
            ("input for a terminal", 16, [1, 0x5412, 0, 0], REFUSED),
            (
                "a thread's name",
                157,
                [15, c"compiler".as_ptr().addr().cast_signed() as c_long, 0, 0],
                PERMITTED,
            ),
            ("a dumpable process", 157, [4, 1, 0, 0], REFUSED),
            ("death with the parent", 157, [1, 0, 0, 0], REFUSED),
            ("another segment base", 158, [0x1001, 0, 0, 0], REFUSED),
        ] {
            assert_eq!(confined(move || error_of(call, args)), expected, "{what}");
        }
    }
}
