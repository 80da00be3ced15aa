//! The example at work, clients that talk to it, and texts that come when a test wants them to.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread,
};

use serde_json::{Value, json};

pub(crate) fn embed() -> Command {
    // The tests are in `deps`, beside `examples`.
    let tests = env::current_exe().unwrap();
    let example = tests.parent().unwrap().with_file_name("examples").join("embed");
    assert!(example.exists(), "run `cargo build --example embed` first");
    Command::new(example)
}

/// The example at work, on a port of its own.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = embed();
        command.args(["--listen", "127.0.0.1:0"]).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let line = line(&mut stdout);
        let address = line.strip_prefix("listening on http://").expect(&line).parse().unwrap();
        Self { child, stdout, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).unwrap()))
    }

    /// Sends the signal, and waits until no more jobs are accepted. Some job must not have ended:
    /// without one, there is soon nobody to ask.
    pub(crate) fn close(&self, signal: &str, client: &mut Client) {
        self.signal(signal);
        client.wait_for("/healthz", |answer| answer.status == 503);
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("sh").args(["-c", "kill -$0 $1", signal, &pid]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits until it has ended, as it should, and tells what it says of the jobs.
    pub(crate) fn report(mut self) -> String {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let (stopping, ended) = said.trim_end().split_once('\n').expect(&said);
        assert!(stopping.starts_with("stopping: accepted jobs have "), "{said}");
        ended.strip_prefix("ended: ").expect(&said).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection. Dropped, it hangs up.
///
/// It is kept to the end where another one waits for an answer as the server stops: for a moment
/// actix-server can take one that was closed at once for another, and a busy thread for an idle one.
pub(crate) struct Client(BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By their names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.ask("DELETE", path, "")
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &body.to_string())
    }

    /// Leaves a job that must be accepted, and tells where to ask for it.
    pub(crate) fn leave(&mut self, source: &Value) -> String {
        let answer = self.post("/jobs", source);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.headers["location"].clone()
    }

    /// Sends a job and does not wait for the answer.
    pub(crate) fn start(&mut self, source: &Value) {
        self.send("POST", "/run", &source.to_string());
    }

    /// Asks again and again: a server does not tell on its own that something has changed.
    pub(crate) fn wait_for(&mut self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        loop {
            let answer = self.get(path);
            if wanted(&answer) {
                return answer;
            }
            thread::yield_now();
        }
    }

    pub(crate) fn wait_for_state(&mut self, path: &str, state: &str) -> Answer {
        self.wait_for(path, |answer| answer.body["state"] == state)
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, body);
        self.answer()
    }

    fn send(&mut self, method: &str, path: &str, body: &str) {
        let len = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let status = line(&mut self.0);
        let status = status.split(' ').nth(1).expect(&status).parse().unwrap();
        let mut headers = HashMap::new();
        while let Some((name, value)) = line(&mut self.0).split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        // What is not JSON comes from the framework, not from the example.
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, body }
    }
}

/// The next line, without its end.
fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Where a job finds a text when the test wants it to.
pub(crate) struct Gate(TcpListener);

/// A job that reads at the gate.
pub(crate) struct Reader(TcpStream);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// What a job must be told to come here.
    pub(crate) fn source(&self) -> Value {
        json!({ "address": self.0.local_addr().unwrap() })
    }

    /// Waits for the next job that comes.
    pub(crate) fn reader(&self) -> Reader {
        Reader(self.0.accept().unwrap().0)
    }

    /// Whether a job has come that was not waited for.
    pub(crate) fn has_reader(self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        match self.0.accept() {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Reader {
    /// Lets the job read this, and end.
    pub(crate) fn read(mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the job has been dropped.
    pub(crate) fn wait_until_gone(mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

pub(crate) fn text(text: &str) -> Value {
    json!({ "text": text })
}

/// What came of a command that ends by itself.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}
