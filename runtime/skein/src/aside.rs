//! Files and directories that are made aside, under a name that nobody can know before, and take their real name when whole.
//!
//! They may be made where others write too, such as `/tmp`: whoever knew the name could put a link or a build script there
//! first. So the name is random, what is made must not exist yet, and no link is followed. A command that dies leaves at
//! most something hidden.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, fchmod, mkdirat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// What only its owner may read or enter.
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
/// What everybody may whom the owner's settings let.
const DIRECTORY: u32 = 0o777;
const FILE: u32 = 0o666;

/// A hidden name beside `path` that nobody has or can know.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{what}-{}", uuid::Uuid::now_v7().simple()));
    path.with_file_name(name)
}

/// A new file beside `path` that only its owner may read; answers its name too.
pub(crate) fn file(path: &Path) -> std::io::Result<(PathBuf, File)> {
    let aside = beside(path, "part");
    let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&aside)?;
    // Whatever the user's mask takes away.
    file.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    Ok((aside, file))
}

/// Lets a file appear under its name, in place of what is there: whoever reads it meanwhile has the old one or the new one.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let (aside, mut file) = file(path)?;
    let placed = write(&mut file).and_then(|()| std::fs::rename(&aside, path));
    if placed.is_err() {
        std::fs::remove_file(&aside)?;
    }
    placed
}

/// Who may read a file of a new directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everybody whom the owner's settings let.
    All,
    /// The owner; and nobody else may enter the directories that are made for it.
    Owner,
}

/// Lets a directory with these files appear under its name if nothing has that. What leads to it is made where it is missing.
pub(crate) fn directory<'a>(
    path: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8], Readers)>,
) -> std::io::Result<()> {
    let aside = Directory::beside(path)?;
    let filled = files.into_iter().try_for_each(|(name, bytes, readers)| aside.add(name, bytes, readers));
    let placed = filled.and_then(|()| aside.place(path));
    if placed.is_err() {
        std::fs::remove_dir_all(&aside.path)?;
    }
    placed
}

/// A directory that nobody else may enter until it has its name.
struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

impl Directory {
    fn beside(path: &Path) -> std::io::Result<Self> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)?;
        }
        let path = beside(path, "new");
        DirBuilder::new().mode(PRIVATE_DIRECTORY).create(&path)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // From here on by its handle: where others may rename what is not theirs, the name may come to mean something else.
        let handle = openat(CWD, &path, flags, Mode::empty())?;
        Ok(Self { path, handle })
    }

    /// Nothing waits for the disk: anybody can make it again.
    fn add(&self, name: &str, bytes: &[u8], readers: Readers) -> std::io::Result<()> {
        let (directories, file) = match readers {
            Readers::All => (DIRECTORY, FILE),
            Readers::Owner => (PRIVATE_DIRECTORY, PRIVATE_FILE),
        };
        for (end, _) in name.match_indices('/') {
            match mkdirat(&self.handle, &name[..end], Mode::from(directories)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        File::from(openat(&self.handle, name, flags, Mode::from(file))?).write_all(bytes)
    }

    /// Gives it the mode that a directory has here, which a new one inside shows, and its name.
    fn place(&self, path: &Path) -> std::io::Result<()> {
        const PROBE: &str = ".mode";
        mkdirat(&self.handle, PROBE, Mode::from(DIRECTORY))?;
        let usual = statat(&self.handle, PROBE, AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
        unlinkat(&self.handle, PROBE, AtFlags::REMOVEDIR)?;
        fchmod(&self.handle, Mode::from_raw_mode(usual & DIRECTORY))?;
        Ok(renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{Directory, Readers, beside, directory, file, replace};

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = directory.read_dir().unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn no_name_is_given_twice_and_none_tells_the_process() {
        let at = Path::new("/d/orders");
        let (one, two) = (beside(at, "new"), beside(at, "new"));
        assert_ne!(one, two);
        let name = one.file_name().unwrap().to_str().unwrap();
        assert_eq!(name.strip_prefix(".orders.new-").map(str::len), Some(32), "{name}");
        assert_eq!(one.parent(), at.parent());
    }

    #[test]
    fn until_it_has_its_name_a_directory_is_its_makers_alone_and_follows_no_link() {
        let place = tempfile::tempdir().unwrap();
        let others = place.path().join("others");
        std::fs::File::create(&others).unwrap().write_all(b"theirs").unwrap();
        let made = Directory::beside(&place.path().join("d")).unwrap();
        assert_eq!(mode(&made.path), 0o700);
        std::os::unix::fs::symlink(&others, made.path.join("README.md")).unwrap();
        let refused = made.add("README.md", b"ours", Readers::All).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&others).unwrap(), b"theirs");
    }

    #[test]
    fn a_directory_appears_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/d");
        let files = || [("a/b/c", b"1".as_slice(), Readers::All), ("p/q", b"2".as_slice(), Readers::Owner)];
        directory(&path, files()).unwrap();
        assert_eq!(
            (names(&path), names(path.parent().unwrap())),
            (vec!["a".into(), "p".into()], vec!["d".into()])
        );
        assert_eq!(std::fs::read(path.join("a/b/c")).unwrap(), b"1");
        assert_eq!(mode(&path), mode(&path.join("a/b")), "as any directory");
        assert_eq!((mode(&path.join("p")), mode(&path.join("p/q"))), (0o700, 0o600));
        assert_eq!(directory(&path, files()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(path.parent().unwrap()), ["d"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("f");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(replace(&path, |_| Err(Error::other("full"))).is_err());
        assert_eq!((std::fs::read(&path).unwrap(), names(place.path())), (b"old".to_vec(), vec!["f".into()]));
        let (aside, _file) = file(&path).unwrap();
        assert_eq!(mode(&aside), 0o600);
    }
}
