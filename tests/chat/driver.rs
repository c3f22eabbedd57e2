//! What the tests drive: the compiled example, and clients of it.
//!
//! No test waits for time to pass. The timeouts here end a test that has failed already.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};

use crate::built;

const PATIENCE: Duration = Duration::from_secs(60);

/// The example.
pub(crate) fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| built::example("chat"));
    &BINARY
}

/// A running server. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    /// A server whose rooms may be idle for so long.
    pub(crate) fn start(idle: Duration) -> Self {
        let mut child = Command::new(binary())
            .args(["127.0.0.1:0", &idle.as_millis().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("its first line");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|address| address.parse().ok());
        Self {
            child,
            stdout,
            address: address.unwrap_or_else(|| panic!("it said {line:?}")),
        }
    }

    /// A guest in a room.
    pub(crate) fn guest(&self, room: &str) -> Guest {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let url = format!("ws://{}/rooms/{room}", self.address);
        let (socket, _response) = tungstenite::client(url, stream).expect("a WebSocket");
        Guest(socket)
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// What it printed until its end, and its exit status.
    pub(crate) fn end(mut self) -> (Vec<String>, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("its output");
        let rest = rest.lines().map(str::to_owned).collect();
        (rest, self.child.wait().expect("its end").code())
    }
}

/// A WebSocket in a room.
pub(crate) struct Guest(WebSocket<TcpStream>);

impl Guest {
    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it takes it");
    }

    fn read(&mut self) -> Message {
        loop {
            let message = self.0.read().expect("a message in time");
            // Those are answered by the WebSocket itself.
            if !message.is_ping() && !message.is_pong() {
                return message;
            }
        }
    }

    pub(crate) fn reads(&mut self, lines: &[&str]) {
        for line in lines {
            match self.read() {
                Message::Text(text) => assert_eq!(text.as_str(), *line),
                other => panic!("{other:?} instead of {line:?}"),
            }
        }
    }

    /// All that it reads until the server closes the socket, and why that is.
    pub(crate) fn until_closed(mut self) -> (Vec<String>, CloseFrame) {
        let mut lines = Vec::new();
        loop {
            match self.read() {
                Message::Text(text) => lines.push(text.to_string()),
                Message::Close(Some(frame)) => {
                    // The answer to the close frame is sent with the next read, which finds the end.
                    let end = self.0.read();
                    assert!(end.is_err(), "{end:?} after the close frame");
                    return (lines, frame);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Closes the socket, and waits until the server has.
    pub(crate) fn leaves(mut self) {
        self.0.close(None).expect("it is open");
        while self.0.read().is_ok() {}
    }
}
