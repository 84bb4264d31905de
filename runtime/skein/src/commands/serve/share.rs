//! What each node of this machine has of it: as much as every other.

use std::io::Read as _;

use skein_types::Bytes;

use crate::machine::Bandwidth;

/// Longest text of the system's table.
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

/// Memory that nodes may have: seven eighths of the machine's. The rest is the system's and control's.
fn memory() -> Option<Bytes> {
    let mut table = String::new();
    let file = std::fs::File::open("/proc/meminfo").ok()?;
    file.take(TABLE_BYTES_MAX).read_to_string(&mut table).ok()?;
    of_table(&table)
}

fn of_table(table: &str) -> Option<Bytes> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.checked_mul(1024)? / 8 * 7))
}

#[cfg(test)]
mod tests {
    use super::{arguments, of_table};
    use crate::machine::Bandwidth;
    use skein_types::Bytes;

    #[test]
    fn memory_is_most_of_what_the_system_says() {
        let table = "MemTotal:       16384000 kB\nMemFree: 1 kB\n";
        assert_eq!(of_table(table), Some(Bytes(16_384_000 * 1024 / 8 * 7)));
        assert_eq!(of_table("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn nodes_have_equal_shares() {
        let said = arguments(4, 2, Bandwidth { read: Some(Bytes(1_000)), write: None });
        assert_eq!(said[..2], ["--cpu", "2000"]);
        assert_eq!(said[said.len() - 2..], ["--read", "500"]);
    }
}
