//! The compiled example, driven over real sockets and through its standard input.
//!
//! Absent on purpose: waits for time to pass. The timeouts here end a test that has failed already.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// The example. `cargo test` has built it, but `cargo test --test session_server` has not.
fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(build);
    &BINARY
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target/<profile>/deps");
    let name = format!("session_server{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(name);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "session_server"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    build.arg("--target-dir");
    build.arg(profile.parent().expect("target"));
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().expect("cargo runs").success());
    path
}

/// A running server. Dropped, it is killed.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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

    fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Client {
            reader: BufReader::new(stream.try_clone().expect("a second handle")),
            stream,
        }
    }

    /// What it printed until its end, and its exit status.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("its output");
        (rest, self.child.wait().expect("its end").code())
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn send(&mut self, line: &str) {
        self.stream.write_all(line.as_bytes()).expect("it takes it");
        self.stream.write_all(b"\n").expect("it takes it");
    }

    /// The next line; empty at the end of the stream.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }

    fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Reads on until a line that contains the text.
    fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended before it said {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn ask(&mut self, command: &str, answer: &str) {
        self.send(command);
        self.expect(answer);
    }
}

#[test]
fn several_clients_share_a_session_and_it_lives_on_without_them() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.client(), server.client());
    ann.ask("open tea", "ok: session tea started");
    bob.ask("open tea", "ok: session tea joined");
    ann.send("say good morning");
    let said = ann.line();
    assert!(said.starts_with("[tea] client-") && said.ends_with(": good morning"));
    bob.expect(&said);
    ann.ask("quit", "ok: goodbye");
    assert_eq!(ann.line(), "", "the connection is closed");
    bob.ask("quit", "ok: goodbye");
    let mut eve = server.client();
    eve.ask("open tea", "ok: session tea joined");
    eve.ask("history", &said);
    eve.expect("ok: 1 lines");
}

#[test]
fn a_crash_restarts_that_session_alone_and_its_clients_stay() {
    let server = Server::start(&[]);
    let (mut ann, mut bob, mut cat) = (server.client(), server.client(), server.client());
    ann.ask("open tea", "ok: session tea started");
    bob.ask("open tea", "ok: session tea joined");
    cat.ask("open coffee", "ok: session coffee started");
    cat.send("say black");
    cat.until("black");
    ann.send("say forgotten");
    bob.until("forgotten");
    ann.send("crash");
    for client in [&mut ann, &mut bob] {
        let notice = client.until("* session tea");
        assert!(notice.contains("incarnation 2"), "{notice}");
    }
    bob.ask("history", "ok: 0 lines");
    bob.send("say still here");
    ann.until("still here");
    bob.send("info tea");
    let info = bob.until("ok: tea");
    assert!(info.contains("incarnation 2") && info.contains("restarts 1"));
    cat.send("history");
    assert!(cat.line().contains("black"));
    cat.expect("ok: 1 lines");
}

#[test]
fn a_session_that_crashes_too_often_is_parked_and_its_clients_are_told() {
    let server = Server::start(&["--restarts", "1", "--window", "3600"]);
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    ann.send("crash");
    ann.until("incarnation 2");
    ann.send("crash");
    ann.until("* session tea crashed too often and was parked");
    ann.send("say hello");
    let parked = ann.line();
    assert!(parked.starts_with("error: ") && parked.contains("parked"));
    ann.send("open tea");
    assert!(ann.line().contains("parked"));
    ann.send("stop tea");
    ann.until("ok: session tea stopped");
    ann.ask("open tea", "ok: session tea started");
}

#[test]
fn sessions_are_listed_stopped_and_looked_into() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.client(), server.client());
    ann.ask("list", "ok: 0 sessions");
    ann.ask("open tea", "ok: session tea started");
    bob.ask("open coffee", "ok: session coffee started");
    ann.send("list");
    assert!(ann.line().starts_with("tea: running, incarnation 1"));
    assert!(ann.line().starts_with("coffee: running"));
    ann.expect("ok: 2 sessions");
    ann.send("stop coffee");
    ann.until("ok: session coffee stopped");
    bob.until("* session coffee has stopped");
    bob.send("say anybody?");
    assert!(bob.line().starts_with("error: session coffee has ended"));
    ann.ask("stop coffee", "error: no such session");
    ann.ask("info coffee", "error: no session coffee");
}

#[test]
fn whatever_is_malformed_gets_one_clear_line_back() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    for line in [
        "dance",
        "open",
        "open a b",
        "stop",
        "info",
        "say",
        "list all",
        "crash now",
        "history x",
        "say hello",
        "history",
        "crash",
    ] {
        ann.send(line);
        let answer = ann.line();
        assert!(answer.starts_with("error: "), "{line:?} got {answer:?}");
    }
    ann.send(&format!("open {}", "x".repeat(600)));
    let answer = ann.line();
    assert!(
        answer.starts_with("error: ") && answer.contains("512"),
        "{answer}"
    );
    ann.stream.write_all(b"say \xff\xfe\n").unwrap();
    ann.expect("error: the line is not UTF-8");
    ann.send("");
    ann.send("help");
    let help: Vec<_> = (0..9).map(|_| ann.line()).collect();
    for command in [
        "open", "say", "history", "crash", "stop", "list", "info", "quit", "help",
    ] {
        assert!(
            help.iter().any(|line| line.starts_with(command)),
            "{command}"
        );
    }
    ann.ask("list", "ok: 0 sessions");
}

#[test]
fn a_line_that_is_too_long_hurts_nobody() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    for size in [70 * 1024, 8 * 1024 * 1024] {
        ann.send(&"x".repeat(size));
        ann.expect("error: a line may be 65536 bytes long");
    }
    ann.ask("open tea", "ok: session tea started");
    // The longest line that may be: the command, a space, the text.
    let text = "y".repeat(64 * 1024 - 4);
    ann.send(&format!("say {text}"));
    assert!(ann.line().ends_with(&text));
    ann.send(&format!("say {text}y"));
    ann.expect("error: a line may be 65536 bytes long");
}

#[test]
fn clients_that_vanish_or_do_not_read_hurt_nobody() {
    let server = Server::start(&[]);
    let mut ann = server.client();
    ann.ask("open tea", "ok: session tea started");
    let mut gone = server.client();
    gone.ask("open tea", "ok: session tea joined");
    gone.stream.write_all(b"say half a li").unwrap();
    drop(gone);
    let mut deaf = server.client();
    deaf.ask("open tea", "ok: session tea joined");
    let text = "z".repeat(60 * 1024);
    // More than his outbox and all buffers between hold.
    for _ in 0..1_500 {
        ann.send(&format!("say {text}"));
        ann.until("zzz");
    }
    ann.send("info tea");
    let info = ann.until("ok: tea");
    assert!(info.contains("clients 1"), "{info}");
    ann.ask("list", "tea: running, incarnation 1, restarts 0, clients 1");
}

#[test]
fn very_many_clients_at_once() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..200).map(|_| server.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("open room-{}", n % 10));
    }
    for client in &mut clients {
        client.until("ok: session room-");
    }
    clients[0].send("say hello all");
    for n in (0..200).step_by(10) {
        clients[n].until("hello all");
    }
    clients[1].send("list");
    clients[1].until("ok: 10 sessions");
}

#[cfg(unix)]
#[test]
fn a_signal_stops_all_gracefully_with_a_report() {
    for signal in ["INT", "TERM"] {
        let server = Server::start(&[]);
        let mut ann = server.client();
        ann.ask("open tea", "ok: session tea started");
        ann.ask("open coffee", "ok: session coffee started");
        server.signal(signal);
        ann.until("* session coffee has stopped");
        ann.until("* the server has stopped");
        assert_eq!(ann.line(), "", "the connection is closed");
        let (printed, status) = server.end();
        assert!(
            printed.contains("2 stopped, 0 failed, 0 killed, 0 zombies"),
            "{printed}"
        );
        assert_eq!(status, Some(0), "after {signal}");
    }
}

#[test]
fn the_shipped_script_drives_it_through_standard_input() {
    let mut server = Server::start(&["--stdin"]);
    let script = include_str!("../examples/session_server/demo.txt");
    let mut stdin = server.child.stdin.take().expect("piped");
    stdin.write_all(script.as_bytes()).expect("it takes it");
    drop(stdin);
    let (printed, status) = server.end();
    for line in [
        "ok: session tea started",
        "[tea] client-0: two lumps, please",
        "ok: 2 lines",
        "* session tea crashed and is back as incarnation 2; its history is gone",
        "ok: 0 lines",
        "ok: tea: running, incarnation 2, restarts 1, clients 1, last exit: failed",
        "ok: session tea stopped: shutdown",
        "error: no such session",
        "ok: goodbye",
    ] {
        assert!(printed.contains(line), "no {line:?} in {printed}");
    }
    assert!(
        printed.contains("1 stopped, 0 failed, 0 killed"),
        "{printed}"
    );
    assert_eq!(status, Some(0));
}

#[test]
fn the_end_of_standard_input_stops_it_and_bad_flags_are_told() {
    let mut server = Server::start(&["--stdin"]);
    drop(server.child.stdin.take());
    assert_eq!(server.end().1, Some(0));
    for (flags, status) in [
        (&["--dance"][..], 2),
        (&["--listen"][..], 2),
        (&["--listen", "nowhere"][..], 2),
        (&["--listen", "192.0.2.1:1"][..], 1),
        (&["--help"][..], 0),
    ] {
        let output = Command::new(binary())
            .args(flags)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(status), "{flags:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.lines().count(), usize::from(status != 0), "{told}");
    }
}
