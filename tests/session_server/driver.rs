//! What the tests drive: the compiled example, and a client of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use crate::built;

const PATIENCE: Duration = Duration::from_secs(60);

/// The example.
pub(crate) fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| built::example("session_server"));
    &BINARY
}

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    pub(crate) child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            // Its errors are not read, and three panics with their backtraces fill the pipe.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("its first line");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        Self {
            child,
            stdout: Some(stdout),
            address: address.unwrap_or_else(|| panic!("it said {line:?}")),
        }
    }

    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Client {
            reader: BufReader::new(stream.try_clone().expect("a second handle")),
            stream,
        }
    }

    /// Its output is not read any more.
    pub(crate) fn readers_go(&mut self) {
        self.stdout = None;
        self.child.stderr = None;
    }

    /// The next line that it prints.
    #[cfg(all(unix, feature = "dashboard"))]
    pub(crate) fn printed(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("it is read");
        stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// What it printed until its end, and its exit status.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        if let Some(mut stdout) = self.stdout.take() {
            stdout.read_to_string(&mut rest).expect("its output");
        }
        (rest, self.child.wait().expect("its end").code())
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn send(&mut self, line: &str) {
        self.stream.write_all(line.as_bytes()).expect("it takes it");
        self.stream.write_all(b"\n").expect("it takes it");
    }

    /// The next line; empty at the end of the stream.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }

    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// The next lines, which come from several actors and so in any order.
    pub(crate) fn receive(&mut self, lines: &[&str]) {
        let mut lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let mut answers: Vec<_> = lines.iter().map(|_| self.line()).collect();
        lines.sort();
        answers.sort();
        assert_eq!(answers, lines);
    }

    /// Reads on until a line that contains the text.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended before it said {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn ask(&mut self, command: &str, answer: &str) {
        self.send(command);
        self.expect(answer);
    }
}
