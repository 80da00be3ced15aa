//! The example at work.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread,
};

use crate::run;

/// The example at work, whose output is read bit by bit.
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(command: &mut Command, stdout: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// All that it still prints.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
        rest
    }

    pub(crate) fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// The next line on stderr.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// All that it still writes to stderr.
    pub(crate) fn complaints(&mut self) -> String {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        rest
    }

    pub(crate) fn ctrl_c(&self) {
        let pid = self.child.id().to_string();
        assert!(run(Command::new("sh").args(["-c", "kill -INT $0", &pid])).status.success());
    }

    /// Looks again and again: nobody tells when another process opens a file.
    pub(crate) fn wait_until_open(&self, path: &Path) {
        let path = path.canonicalize().unwrap();
        let files = format!("/proc/{}/fd", self.child.id());
        let is_it = |link: &Path| fs::read_link(link).is_ok_and(|target| target == path);
        while !fs::read_dir(&files).unwrap().flatten().any(|file| is_it(&file.path())) {
            thread::yield_now();
        }
    }

    pub(crate) fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
