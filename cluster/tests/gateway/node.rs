//! A node in a process of its own, as the test that drives it sees it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// No command takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node. It is killed when it is dropped.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) incarnation: u64,
    pub(crate) address: String,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    log: Receiver<String>,
    answers: HashMap<u64, String>,
    tag: u64,
}

impl Node {
    /// Starts a node `name` in incarnation 1.
    pub(crate) fn start(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// Starts it with settings, `key=value` each.
    pub(crate) fn with(name: &str, settings: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg("child")
            .arg(format!("node={name}"))
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let lines = read(stdout, None);
        // With `GATEWAY_LOG=1` it is shown as well.
        let shown = std::env::var("GATEWAY_LOG")
            .is_ok()
            .then(|| name.to_owned());
        let log = read(stderr, shown);
        let setting = |key: &str| {
            settings
                .iter()
                .find_map(|setting| setting.strip_prefix(key))
        };
        let incarnation = setting("incarnation=").map_or(1, |text| text.parse().expect("a number"));
        let mut node = Self {
            name: name.to_owned(),
            incarnation,
            address: String::new(),
            child,
            stdin,
            lines,
            log,
            answers: HashMap::new(),
            tag: 0,
        };
        node.address = node.end(0);
        node
    }

    /// What another node is told of this one.
    pub(crate) fn info(&self) -> String {
        format!("{}={}#{}", self.name, self.address, self.incarnation)
    }

    /// Begins a command, and answers its number.
    pub(crate) fn begin(&mut self, command: &str) -> u64 {
        self.tag += 1;
        writeln!(self.stdin, "{} {command}", self.tag).expect("it reads");
        self.tag
    }

    /// What a command has answered.
    pub(crate) fn end(&mut self, tag: u64) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.answers.remove(&tag) {
                return answer;
            }
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("node {} does not answer {tag}", self.name));
            let (number, answer) = line.split_once(' ').expect("a number and an answer");
            let number = number.parse().unwrap_or_else(|_| panic!("{line}"));
            self.answers.insert(number, answer.to_owned());
        }
    }

    pub(crate) fn run(&mut self, command: &str) -> String {
        let tag = self.begin(command);
        self.end(tag)
    }

    /// Tells it of its peers.
    pub(crate) fn set(&mut self, peers: &[String]) {
        assert_eq!(self.run(&format!("set {}", peers.join(" "))), "ok");
    }

    /// Waits until it can ask `peer`.
    pub(crate) fn up(&mut self, peer: &str) {
        let answer = self.run(&format!("up {peer}"));
        assert_eq!(answer, "up", "{}", self.status());
    }

    /// Waits until it cannot ask `peer` any more.
    pub(crate) fn down(&mut self, peer: &str) {
        assert_eq!(self.run(&format!("down {peer}")), "down");
    }

    /// Waits until the last error about `peer` holds this text, and answers the error.
    pub(crate) fn error(&mut self, peer: &str, text: &str) -> String {
        let answer = self.run(&format!("error {peer} {text}"));
        assert!(answer.contains(text), "no {text:?}: {answer}");
        answer
    }

    /// Waits for a line of its log that holds this text.
    pub(crate) fn logged(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("node {} does not log {text:?}", self.name));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn status(&mut self) -> String {
        self.run("status")
    }

    /// Asks `peer` for something that is done as `what` says, with so many bytes.
    pub(crate) fn ask(&mut self, peer: &str, what: &str, bytes: usize, timeout_ms: u64) -> String {
        self.run(&format!("ask {peer} {what} {bytes} {timeout_ms}"))
    }

    /// Asks for an echo, which arrives.
    pub(crate) fn echo(&mut self, peer: &str) {
        let answer = self.ask(peer, "echo", 100, 20_000);
        assert!(answer.starts_with("reply 100 "), "{answer}");
    }

    /// The same, again and again while there is no connection.
    pub(crate) fn echo_soon(&mut self, peer: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(peer, "echo", 100, 20_000);
            if answer.starts_with("reply 100 ") {
                return;
            }
            assert!(answer.starts_with("error "), "{answer}");
            assert!(Instant::now() < until, "{answer}");
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{signal} {}", self.child.id()))
            .status();
        assert!(status.expect("a shell").success());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it has ended");
    }

    /// Asserts that it still does its work.
    pub(crate) fn lives(&mut self) {
        assert_eq!(self.run("ping"), "pong");
    }
}

/// The lines to come.
fn read(lines: impl BufRead + Send + 'static, shown: Option<String>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in lines.lines() {
            let Ok(line) = line else { return };
            if let Some(name) = &shown {
                eprintln!("{name}: {line}");
            }
            // A test that does not listen any more is no reason to stop reading.
            drop(sender.send(line));
        }
    });
    receiver
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Tells each of all, and waits until each can ask each.
pub(crate) fn connect(nodes: &mut [&mut Node]) {
    let peers: Vec<_> = nodes.iter().map(|node| node.info()).collect();
    let names: Vec<_> = nodes.iter().map(|node| node.name.clone()).collect();
    for node in nodes.iter_mut() {
        node.set(&peers);
    }
    for node in nodes.iter_mut() {
        let own = node.name.clone();
        names
            .iter()
            .filter(|name| **name != own)
            .for_each(|name| node.up(name));
    }
}

/// Two nodes, `a` and `b`, that are connected.
pub(crate) fn pair() -> (Node, Node) {
    let (mut a, mut b) = (Node::start("a"), Node::start("b"));
    connect(&mut [&mut a, &mut b]);
    (a, b)
}
