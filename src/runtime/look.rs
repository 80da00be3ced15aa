use std::thread;

/// How often a thread that has run out of jobs looks again before it sleeps. On a processor that nobody else
/// wants, this takes about as long as it costs to be woken (20 to 50 µs, where the processor was halted),
/// so that both together are at most twice what the better of them would have been ("competitive spinning": Karlin, Li, Manasse,
/// Owicki, 1991).
const LOOKS: u32 = 60;

/// Lets other threads have the processor, where they want it. Returns whether a thread that has looked for
/// work in vain so many times is to look again.
pub(crate) fn look_again(times: u32) -> bool {
    thread::yield_now();
    times < LOOKS
}
