//! The example `checksum` from outside: what it prints, what it complains of, how it ends.
//!
//! `cargo test` builds the examples too; before `cargo test --test checksum`, run
//! `cargo build --example checksum`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // the helpers are tests too

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, Write},
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt,
            fs::symlink,
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
    thread,
};

use proptest::{collection::btree_set, prelude::*};
use serde_json::Value;
use tempfile::TempDir;

/// More files than pipe, pool and walk together hold back while nobody reads the output: 64 KiB of
/// lines in the pipe, two batches of 512, 1,024 files under way and 257 found ahead.
const MANY: usize = 5_000;

#[test]
fn it_prints_what_sha256sum_prints() {
    let dir = hostile_tree();
    let output = run(checksum().arg(dir.path()));
    assert_eq!(sorted(&output.stdout), sorted(&sha256sum(dir.path())));
    assert_clean(&output);
}

#[test]
fn ordered_it_prints_in_the_order_of_the_walk() {
    let dir = hostile_tree();
    let mut files = Vec::new();
    walk(dir.path(), &mut files);
    let output = run(checksum().args(["--ordered", "--workers", "4"]).arg(dir.path()));
    assert_eq!(lines(&output.stdout), lines(&sha256sum_each(&files)));
    assert_clean(&output);
}

#[test]
fn paths_are_printed_as_find_prints_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    put(dir.path(), b"a/b/file", b"1");
    put(dir.path(), b"a/file", b"2");
    for path in [".", "./", "a", "a/", "a//", "./a", "a/b/..", "a/../a/b/", "a/file", "a//file"] {
        let output = run(checksum().current_dir(&dir).arg(path));
        let find = run(Command::new("sh").current_dir(&dir).args(["-c", FIND, "sh", path]));
        assert_eq!(sorted(&output.stdout), sorted(&find.stdout), "{path}");
        assert_clean(&output);
    }
}

#[test]
fn files_that_are_given_are_hashed_themselves_in_the_order_given() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["-rf", "b", "a", "-"];
    names.iter().for_each(|name| put(dir.path(), name.as_bytes(), name.as_bytes()));
    let output = run(checksum().current_dir(&dir).args(["--ordered", "--"]).args(names));
    // To sha256sum a lone dash is its input: the same bytes, and the same line.
    let input = File::open(dir.path().join("-")).unwrap();
    let expected =
        run(Command::new("sha256sum").stdin(input).current_dir(&dir).arg("--").args(names));
    assert_eq!(lines(&output.stdout), lines(&expected.stdout));
    assert_clean(&output);
}

#[test]
fn any_name_comes_out_as_from_sha256sum() {
    let byte = any::<u8>().prop_filter("no part of a name", |byte| ![0, b'/'].contains(byte));
    let name = prop::collection::vec(byte, 1..40)
        .prop_filter("taken", |name| ![&b"."[..], b".."].contains(&&name[..]));
    proptest!(ProptestConfig::with_cases(24), |(names in btree_set(name, 1..20))| {
        let dir = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| put(dir.path(), name, name));
        let output = run(checksum().arg(dir.path()));
        prop_assert_eq!(sorted(&output.stdout), sorted(&sha256sum(dir.path())));
    });
}

#[test]
fn json_has_every_path_without_loss_and_every_sum_and_size() {
    let dir = hostile_tree();
    let output = run(checksum().arg("--json").arg(dir.path()));
    let mut objects: Vec<_> = output.stdout.lines().map(|line| object(&line.unwrap())).collect();
    objects.sort();
    assert_eq!(objects, expected_objects(dir.path()));
    assert_clean(&output);
}

#[test]
fn links_and_special_files_are_skipped_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name| dir.path().join(name);
    put(dir.path(), b"file", b"file");
    fs::create_dir(at("real")).unwrap();
    put(dir.path(), b"real/file", b"another");
    for (name, to) in [("link", "file"), ("dirlink", "real"), ("loop", "loop"), ("dangling", "no")]
    {
        symlink(to, at(name)).unwrap();
    }
    run(Command::new("mkfifo").arg(at("fifo")));
    let _socket = UnixListener::bind(at("socket")).unwrap();

    let names = ["fifo", "socket", "link", "dirlink", "loop", "dangling"].map(at);
    let output = run(checksum()
        .arg("--ordered")
        .arg(dir.path())
        .args(names)
        .args(["/dev/zero", "/dev/tty"]));
    let expected = sha256sum_each(&[at("file"), at("real/file")]);
    assert_eq!(lines(&output.stdout), lines(&expected));
    assert_clean(&output);
}

#[test]
fn what_cannot_be_read_is_a_line_on_stderr_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"first", b"1");
    put(dir.path(), b"last", b"2");
    let [first, deep, last] = ["first", "deep\n", "last"].map(|name| dir.path().join(name));
    make_too_deep(&deep);
    // A regular file whose first page nobody can read, not even root; and a directory whose path
    // no system call takes.
    let unreadable = PathBuf::from("/proc/self/mem");
    let output = run(checksum().arg("--ordered").args([&first, &unreadable, &deep, &last]));
    assert_eq!(lines(&output.stdout), lines(&sha256sum_each(&[first, last])));
    let complaints = text(&output.stderr);
    assert_eq!(complaints.lines().count(), 2, "{complaints}");
    assert!(complaints.contains("checksum: \"/proc/self/mem\": Input/output error"));
    assert!(complaints.contains("deep\\n/ddd") && complaints.contains("File name too long"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_vanished_is_a_line_on_stderr_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let many = make_many(dir.path(), MANY);
    put(dir.path(), b"gone", b"");
    put(dir.path(), b"last", b"");
    let [gone, last] = ["gone", "last"].map(|name| dir.path().join(name));
    let mut running = Running::start(checksum().args([&many, &gone, &last]), Stdio::piped());
    // The walk is not there yet: it is held back, since nobody reads on.
    let mut stdout = line(&mut running.stdout);
    fs::remove_file(gone).unwrap();
    stdout += &rest(&mut running.stdout);

    let mut expected = sha256sum(&many);
    expected.extend(sha256sum(&last));
    assert_eq!(sorted(stdout.as_bytes()), sorted(&expected));
    let complaints = rest(&mut running.stderr);
    assert_eq!(complaints.lines().count(), 1, "{complaints}");
    assert!(complaints.contains("gone\": No such file or directory"), "{complaints}");
    assert_eq!(running.code(), Some(1));
}

#[test]
fn a_missing_path_is_named_before_anything_is_hashed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"file", b"");
    let output = run(checksum().arg(dir.path()).arg(dir.path().join("missing")));
    assert!(output.stdout.is_empty());
    let complaint = text(&output.stderr);
    assert!(complaint.contains("missing'") && complaint.contains("No such file"), "{complaint}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn without_a_path_it_says_what_is_missing() {
    let output = run(&mut checksum());
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("Usage: checksum <PATH>..."));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn without_workers_it_says_what_to_change() {
    let output = run(checksum().args(["--workers", "0", "/"]));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("give a number from 1 up"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn output_that_cannot_be_written_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"file", b"");
    let full = File::create("/dev/full").unwrap();
    let output = run(checksum().arg(dir.path()).stdout(full));
    assert!(text(&output.stderr).starts_with("checksum: stdout: No space left on device"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::start(checksum().arg(make_many(dir.path(), MANY)), Stdio::piped());
    line(&mut running.stdout);
    running.stdout = Box::new(io::empty());
    assert_eq!(rest(&mut running.stderr), "");
    assert_eq!(running.code(), Some(141));
}

#[test]
fn ctrl_c_finishes_what_runs_and_counts_what_was_taken_and_not_started() {
    let dir = tempfile::tempdir().unwrap();
    let [first, endless, deep] = ["first", "endless", "deep"].map(|name| dir.path().join(name));
    put(dir.path(), b"first", b"");
    make_endless(&endless);
    make_too_deep(&deep);
    // Of the files that are found before the complaint, at most 257 have not been taken by then.
    let some = make_files(&dir.path().join("some"), 500);
    let paths = [&first, &endless, &some, &deep];
    let mut running =
        Running::start(checksum().args(["--workers", "1"]).args(paths), Stdio::piped());
    assert!(line(&mut running.stdout).ends_with("first\n"));
    running.wait_until_open(&endless);
    assert!(line(&mut running.stderr).contains("File name too long"));

    running.ctrl_c();
    assert!(line(&mut running.stderr).contains("finishing the files that are being hashed"));
    File::options().write(true).open(&endless).unwrap().set_len(0).unwrap();
    let printed = rest(&mut running.stdout);
    assert!(printed.ends_with("endless\n") && printed.lines().count() == 1, "{printed}");
    let last = rest(&mut running.stderr);
    let count = last.strip_prefix("checksum: interrupted; files taken and not started: ");
    let count: usize = count.expect(&last).trim_end().parse().unwrap();
    assert!((500 - 257..=500).contains(&count), "{count}");
    assert_eq!(running.code(), Some(130));
}

#[test]
fn a_second_ctrl_c_waits_neither_for_what_runs_nor_for_who_does_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let [endless, next] = ["endless", "next"].map(|name| dir.path().join(name));
    make_endless(&endless);
    put(dir.path(), b"next", b"");
    let (full, _nobody) = full_output();
    // In this order: once it has a line to print, it waits, and takes no file meanwhile.
    let paths = [&endless, &next];
    let mut running = Running::start(checksum().args(["--workers", "2"]).args(paths), full);
    running.wait_until_open(&endless);
    running.ctrl_c();
    assert!(line(&mut running.stderr).contains("finishing the files that are being hashed"));
    running.ctrl_c();
    assert_eq!(running.code(), Some(130));
}

/// A tree of everything that is hard to print or to read.
fn hostile_tree() -> TempDir {
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
    make_many(dir.path(), 2_000);
    dir
}

fn put(dir: &Path, name: &[u8], content: &[u8]) {
    fs::write(dir.join(OsStr::from_bytes(name)), content).unwrap();
}

fn make_many(dir: &Path, files: usize) -> PathBuf {
    for part in 0..files / 100 {
        make_files(&dir.join(format!("many/part {part}")), 100);
    }
    dir.join("many")
}

fn make_files(dir: &Path, files: usize) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    for file in 0..files {
        put(dir, format!("file {file}").as_bytes(), file.to_string().as_bytes());
    }
    dir.to_owned()
}

/// A file that takes minutes to read, and no room. Cut off, it ends at once.
fn make_endless(path: &Path) {
    File::create(path).unwrap().set_len(1 << 40).unwrap();
}

/// A directory at whose bottom paths are longer than the 4,096 bytes that a system call takes.
fn make_too_deep(top: &Path) {
    let half = |top: &Path| (0..10).fold(top.to_owned(), |path, _| path.join("d".repeat(250)));
    let other = top.with_extension("other half");
    fs::create_dir_all(half(top)).unwrap();
    fs::create_dir_all(half(&other)).unwrap();
    fs::rename(other, half(top).join("d")).unwrap();
}

/// All regular files in the order of the walk.
fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| entry.file_name().as_bytes().to_owned());
    for entry in entries {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => walk(&entry.path(), files),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

const FIND: &str = r#"find "$1" -type f -print0 | xargs -0 sha256sum"#;

/// What sha256sum prints of all regular files under a path.
fn sha256sum(path: &Path) -> Vec<u8> {
    run(Command::new("sh").args(["-c", FIND, "sh"]).arg(path)).stdout
}

/// What sha256sum prints of these files.
fn sha256sum_each(files: &[PathBuf]) -> Vec<u8> {
    let mut list = tempfile::tempfile().unwrap();
    files.iter().for_each(|file| {
        list.write_all(file.as_os_str().as_bytes()).unwrap();
        list.write_all(b"\0").unwrap();
    });
    list.rewind().unwrap();
    run(Command::new("xargs").args(["-0", "sha256sum"]).stdin(list)).stdout
}

type Object = (Vec<u8>, String, u64);

fn object(line: &str) -> Object {
    let object: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| object[key].as_str().map(String::from);
    let path = match text("path_hex") {
        Some(hex) => (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect(),
        None => text("path").unwrap().into_bytes(),
    };
    (path, text("sha256").unwrap(), object["size"].as_u64().unwrap())
}

/// What the objects must say: by `sha256sum --zero`, which escapes nothing.
fn expected_objects(dir: &Path) -> Vec<Object> {
    let find = FIND.replace("sha256sum", "sha256sum --zero");
    let output = run(Command::new("sh").args(["-c", &find, "sh"]).arg(dir)).stdout;
    let entries = output.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    let mut objects: Vec<_> = entries
        .map(|entry| {
            let (sum, path) = (text(&entry[..64]), &entry[66..]);
            (path.to_vec(), sum, fs::metadata(OsStr::from_bytes(path)).unwrap().len())
        })
        .collect();
    objects.sort();
    objects
}

fn checksum() -> Command {
    // The tests are in `deps`, beside `examples`.
    let tests = env::current_exe().unwrap();
    let example = tests.parent().unwrap().with_file_name("examples").join("checksum");
    assert!(example.exists(), "run `cargo build --example checksum` first");
    Command::new(example)
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// An output that takes not one more byte, and whoever could read it.
fn full_output() -> (OwnedFd, UnixStream) {
    let (mut full, reader) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.write(&[0; 1024]).is_ok() {}
    full.set_nonblocking(false).unwrap();
    (full.into(), reader)
}

fn assert_clean(output: &Output) {
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines, in a form that can be looked at and that loses nothing.
fn lines(output: &[u8]) -> Vec<String> {
    output.split(|&byte| byte == b'\n').map(|line| line.escape_ascii().to_string()).collect()
}

fn sorted(output: &[u8]) -> Vec<String> {
    let mut lines = lines(output);
    lines.sort();
    lines
}

/// The next line.
fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

/// All that still comes.
fn rest(from: &mut impl Read) -> String {
    let mut rest = String::new();
    from.read_to_string(&mut rest).unwrap();
    rest
}

/// The example at work, whose output is read bit by bit.
struct Running {
    child: Child,
    stdout: Box<dyn BufRead>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(command: &mut Command, stdout: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let stdout: Box<dyn BufRead> = match child.stdout.take() {
            Some(stdout) => Box::new(BufReader::new(stdout)),
            None => Box::new(io::empty()),
        };
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    fn ctrl_c(&self) {
        let pid = self.child.id().to_string();
        assert!(run(Command::new("sh").args(["-c", "kill -INT $0", &pid])).status.success());
    }

    /// Looks again and again: nobody tells when another process opens a file.
    fn wait_until_open(&self, path: &Path) {
        let path = path.canonicalize().unwrap();
        let files = format!("/proc/{}/fd", self.child.id());
        let is_it = |link: &Path| fs::read_link(link).is_ok_and(|target| target == path);
        while !fs::read_dir(&files).unwrap().flatten().any(|file| is_it(&file.path())) {
            thread::yield_now();
        }
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
