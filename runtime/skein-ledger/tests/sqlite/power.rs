//! The power goes: an image of ext4 is shut down while callers commit, without its own log being written, and mounted anew.
//! Whatever was not synced by then is gone, as after a power cut. With `synchronous` off or NORMAL, all that was committed since
//! the last checkpoint is gone.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use skein_ledger::{Entry, Ledger, Span, Unit, UnitOutcome};
use skein_types::{CauseId, Timestamp};
use uuid::Uuid;

use crate::again::{in_namespace, inside};
use crate::{by, joined, open};

const CALLERS: u64 = 4;
/// Calls that are acknowledged before the power goes; those of the moment come on top.
const BEFORE: usize = 200;
/// The request that shuts a mounted ext4 down (`EXT4_IOC_SHUTDOWN`, without a flush: 2).
const CUT: &str = "import fcntl,os,struct,sys; \
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

fn unit(number: u64) -> Unit {
    let cause = CauseId::new(Uuid::from_u128(number.into()));
    let blob = Entry::PutBlob { bytes: number.to_be_bytes().repeat(100), keep_until: Timestamp(0) };
    by().caused(cause).then(blob).decide(joined(number))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Commits until the disk is gone; answers what was acknowledged before that began. What is acknowledged while it goes counts
/// for nothing here: a system that shuts a file system down under a sync may still call the sync done, which power cannot.
fn commit_until_the_power_goes(ledger: &dyn Ledger, disk: &Path) -> Vec<(u64, Span)> {
    let told = Mutex::new(Vec::new());
    let gone = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (told, gone) = (&told, &gone);
            scope.spawn(move || {
                for number in (caller + 1..).step_by(CALLERS as usize) {
                    match ledger.commit(vec![unit(number)]) {
                        Ok(outcomes) => {
                            let [UnitOutcome::Applied(Some(span))] = outcomes[..] else {
                                panic!("{outcomes:?}")
                            };
                            told.lock().unwrap().push((number, span));
                        }
                        // A process does not outlive its power: what it would say now counts for nothing.
                        Err(error) => return assert!(gone.load(Ordering::SeqCst), "{error}"),
                    }
                }
            });
        }
        while told.lock().unwrap().len() < BEFORE {
            std::thread::yield_now();
        }
        let before = told.lock().unwrap().clone();
        gone.store(true, Ordering::SeqCst);
        run(Command::new("python3").args(["-c", CUT]).arg(disk));
        before
    })
}

#[test]
fn whatever_was_told_before_the_power_went_is_there_when_it_is_back() {
    let test = "power::whatever_was_told_before_the_power_went_is_there_when_it_is_back";
    let Some(directory) = inside() else {
        let directory = tempfile::tempdir().unwrap();
        let disk =
            "truncate -s 64M $W/image; mkfs.ext4 -q $W/image; mkdir $W/disk; mount -o loop $W/image $W/disk";
        return in_namespace(test, directory.path(), disk);
    };
    let disk = directory.join("disk");
    let ledger = open(&disk.join("state"));
    let told = commit_until_the_power_goes(&ledger, &disk);
    drop(ledger);
    run(Command::new("umount").arg(&disk));
    run(Command::new("mount").args(["-o", "loop"]).arg(directory.join("image")).arg(&disk));

    let ledger = open(&disk.join("state"));
    let head = ledger.verify(None).unwrap();
    let again = ledger.commit(told.iter().map(|(number, _)| unit(*number)).collect()).unwrap();
    let known: Vec<_> = told.iter().map(|(_, span)| UnitOutcome::Known(Some(*span))).collect();
    assert_eq!(again, known);
    assert_eq!(ledger.rebuild().unwrap().head, head);
    println!("{} calls acknowledged, none lost", told.len());
}
