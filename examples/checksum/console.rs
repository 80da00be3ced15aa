//! What the user sees: lines on stdout, complaints and the bar on stderr.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// While the walk goes on, nobody knows how much there is: the bar shows what has been found.
const WALKING: &str =
    "{wide_bar} {bytes} of {total_bytes} found so far, {bytes_per_sec}, {eta} left for these";
const WALKED: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// Clones are the same console, for any thread.
#[derive(Clone)]
pub(crate) struct Console {
    bar: ProgressBar,
    /// The bar is shown, and stdout is on a terminal too, which is likely the same one.
    shared: bool,
    shown: bool,
    complained: Arc<AtomicBool>,
}

impl Console {
    /// The bar is shown only if stderr is a terminal: indicatif sees to that.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0).with_style(style(WALKING));
        let shown = !bar.is_hidden();
        if shown {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let shared = shown && io::stdout().is_terminal();
        Self { bar, shared, shown, complained: Arc::default() }
    }

    /// Whole lines for stdout.
    pub(crate) fn print(&self, lines: &[u8]) -> io::Result<()> {
        let print = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(lines)?;
            stdout.flush()
        };
        let printed = if self.shared { self.bar.suspend(print) } else { print() };
        printed.map_err(|error| io::Error::new(error.kind(), format!("stdout: {error}")))
    }

    /// Something about a path is wrong, and the rest goes on.
    pub(crate) fn complain(&self, path: &Path, error: &dyn Display) {
        self.complained.store(true, Ordering::Relaxed);
        // As Rust writes it in source code, the path stays on one line whatever is in it.
        self.say(format_args!("{path:?}: {error}"));
    }

    pub(crate) fn has_complained(&self) -> bool {
        self.complained.load(Ordering::Relaxed)
    }

    /// One line on stderr. Where nobody reads that, there is nobody to tell.
    pub(crate) fn say(&self, text: impl Display) {
        let line = format!("checksum: {text}\n");
        let _ = self.bar.suspend(|| io::stderr().write_all(line.as_bytes()));
    }

    /// A file was found. Its size is asked for only if the bar is there to show it.
    pub(crate) fn found(&self, size: impl FnOnce() -> u64) {
        if self.shown {
            self.bar.inc_length(size());
        }
    }

    pub(crate) fn walk_ended(&self) {
        self.bar.set_style(style(WALKED));
    }

    pub(crate) fn hashed(&self, bytes: u64) {
        if self.shown {
            self.bar.inc(bytes);
        }
    }

    /// Takes the bar away.
    pub(crate) fn close(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
