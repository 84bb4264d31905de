//! One wait for everything that must be durable before the next step: each file and directory once, several at a time.
//!
//! A dataset may have more files than a process may open, so what is to be synced is kept by directory and name and
//! opened by whoever syncs it. It is told by its inode then: a name that stands for something else by that time is an
//! error, because what was meant is not durable.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::account;
use crate::fault::{During as _, IoFault};
use crate::store::{self, Node};

/// Things to sync, each under the number of the run that needs it.
#[derive(Debug, Default)]
pub(crate) struct Barrier<'a> {
    targets: Vec<Target<'a>>,
    seen: BTreeSet<(u64, u64)>,
    shared: Vec<(usize, Node)>,
}

#[derive(Debug)]
struct Target<'a> {
    owner: usize,
    dir: &'a Dir,
    name: String,
    node: Node,
}

impl Target<'_> {
    fn sync(&self) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(self.dir, &self.name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        if (Node { dev: stat.st_dev, ino: stat.st_ino }) != self.node {
            return Err(Errno::STALE);
        }
        store::sync(fd)
    }
}

impl<'a> Barrier<'a> {
    /// Adds what `name` in `dir` stands for, on behalf of `owner`. The name has to stand for it until the wait is over.
    pub(crate) fn add(&mut self, owner: usize, dir: &'a Dir, name: &str) -> Result<(), IoFault> {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).during("look at", name)?;
        let node = Node { dev: stat.st_dev, ino: stat.st_ino };
        if self.seen.insert((node.dev, node.ino)) {
            self.targets.push(Target { owner, dir, name: name.to_owned(), node });
        } else {
            self.shared.push((owner, node));
        }
        Ok(())
    }

    /// Syncs all, with one descriptor per thread; answers who cannot rely on it. An owner that only shares a target
    /// fails with it.
    pub(crate) fn wait(self, threads: usize) -> Vec<(usize, IoFault)> {
        let failed = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(target) = self.targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(errno) = target.sync() {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push((target, errno));
                }
            }
        };
        if !self.targets.is_empty() {
            account::wait_for_disk(self.targets.len());
        }
        let threads = threads.min(self.targets.len());
        if threads <= 1 {
            work();
        } else {
            std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        }
        self.blame(failed.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn blame(&self, failed: Vec<(&Target<'_>, Errno)>) -> Vec<(usize, IoFault)> {
        let mut blamed = Vec::new();
        for (hit, errno) in failed {
            let owners = self.targets.iter().map(|target| (target.owner, target.node));
            let all = owners.chain(self.shared.iter().copied());
            for owner in
                all.filter(|(_, node)| *node == hit.node).map(|(owner, _)| owner).collect::<BTreeSet<_>>()
            {
                blamed
                    .push((owner, IoFault { action: "sync", path: hit.name.clone(), source: errno.into() }));
            }
        }
        blamed
    }
}

#[cfg(test)]
mod tests {
    use super::Barrier;
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    #[test]
    fn a_name_that_stands_for_something_else_by_the_time_of_the_sync_fails_whoever_needs_it() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        for name in ["a", "b", "c"] {
            dir.write(name, name).unwrap();
        }
        let mut barrier = Barrier::default();
        for (owner, name) in [(0, "a"), (1, "b"), (2, "b"), (3, "c")] {
            barrier.add(owner, &dir, name).unwrap();
        }
        dir.rename("c", &dir, "b").unwrap();
        let failed = barrier.wait(2);
        let mut failed: Vec<_> = failed.iter().map(|(owner, fault)| (*owner, fault.path.as_str())).collect();
        failed.sort_unstable();
        assert_eq!(failed, [(1, "b"), (2, "b"), (3, "c")]);
    }
}
