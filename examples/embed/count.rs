//! The work: counting what a text has, as `wc` does.

use std::{io, net::SocketAddr};

use actix_web::rt::net::TcpStream;
use actix_workpool::Pool;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::AsyncReadExt;

/// The longest text in bytes, sent or read: a client does not decide how much memory a job takes.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// The pool that counts.
pub(crate) type Counters = Pool<Source, Count, CountError>;

/// Where the text is: `{"text": "…"}`, or `{"address": "IP:PORT"}` to read it from.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Text(String),
    Address(SocketAddr),
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Count {
    lines: usize,
    words: usize,
    bytes: usize,
}

#[derive(Debug, Error)]
pub(crate) enum CountError {
    #[error("cannot read the text: {0}")]
    Read(#[from] io::Error),
    #[error("the text has more than {LONGEST} bytes")]
    TooLong,
}

/// What a worker does. If the job is cancelled, this is dropped where it waits, and its connection
/// with it.
pub(crate) async fn count(source: &Source) -> Result<Count, CountError> {
    match source {
        Source::Text(text) => Ok(Count::of(text.as_bytes())),
        Source::Address(address) => Ok(Count::of(&read(*address).await?)),
    }
}

async fn read(address: SocketAddr) -> Result<Vec<u8>, CountError> {
    let mut text = Vec::new();
    // One byte more than it may have tells that it is too long.
    let mut stream = TcpStream::connect(address).await?.take(LONGEST as u64 + 1);
    stream.read_to_end(&mut text).await?;
    if text.len() > LONGEST { Err(CountError::TooLong) } else { Ok(text) }
}

impl Count {
    fn of(text: &[u8]) -> Self {
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        Self {
            lines: text.iter().filter(|&&byte| byte == b'\n').count(),
            words: words.count(),
            bytes: text.len(),
        }
    }
}
