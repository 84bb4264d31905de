//! Which mount a place is on, for people.

use std::io::Read as _;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, StatxFlags};

const TABLE: &str = "/proc/self/mountinfo";
const TABLE_BYTES_MAX: u64 = 4 << 20;

/// `/data, /dev/sda1 ext4`: where the mount of a directory is and of what; `None` where the system does not say.
pub(super) fn of(dir: &Dir) -> Option<String> {
    let statx = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    let mut table = String::new();
    std::fs::File::open(TABLE).ok()?.take(TABLE_BYTES_MAX).read_to_string(&mut table).ok()?;
    told(&table, statx.stx_mnt_id)
}

/// As `proc_pid_mountinfo(5)` has it: id, parent, device, root, mount point, options, optional fields, `-`, type, source.
fn told(table: &str, id: u64) -> Option<String> {
    let line = table.lines().find(|line| line.split(' ').next().and_then(|n| n.parse().ok()) == Some(id))?;
    let (mount, what) = line.split_once(" - ")?;
    let (point, mut what) = (mount.split(' ').nth(4)?, what.split(' '));
    let (kind, source) = (what.next()?, what.next()?);
    Some(format!("mounted at {point}: {source}, {kind}"))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_mount_is_found_by_its_number() {
        let table = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
                     361 36 0:45 / /dev/shm rw shared:5 shared:6 - tmpfs none rw\n";
        assert_eq!(told(table, 36).as_deref(), Some("mounted at /mnt2: /dev/root, ext3"));
        assert_eq!(told(table, 361).as_deref(), Some("mounted at /dev/shm: none, tmpfs"));
        assert_eq!(told(table, 3), None);
    }
}
