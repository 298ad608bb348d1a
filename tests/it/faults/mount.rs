//! Disks that are small, and files that nobody may write: both need rights that not every machine gives.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program and says whether it did what it was asked to.
fn succeeds(program: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

/// A disk of its own, in memory; gone when this is dropped.
pub(super) struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// `None` where this process may not mount anything.
    pub(super) fn of_mib(mib: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mounted = succeeds("mount", &["-t", "tmpfs", "-o", &size, "discovery-test"], directory.path());
        if !mounted {
            println!("no file system can be mounted here: this test does nothing");
        }
        mounted.then_some(Self { directory })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves not a byte free.
    pub(super) fn fill(&self) -> Ballast {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).unwrap();
        let mut bytes = [0u8; 64 * 1024].as_slice();
        while !bytes.is_empty() {
            match file.write(bytes) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => bytes = &bytes[..bytes.len() / 2],
                Err(error) => panic!("{error}"),
            }
        }
        Ballast(path)
    }

    /// Lets nobody write any more; whoever has a file open for writing is in the way.
    pub(super) fn make_read_only(&self) {
        assert!(succeeds("mount", &["-o", "remount,ro"], self.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: of a test that failed, somebody may still be there.
        succeeds("umount", &["-l"], self.path());
    }
}

/// What fills a disk.
pub(super) struct Ballast(PathBuf);

impl Ballast {
    pub(super) fn throw_off(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

/// Files that nobody may write, whoever has them open, until this is dropped.
pub(super) struct Frozen(Vec<PathBuf>);

impl Frozen {
    /// Freezes these.
    pub(super) fn files(paths: Vec<PathBuf>) -> Self {
        assert!(paths.iter().all(|path| succeeds("chattr", &["+i"], path)), "{paths:?}");
        Self(paths)
    }

    /// Whether a file in `directory` can be frozen so that a writer who has it open notices.
    pub(super) fn is_possible_in(directory: &Path) -> bool {
        let path = directory.join("frozen");
        let mut file = File::create(&path).unwrap();
        let is_frozen = succeeds("chattr", &["+i"], &path) && file.write(b"x").is_err();
        succeeds("chattr", &["-i"], &path);
        if !is_frozen {
            println!("no file can be made immutable here: this test does nothing");
        }
        is_frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for path in &self.0 {
            // Otherwise the directory cannot be removed, which is seen then.
            let _ = succeeds("chattr", &["-i"], path);
        }
    }
}
