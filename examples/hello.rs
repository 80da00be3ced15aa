//! cargo run --example hello
use actix_workpool::{Pool, Queue};
use futures::StreamExt;
use std::{convert::Infallible, error::Error};

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(async |name: &String, _cx| -> Result<String, Infallible> {
        Ok(format!("Hello, {name}!"))
    });
    let pool = pool.workers(4).queue(Queue::bounded(100)).build()?;
    let mut results = pool.results();
    for name in ["Ada", "Grace", "Edsger"] {
        pool.submit(name.to_owned()).await?;
    }
    drop(pool); // what was accepted is done, and then the results end
    while let Some(result) = results.next().await {
        match result.outcome() {
            Ok(greeting) => println!("{greeting}"),
            Err(error) => eprintln!("{}: {error}", result.id()),
        }
    }
    Ok(())
}
