//! One wait for everything that must be durable before the next step: each file and directory once, several at a time.

use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};

use crate::fault::{During as _, IoFault};
use crate::store::Node;

/// How a barrier makes things durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// Each file and directory by itself.
    Each,
    /// Whole file systems: cheaper for many small files, but it also waits for everybody else's writes there; only for
    /// a file system that is declared to be Skein's.
    FileSystem,
}

/// Things to sync, each under the number of the run that needs it.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    targets: Vec<(usize, OwnedFd, String)>,
    seen: BTreeSet<(u64, u64)>,
    shared: Vec<(usize, Node)>,
    nodes: Vec<Node>,
}

impl Barrier {
    /// Adds what `name` in `dir` stands for, on behalf of `owner`.
    pub(crate) fn add(&mut self, owner: usize, dir: &Dir, name: &str) -> Result<(), IoFault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(dir, name, flags, Mode::empty()).during("open", name)?;
        let stat = rustix::fs::fstat(&fd).during("look at", name)?;
        let node = Node { dev: stat.st_dev, ino: stat.st_ino };
        if self.seen.insert((node.dev, node.ino)) {
            self.targets.push((owner, fd, name.to_owned()));
            self.nodes.push(node);
        } else {
            self.shared.push((owner, node));
        }
        Ok(())
    }

    /// Syncs all; answers who cannot rely on it. An owner that only shares a target fails with it.
    pub(crate) fn wait(self, mode: SyncMode, threads: usize) -> Vec<(usize, IoFault)> {
        let chosen: Vec<usize> = match mode {
            SyncMode::Each => (0..self.targets.len()).collect(),
            SyncMode::FileSystem => {
                let mut devices = BTreeSet::new();
                (0..self.targets.len()).filter(|i| devices.insert(self.nodes[*i].dev)).collect()
            }
        };
        let failed = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(&i) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (_, fd, name) = &self.targets[i];
                let answer = match mode {
                    SyncMode::Each => rustix::fs::fsync(fd.as_fd()),
                    SyncMode::FileSystem => rustix::fs::syncfs(fd.as_fd()),
                };
                if let Err(errno) = answer {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push((i, errno, name.clone()));
                }
            }
        };
        let threads = threads.min(chosen.len());
        if threads <= 1 {
            work();
        } else {
            std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        }
        self.blame(failed.into_inner().unwrap_or_else(PoisonError::into_inner), mode)
    }

    fn blame(
        &self,
        failed: Vec<(usize, rustix::io::Errno, String)>,
        mode: SyncMode,
    ) -> Vec<(usize, IoFault)> {
        let mut blamed = Vec::new();
        for (i, errno, path) in failed {
            let hit = self.nodes[i];
            let touches = |node: &Node| match mode {
                SyncMode::Each => *node == hit,
                SyncMode::FileSystem => node.dev == hit.dev,
            };
            let owners = self.targets.iter().map(|t| t.0).zip(&self.nodes);
            let all = owners.chain(self.shared.iter().map(|(owner, node)| (*owner, node)));
            for owner in
                all.filter(|(_, node)| touches(node)).map(|(owner, _)| owner).collect::<BTreeSet<_>>()
            {
                blamed.push((owner, IoFault { action: "sync", path: path.clone(), source: errno.into() }));
            }
        }
        blamed
    }
}
