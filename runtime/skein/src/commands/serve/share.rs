//! What each node of this machine has of it: as much as every other.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use skein_types::Bytes;

use crate::machine::Bandwidth;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// Longest of the system's texts.
const TABLE_BYTES_MAX: u64 = 64 << 10;

/// The arguments by which a node is told what it has.
pub(super) fn arguments(cores: usize, nodes: usize, bandwidth: Bandwidth) -> Vec<String> {
    let nodes = (nodes as u64).max(1);
    let mut arguments = vec!["--cpu".to_owned(), (cores as u64 * 1_000 / nodes).to_string()];
    let rate = |bytes: Bytes| Bytes((bytes.0 / nodes).max(1));
    for (option, share) in [
        ("--memory", memory().map(|all| Bytes(all.0 / nodes))),
        ("--read", bandwidth.read.map(rate)),
        ("--write", bandwidth.write.map(rate)),
    ] {
        arguments.extend(share.into_iter().flat_map(|share| [option.to_owned(), share.0.to_string()]));
    }
    arguments
}

/// Memory that nodes may have: seven eighths of the machine's, or of what a container has of it. The rest is the system's and
/// control's.
fn memory() -> Option<Bytes> {
    let group = text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = limit_files(&group).into_iter().filter_map(|file| text(&file));
    Some(Bytes(least(&text(Path::new("/proc/meminfo"))?, limits)?.0 / 8 * 7))
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(TABLE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Where the limits of the control group (version 2) of a process are, and of all groups above it: each holds for it.
fn limit_files(group: &str) -> Vec<PathBuf> {
    let Some(path) = group.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    // What is outside of the namespace that this process sees is not mounted in it.
    let path: PathBuf = path.split('/').filter(|part| *part != "..").collect();
    path.ancestors().map(|group| Path::new(GROUPS).join(group).join("memory.max")).collect()
}

/// The machine's memory, or the least of the limits where one is less. A group without a limit says `max`.
fn least(table: &str, limits: impl Iterator<Item = String>) -> Option<Bytes> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let limits = limits.filter_map(|limit| limit.trim().parse().ok());
    Some(Bytes(limits.fold(kib.checked_mul(1024)?, u64::min)))
}

#[cfg(test)]
mod tests {
    use super::{arguments, least, limit_files};
    use crate::machine::Bandwidth;
    use skein_types::Bytes;

    #[test]
    fn memory_is_the_machines_or_the_least_that_a_group_may_have_of_it() {
        let table = "MemTotal:       16384000 kB\nMemFree: 1 kB\n";
        let all = Some(Bytes(16_384_000 * 1024));
        let of = |table: &str, limits: &[&str]| least(table, limits.iter().map(|&limit| limit.to_owned()));
        assert_eq!(of(table, &[]), all);
        assert_eq!(of(table, &["max\n", "max\n"]), all);
        assert_eq!(of(table, &["max\n", "1073741824\n", "2147483648\n"]), Some(Bytes::mib(1_024)));
        assert_eq!(of(table, &["99999999999999\n", "nonsense"]), all);
        assert_eq!(of("MemFree: 1 kB\n", &["1\n"]), None);
    }

    #[test]
    fn the_limits_of_all_groups_above_hold_too() {
        let files = |group: &str| {
            let files = limit_files(group);
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
        };
        let nested = files("1:name=x:/y\n0::/system.slice/skein.service\n");
        let at = |group: &str| format!("/sys/fs/cgroup/{group}memory.max");
        assert_eq!(nested, [at("system.slice/skein.service/"), at("system.slice/"), at("")]);
        assert_eq!(files("0::/\n"), [at("")]);
        assert_eq!(files("0::/../../x\n"), [at("x/"), at("")]);
        assert!(files("4:memory:/docker/1\n").is_empty());
    }

    #[test]
    fn nodes_have_equal_shares() {
        let said = arguments(4, 2, Bandwidth { read: Some(Bytes(1_000)), write: None });
        assert_eq!(said[..2], ["--cpu", "2000"]);
        assert_eq!(said[said.len() - 2..], ["--read", "500"]);
    }
}
