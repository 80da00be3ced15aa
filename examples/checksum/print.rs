//! Printing the results.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::Path,
};

use actix_workpool::JobError;
use futures::{Stream, StreamExt};
use serde_json::json;

use crate::{
    console::Console,
    hash::{Hashed, Sum},
};

/// How many lines are written at once, at most.
const BATCH: usize = 512;

/// Prints results as they come, until there are no more. Returns how many files were not started.
///
/// All results that are there go out in one write: many where files are short, and where they are
/// long, none waits for another.
pub(crate) async fn results(
    results: impl Stream<Item = Hashed> + Unpin,
    json: bool,
    console: &Console,
) -> io::Result<u64> {
    let mut results = results.ready_chunks(BATCH);
    let (mut lines, mut not_started) = (Vec::new(), 0);
    while let Some(batch) = results.next().await {
        for result in &batch {
            let path = result.job().payload();
            match result.outcome() {
                Ok(sum) if json => json_line(&mut lines, path, sum)?,
                Ok(sum) => line(&mut lines, path, sum),
                Err(JobError::Cancelled | JobError::Rejected(_)) => not_started += 1,
                Err(JobError::Failed(error)) => console.complain(path, error),
                Err(error) => console.complain(path, error),
            }
        }
        console.print(&lines)?;
        lines.clear();
    }
    Ok(not_started)
}

/// The line of `sha256sum`. A name that would break it is escaped, and the line then begins with a
/// backslash.
fn line(lines: &mut Vec<u8>, path: &Path, sum: &Sum) {
    let name = path.as_os_str().as_encoded_bytes();
    if name.iter().any(|&byte| escape(byte).is_some()) {
        lines.push(b'\\');
    }
    lines.extend_from_slice(hex(&sum.sha256).as_bytes());
    lines.extend_from_slice(b"  ");
    for &byte in name {
        match escape(byte) {
            Some(letter) => lines.extend([b'\\', letter]),
            None => lines.push(byte),
        }
    }
    lines.push(b'\n');
}

fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\\' => Some(b'\\'),
        _ => None,
    }
}

fn json_line(lines: &mut Vec<u8>, path: &Path, sum: &Sum) -> io::Result<()> {
    let name = path.to_string_lossy();
    let mut object = json!({ "path": name, "sha256": hex(&sum.sha256), "size": sum.size });
    // It is a copy only where something had to be replaced.
    if let Cow::Owned(_) = name {
        object["path_hex"] = hex(path.as_os_str().as_encoded_bytes()).into();
    }
    writeln!(lines, "{object}")
}

fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
