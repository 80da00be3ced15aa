//! Ctrl-C.

use std::{future::Future, io, process, time::Duration};

use actix_rt::{signal, task};
use actix_workpool::Shutdown;
use futures::{FutureExt, future};
use tokio_util::sync::CancellationToken;

use crate::{console::Console, hash::Hashers};

/// At the first Ctrl-C no more files are taken or started; at the second, the program ends at once.
pub(crate) fn listen(
    pool: Hashers,
    stop: CancellationToken,
    console: Console,
) -> impl Future<Output = ()> + Send {
    let first = ctrl_c();
    async move {
        if let Err(error) = first.await {
            return console.say(format_args!("Ctrl-C will end it at once: {error}"));
        }
        let second = ctrl_c();
        stop.cancel();
        // However long the files take that are being hashed.
        pool.dispatcher().do_send(Shutdown::FinishRunning(Duration::MAX));
        let say = async {
            // It is true once the pool has heard it.
            let _ = pool.status().await;
            // On a thread that may block: where nobody reads stderr, the second one is heard even so.
            task::spawn_blocking(move || {
                console
                    .say("finishing the files that are being hashed; Ctrl-C again ends it at once");
            });
        };
        let end = async {
            if second.await.is_ok() {
                process::exit(130);
            }
        };
        future::join(say, end).await;
    }
}

/// Hears a Ctrl-C from now on. (`signal::ctrl_c` alone hears it from its first poll on.)
fn ctrl_c() -> impl Future<Output = io::Result<()>> + Send {
    let mut heard = Box::pin(signal::ctrl_c());
    let failed = heard.as_mut().now_or_never();
    async move {
        match failed {
            Some(failed) => failed,
            None => heard.await,
        }
    }
}
