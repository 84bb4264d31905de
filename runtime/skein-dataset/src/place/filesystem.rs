//! File systems by the magic number of `statfs`: which are refused unseen, which are tested, which the probe decides.

use std::fmt;

/// A file system type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    magic: u64,
}

/// What is known of a type of file system before trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The tests run on it. It is probed all the same.
    Tested,
    /// Not tested; the probe decides.
    Probe,
    /// Never, and why.
    Refused(&'static str),
}

const NETWORK: Verdict =
    Verdict::Refused("is shared over a network: locks and renames of other hosts are not seen");
const FUSE: Verdict = Verdict::Refused("is served by a process: what a rename means is up to it");
const OVERLAY: Verdict = Verdict::Refused("cannot rename directories atomically");
const PSEUDO: Verdict = Verdict::Refused("does not store files");

/// Magic numbers as `linux/magic.h` and the file systems' own headers have them.
const KNOWN: &[(u64, &str, Verdict)] = &[
    (0x0000_ef53, "ext4", Verdict::Tested),
    (0x0102_1994, "tmpfs", Verdict::Tested),
    (0x5846_5342, "xfs", Verdict::Probe),
    (0x9123_683e, "btrfs", Verdict::Probe),
    (0x0000_6969, "nfs", NETWORK),
    (0x0000_517b, "smb", NETWORK),
    (0xff53_4d42, "cifs", NETWORK),
    (0xfe53_4d42, "smb2", NETWORK),
    (0x00c3_6400, "ceph", NETWORK),
    (0x0102_1997, "9p", NETWORK),
    (0x5346_414f, "afs", NETWORK),
    (0x6b41_4653, "kafs", NETWORK),
    (0x7375_7245, "coda", NETWORK),
    (0x0000_564c, "ncp", NETWORK),
    (0x0116_1970, "gfs2", NETWORK),
    (0x7461_636f, "ocfs2", NETWORK),
    (0x0bd0_0bd0, "lustre", NETWORK),
    (0x4750_4653, "gpfs", NETWORK),
    (0x786f_4256, "vboxsf", NETWORK),
    (0x6573_5546, "fuse", FUSE),
    (0x794c_7630, "overlayfs", OVERLAY),
    (0x0000_f15f, "ecryptfs", OVERLAY),
    (0x0000_9fa0, "proc", PSEUDO),
    (0x6265_6572, "sysfs", PSEUDO),
];

impl FileSystem {
    /// From `f_type` of statfs; only its lower 32 bits count, the rest is sign extension on some platforms.
    pub fn from_magic(f_type: u64) -> Self {
        Self { magic: f_type & 0xffff_ffff }
    }

    /// What is known of it.
    pub fn verdict(&self) -> Verdict {
        self.known().map_or(Verdict::Probe, |(_, verdict)| verdict)
    }

    fn known(&self) -> Option<(&'static str, Verdict)> {
        KNOWN.iter().find(|(magic, ..)| *magic == self.magic).map(|(_, name, verdict)| (*name, *verdict))
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "of type {:#x}", self.magic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileSystem, KNOWN, Verdict};

    #[test]
    fn network_fuse_and_overlay_types_are_refused_and_local_ones_not() {
        for (magic, name, refused) in [
            (0xef53, "ext4", false),
            (0x0102_1994, "tmpfs", false),
            (0x9123_683e, "btrfs", false),
            (0x5846_5342, "xfs", false),
            (0x6969, "nfs", true),
            (0xffff_ffff_ff53_4d42, "cifs", true),
            (0x6573_5546, "fuse", true),
            (0x794c_7630, "overlayfs", true),
            (0x0102_1997, "9p", true),
            (0x1234_5678, "of type 0x12345678", false),
        ] {
            let found = FileSystem::from_magic(magic);
            assert_eq!(found.to_string(), name);
            assert_eq!(matches!(found.verdict(), Verdict::Refused(_)), refused, "{name}");
        }
    }

    #[test]
    fn what_the_tests_do_not_run_on_is_for_the_probe_to_decide() {
        for (magic, verdict) in [
            (0xef53, Verdict::Tested),
            (0x0102_1994, Verdict::Tested),
            (0x5846_5342, Verdict::Probe),
            (0x9123_683e, Verdict::Probe),
            (0x1234_5678, Verdict::Probe),
        ] {
            let found = FileSystem::from_magic(magic);
            assert_eq!(found.verdict(), verdict, "{found}");
        }
    }

    #[test]
    fn no_magic_number_is_listed_twice() {
        for (i, (magic, name, _)) in KNOWN.iter().enumerate() {
            assert!(!KNOWN[..i].iter().any(|(other, ..)| other == magic), "{name}");
        }
    }
}
