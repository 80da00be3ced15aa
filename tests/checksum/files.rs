//! Trees to hash.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::MANY;

/// A tree of everything that is hard to print or to read.
pub(crate) fn hostile_tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let names: [&[u8]; 17] = [
        b"plain",
        b" leading and trailing ",
        b"-dash",
        b"tab\there",
        b"new\nline",
        b"\nfirst",
        b"carriage\rreturn",
        b"crlf\r\n",
        b"back\\slash",
        b"\\first",
        b"last\\",
        b"not a newline\\n",
        b"quotes'\"`$*?",
        b"bell\x07escape\x1b[31m",
        "gr\u{fc}n \u{1f980} \u{2028}".as_bytes(),
        b"not utf-8 \xff\xfe\xc3",
        b"not utf-8 \xff\n\\",
    ];
    names.iter().for_each(|name| put(dir.path(), name, name));
    for (name, len) in [("empty", 0), ("sparse", 9_000_001), ("0 long", 3_000_000)] {
        File::create(dir.path().join(name)).unwrap().set_len(len).unwrap();
    }
    put(dir.path(), b"two buffers", &[7; 2 * 128 * 1024]);
    let deep = (0..60).fold(dir.path().join("deep"), |path, level| path.join(level.to_string()));
    fs::create_dir_all(&deep).unwrap();
    deep.ancestors().take(61).for_each(|level| put(level, b"file", level.as_os_str().as_bytes()));
    let odd = dir.path().join(OsStr::from_bytes(b"odd \\ \n \xff"));
    fs::create_dir(&odd).unwrap();
    names.iter().for_each(|name| put(&odd, name, b"odd"));
    fs::create_dir(dir.path().join("empty directory")).unwrap();
    make_many(dir.path());
    dir
}

pub(crate) fn put(dir: &Path, name: &[u8], content: &[u8]) {
    fs::write(dir.join(OsStr::from_bytes(name)), content).unwrap();
}

pub(crate) fn make_many(dir: &Path) -> PathBuf {
    for part in 0..MANY / 100 {
        make_files(&dir.join(format!("many/part {part}")), 100);
    }
    dir.join("many")
}

pub(crate) fn make_files(dir: &Path, files: usize) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    for file in 0..files {
        put(dir, format!("file {file}").as_bytes(), file.to_string().as_bytes());
    }
    dir.to_owned()
}

/// A file that takes minutes to read, and no room. Cut off, it ends at once.
pub(crate) fn make_endless(path: &Path) {
    File::create(path).unwrap().set_len(1 << 40).unwrap();
}

/// A directory at whose bottom paths are longer than the 4,096 bytes that a system call takes.
pub(crate) fn make_too_deep(top: &Path) {
    let half = |top: &Path| (0..10).fold(top.to_owned(), |path, _| path.join("d".repeat(250)));
    let other = top.with_extension("other half");
    fs::create_dir_all(half(top)).unwrap();
    fs::create_dir_all(half(&other)).unwrap();
    fs::rename(other, half(top).join("d")).unwrap();
}
