//! Very many very small datasets: each a file of its own with 25 rows, a thousand to a directory. Copies and no links, because a
//! dataset is what has an inode.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use skein_bench::tables::{self, Codec, Request, Table};

const SHELF: usize = 1_000;
/// A dataset with its state takes about as much: eight inodes' blocks.
const EACH: u64 = 32 << 10;

/// Makes the datasets, synced, and lists them.
pub(crate) fn fill(data: &Path, datasets: usize) -> anyhow::Result<Vec<PathBuf>> {
    if data.parent().is_some_and(Path::exists) {
        fs::remove_dir_all(data.parent().context("a desk")?)?;
    }
    fs::create_dir_all(data)?;
    has_room(data, datasets)?;
    let source = source(data)?;
    let mut places = Vec::with_capacity(datasets);
    for number in 0..datasets {
        let shelf = data.join(format!("{:03}", number / SHELF));
        if number % SHELF == 0 {
            fs::create_dir(&shelf)?;
        }
        let place = shelf.join(format!("orders-{number:06}.parquet"));
        File::create_new(&place)?.write_all(&source)?;
        places.push(place);
    }
    let synced = Command::new("sync").arg("--file-system").arg(data).status()?;
    anyhow::ensure!(synced.success(), "sync ended with {synced}");
    Ok(places)
}

/// The nations of TPC-H, whose comments a campaign can drop.
fn source(data: &Path) -> anyhow::Result<Vec<u8>> {
    let out = data.join("source");
    let request = Request {
        sf: 1.0,
        out: out.clone(),
        tables: vec![Table::Nation],
        codec: Codec::Snappy,
        row_group_rows: 1_000,
        files: 1,
    };
    let written = tables::write(&request)?;
    let bytes = crate::workshop::read(&written.first().context("a table")?.path)?;
    fs::remove_dir_all(out)?;
    Ok(bytes)
}

/// Says so before it starts, not in the middle.
fn has_room(data: &Path, datasets: usize) -> anyhow::Result<()> {
    let output = Command::new("df").args(["--output=avail,iavail", "-B1"]).arg(data).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut numbers =
        text.lines().last().context("an answer of df")?.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(bytes)), Some(Ok(inodes))) = (numbers.next(), numbers.next()) else {
        anyhow::bail!("df answers {text:?}");
    };
    let (need, need_inodes) = (datasets as u64 * EACH, datasets as u64 * 8);
    anyhow::ensure!(bytes > need, "{} has {bytes} bytes left, {need} are needed", data.display());
    // Some file systems have no number of inodes and say zero.
    anyhow::ensure!(
        inodes == 0 || inodes > need_inodes,
        "{inodes} inodes are left, {need_inodes} are needed"
    );
    Ok(())
}
