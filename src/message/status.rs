use std::fmt;

use super::Status;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stands = match (self.open, self.paused) {
            (false, _) => "closed",
            (true, true) => "paused",
            (true, false) => "open",
        };
        write!(f, "{stands}: {} running", self.running)?;
        let waiting = [
            (self.leased, "leased"),
            (self.queued, "queued"),
            (self.postponed, "postponed"),
            (self.in_line, "in line"),
        ];
        let mut waiting = waiting.iter().filter(|(n, _)| *n > 0);
        waiting.try_for_each(|(n, how)| write!(f, ", {n} {how}"))?;
        write!(f, "; {} of {} workers live", self.live, self.workers)?;
        if self.stuck > 0 {
            write!(f, ", {} stuck", self.stuck)?;
        }
        write!(f, "; {}", self.counts)?;
        self.stall.iter().try_for_each(|stall| write!(f, "; waits for {}", stall.subscriber))
    }
}

#[cfg(test)]
mod tests {
    use crate::{job::Counts, message::Stall};

    use super::*;

    fn idle() -> Status {
        Status {
            open: true,
            paused: false,
            workers: 4,
            live: 4,
            deaths: 0,
            build_failures: 0,
            running: 0,
            stuck: 0,
            leased: 0,
            queued: 0,
            capacity: None,
            postponed: 0,
            in_line: 0,
            counts: Counts::default(),
            subscribers: 0,
            subscribers_gone: 0,
            unheard: 0,
            missed: 0,
            stall: None,
        }
    }

    #[test]
    fn a_status_says_in_one_line_how_the_pool_stands_and_leaves_out_what_is_not() {
        assert_eq!(idle().to_string(), "open: 0 running; 4 of 4 workers live; 0 succeeded");
        let paused = Status { paused: true, leased: 1, queued: 2, postponed: 3, ..idle() };
        assert!(
            paused.to_string().starts_with("paused: 0 running, 1 leased, 2 queued, 3 postponed;")
        );
        let counts = Counts { succeeded: 5, timed_out: 1, ..Counts::default() };
        let stall = Some(Stall { pool: "sums".into(), subscriber: "log".into() });
        let closed = Status {
            open: false,
            running: 3,
            in_line: 2,
            live: 3,
            stuck: 1,
            counts,
            stall,
            ..idle()
        };
        assert_eq!(
            closed.to_string(),
            "closed: 3 running, 2 in line; 3 of 4 workers live, 1 stuck; 5 succeeded, 1 timed out; \
             waits for log"
        );
    }
}
