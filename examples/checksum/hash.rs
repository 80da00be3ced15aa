//! Hashing one file: what a worker does.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use actix_workpool::{BlockingProcessor, JobContext, JobResult, Pool};
use sha2::{Digest, Sha256};

use crate::console::Console;

/// Large enough that a system call costs little beside the hashing of what it reads, and small
/// enough to stay in a core's cache.
const BUFFER: usize = 128 * 1024;

/// The pool that hashes, and what comes from it.
pub(crate) type Hashers = Pool<PathBuf, Sum, io::Error>;
pub(crate) type Hashed = JobResult<PathBuf, Sum, io::Error>;

/// What there is to say of a file.
pub(crate) struct Sum {
    pub(crate) sha256: [u8; 32],
    /// How many bytes were hashed.
    pub(crate) size: u64,
}

/// A worker's state: the buffer that all its files are read through.
pub(crate) struct Hasher {
    buffer: Box<[u8]>,
    console: Console,
}

impl Hasher {
    pub(crate) fn new(console: Console) -> Self {
        Self { buffer: vec![0; BUFFER].into(), console }
    }

    fn read(&mut self, file: &mut File) -> io::Result<&[u8]> {
        loop {
            match file.read(&mut self.buffer) {
                Ok(n) => return Ok(&self.buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl BlockingProcessor for Hasher {
    type Payload = PathBuf;
    type Output = Sum;
    type Error = io::Error;

    fn process(
        &mut self,
        path: &PathBuf,
        _: &JobContext<PathBuf, Sum, io::Error>,
    ) -> io::Result<Sum> {
        let mut file = open(path)?;
        let (mut sha256, mut size) = (Sha256::new(), 0);
        loop {
            let bytes = self.read(&mut file)?;
            if bytes.is_empty() {
                return Ok(Sum { sha256: sha256.finalize().into(), size });
            }
            sha256.update(bytes);
            let n = bytes.len() as u64;
            size += n;
            self.console.hashed(n);
        }
    }
}

/// Opens what the walk found to be a regular file, and looks again: something else may have taken
/// its place since.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    without_waiting(&mut options);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no longer a regular file"));
    }
    Ok(file)
}

/// To open a fifo is to wait for its writer, unless the flags say otherwise; a link that was put in
/// the file's place is not followed, and a terminal does not become ours.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY);
}

#[cfg(not(unix))]
fn without_waiting(_: &mut OpenOptions) {}
