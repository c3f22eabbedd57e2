//! The compiled example of coding agents, driven through its standard input.
//!
//! No test waits for time to pass: each command has its answer.

#[path = "built/mod.rs"]
mod built;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running example. Dropped, it is killed.
struct Agents {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Its current directory, which has the projects `0` to `10`.
    home: PathBuf,
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Agents {
    fn start(name: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agents {name}"));
        for n in 0..=10 {
            fs::create_dir_all(home.join(n.to_string())).expect("a folder");
        }
        fs::write(home.join("1").join("file"), "text").expect("a file");
        let home = home.canonicalize().expect("it is there");
        let mut child = Command::new(built::example("agents"))
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().expect("piped")),
            child,
            home,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("its output");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, command: &str, answer: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{command}").expect("it takes it");
        for expected in answer.split('\n') {
            assert_eq!(self.line(), expected, "the answer to {command:?}");
        }
    }

    fn project(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }

    /// Its standard input ends. Answers what it printed then, and its exit status.
    fn end(mut self) -> (String, Option<i32>) {
        self.stdin = None;
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("its output");
        (rest, self.child.wait().expect("its end").code())
    }
}

#[test]
fn there_are_ten_sessions_at_most_and_one_for_each_project() {
    let mut agents = Agents::start("ten");
    let here = agents.home.display().to_string();
    agents.ask("list", &format!("here: {here}"));
    agents.ask("open a 1", "a is open");
    for same in ["1", "1/", "./2/../1", &agents.project("1")] {
        agents.ask(&format!("open b {same}"), "a has it open");
    }
    agents.ask("open b .", "here has it open");
    agents.ask("open a 2", "error: session a is already started");
    for n in 2..=9 {
        agents.ask(&format!("open s{n} {n}"), &format!("s{n} is open"));
    }
    agents.ask("open z 10", "error: session limit of 10 reached");
    // The project is told before that.
    agents.ask("open z 1", "a has it open");
    agents.ask("close a", "a is closed: shutdown");
    agents.ask("open z 1", "z is open");
    assert_eq!(agents.end(), (String::new(), Some(0)));
}

#[test]
fn what_was_said_outlives_the_agent_and_the_session() {
    let mut agents = Agents::start("said");
    agents.ask("open a 1", "a is open");
    agents.ask("said a", "");
    agents.ask("ask a what is there?", "1 files");
    agents.ask("ask a something hard", "error: the agent has no answer");
    agents.ask("ask a and now?", "1 files");
    let said =
        "you: what is there?\nagent: 1 files\nyou: something hard\nyou: and now?\nagent: 1 files";
    agents.ask("said a", said);
    agents.ask("closed", "");
    agents.ask("close a", "a is closed: shutdown");
    let project = agents.project("1");
    agents.ask("closed", &project);
    agents.ask("ask a are you there?", "error: no child of this role runs");
    agents.ask("open b 1", "b is open");
    agents.ask("said b", said);
    agents.ask("closed", "");
    assert_eq!(agents.end(), (String::new(), Some(0)));
}

#[test]
fn what_is_malformed_is_told() {
    let mut agents = Agents::start("malformed");
    let help = "error: open ID PATH, ask ID QUESTION, said ID, close ID, list, closed";
    for line in ["", "dance", "open", "open a", "ask here", "list all"] {
        agents.ask(line, help);
    }
    agents.ask("close nobody", "error: no such session");
    agents.ask("said nobody", "error: no child of this role runs");
    assert_eq!(agents.end().1, Some(0));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let mut agents = Agents::start("signal");
        agents.ask("open a 1", "a is open");
        let pid = agents.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        assert_eq!(agents.child.wait().expect("its end").code(), Some(0));
    }
}
