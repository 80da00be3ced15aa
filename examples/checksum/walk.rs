//! Finding the files, on a thread of its own: a slow directory delays no file found before it.

use std::{
    io,
    path::{Path, PathBuf},
    thread,
};

use futures::{StreamExt, channel::mpsc, executor::block_on, stream};
use walkdir::{DirEntry, WalkDir};

use crate::console::Console;

/// How many files the walk may be ahead of the pool, besides the one it found last.
const AHEAD: usize = 256;

/// Every regular file under the paths. The walk goes on as its files are taken.
pub(crate) fn files(
    paths: Vec<PathBuf>,
    ordered: bool,
    console: Console,
) -> io::Result<mpsc::Receiver<PathBuf>> {
    let (sender, files) = mpsc::channel(AHEAD);
    let walk = move || {
        let found = paths
            .into_iter()
            .flat_map(|path| entries(path, ordered))
            .filter_map(|entry| regular(entry, &console));
        // It fails where nobody takes files any more: then the walk just ends.
        let _ = block_on(stream::iter(found).map(Ok).forward(sender));
        console.walk_ended();
    };
    thread::Builder::new().name("walk".into()).spawn(walk)?;
    Ok(files)
}

/// Sorting costs the memory of one directory's names at each level; without it, a directory is read
/// as it is walked. Either way few directories are open at a time (walkdir's default is ten).
fn entries(path: PathBuf, ordered: bool) -> walkdir::IntoIter {
    let walk = WalkDir::new(path).follow_root_links(false);
    if ordered { walk.sort_by_file_name().into_iter() } else { walk.into_iter() }
}

fn regular(entry: walkdir::Result<DirEntry>, console: &Console) -> Option<PathBuf> {
    match entry {
        Ok(entry) if entry.file_type().is_file() => {
            console.found(|| entry.metadata().map_or(0, |metadata| metadata.len()));
            Some(entry.into_path())
        }
        Ok(_) => None,
        Err(error) => {
            let path = error.path().unwrap_or(Path::new("."));
            match error.io_error() {
                Some(reason) => console.complain(path, reason),
                None => console.complain(path, &error),
            }
            None
        }
    }
}
