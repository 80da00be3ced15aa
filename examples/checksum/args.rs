//! What the user can ask for.

use std::{fs, num::NonZeroUsize, path::PathBuf, thread};

use clap::{
    Parser,
    builder::{PathBufValueParser, TypedValueParser},
};

/// Print the SHA-256 of every regular file under the given paths, as sha256sum does.
///
/// Paths are printed as find(1) prints them. Symbolic links are not followed, not even those given
/// as a PATH; they are skipped without a word, as are fifos, sockets and devices.
#[derive(Debug, Parser)]
#[command(name = "checksum", after_long_help = EXIT_STATUS)]
pub(crate) struct Args {
    /// Files, and directories to walk
    #[arg(required = true, value_name = "PATH")]
    #[arg(value_parser = PathBufValueParser::new().try_map(existing))]
    pub(crate) paths: Vec<PathBuf>,

    /// Print in the order of the walk, each directory's names sorted by bytes, not as completed
    #[arg(long)]
    pub(crate) ordered: bool,

    /// Print one JSON object a line: `path`, `sha256` and `size`
    ///
    /// A path that is not UTF-8 has U+FFFD in place of what is not, and the object has one more
    /// member, `path_hex`: all of its bytes in hexadecimal.
    #[arg(long)]
    pub(crate) json: bool,

    /// How many files are hashed at once
    #[arg(long, value_name = "N", default_value_t = parallelism(), value_parser = workers)]
    pub(crate) workers: usize,
}

const EXIT_STATUS: &str = "\
Exit status:
  0    every file was hashed
  1    a file or a directory could not be read, or the output not be written
  2    the arguments make no sense, or a PATH does not exist
  130  it was interrupted by Ctrl-C: once, the files that were being hashed were finished
  141  whoever read the output has left, as a shell shows it for a tool that SIGPIPE ended";

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    match fs::symlink_metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(format!("{error}; give files or directories that exist")),
    }
}

fn parallelism() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn workers(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(workers @ 1..) => Ok(workers),
        _ => Err("nothing would be hashed; give a number from 1 up"),
    }
}
