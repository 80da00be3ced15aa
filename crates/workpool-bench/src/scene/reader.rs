//! Streams of results, and those who read them.

use futures::StreamExt;

use crate::{ResultStream, sim};

use super::{
    listener::{Conduct, hear, leaves, note_unread},
    stage::Stage,
    task::{Failure, Output, Task},
};

impl Stage {
    /// Opens a stream of results with a window.
    pub fn stream(&self, buffer: usize) -> Reader {
        let number = self.enlist(&Conduct::default());
        let stream = self.pool.results_with_buffer(buffer);
        sim::with(|world| world.ledger.write(|books| books.streams += 1));
        self.joined(number);
        Reader { number, stream, holds_back: false }
    }
}

/// Someone who reads a stream of results.
pub struct Reader {
    number: usize,
    stream: ResultStream<Task, Output, Failure>,
    holds_back: bool,
}

impl Reader {
    /// Reads the next result; `false` at the end.
    pub async fn read(&mut self) -> bool {
        self.hold_back(false);
        let result = self.stream.next().await;
        if let Some(result) = &result {
            hear(self.number, result);
        }
        result.is_some()
    }

    /// Reads what there is at once, and returns how much that was.
    pub fn read_all(&mut self) -> usize {
        let mut read = 0;
        while let Some(Some(result)) = futures::FutureExt::now_or_never(self.stream.next()) {
            hear(self.number, &result);
            read += 1;
        }
        read
    }

    /// Reads to the end, in its own time.
    pub async fn read_on(mut self, sim: crate::sim::Sim) {
        while self.read().await {
            self.hold_back(true);
            sim.while_others_run().await;
        }
    }

    /// While it does not read, jobs may wait for it.
    pub fn hold_back(&mut self, holds: bool) {
        if std::mem::replace(&mut self.holds_back, holds) != holds {
            note_unread(if holds { 1 } else { -1 });
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hold_back(false);
        sim::with(|world| world.ledger.write(|books| books.streams -= 1));
        leaves(self.number);
    }
}
