//! The compiled example of coding agents, driven through its standard input, killed and started again.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running example. Dropped, it is killed.
struct Agents {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Agents {
    fn drop(&mut self) {
        // SIGKILL.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn home() -> PathBuf {
    let name = format!("agents {}", std::process::id());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&home));
    fs::create_dir_all(home.join("1")).expect("a folder");
    fs::create_dir_all(home.join("2")).expect("a folder");
    fs::write(home.join("1").join("file"), "text").expect("a file");
    home.canonicalize().expect("it is there")
}

/// The example, which cargo builds with the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let profile = test.parent().and_then(Path::parent).expect("its folder");
    let name = format!("agents{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(name)
}

impl Agents {
    fn start(home: &Path) -> Self {
        let mut child = Command::new(example())
            .arg("agents.db")
            .current_dir(home)
            // Its errors are not read, and panics with their backtraces would fill the pipe.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    fn says(&mut self, expected: &str) {
        for expected in expected.split('\n') {
            let mut line = String::new();
            self.stdout.read_line(&mut line).expect("its output");
            assert_eq!(line.trim_end(), expected);
        }
    }

    fn ask(&mut self, command: &str, answer: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{command}").expect("it takes it");
        self.says(answer);
    }
}

#[test]
fn all_agents_and_what_was_said_outlive_a_kill() {
    let home = home();
    let project = |name: &str| home.join(name).display().to_string();
    let mut agents = Agents::start(&home);
    agents.says("0 are back");
    agents.ask("open a 1", "a is open");
    agents.ask("open b 2", "b is open");
    agents.ask("ask a what is there?", "1 files");
    agents.ask("ask a something hard", "error: the agent has no answer");
    let said = "you: what is there?\nagent: 1 files\nyou: something hard";
    agents.ask("said a", said);
    drop(agents);

    let mut agents = Agents::start(&home);
    agents.says("2 are back");
    let list = format!("2 open\na: {}\nb: {}", project("1"), project("2"));
    agents.ask("list", &list);
    agents.ask("said a", said);
    // Its claim is back too.
    agents.ask("open c ./2/../1", "a has it open");
    agents.ask("open a 2", "error: session a is already started");
    agents.ask("ask a and now?", "1 files");
    agents.ask("close b", "b is closed: shutdown");
    // A second process is told which one has the store.
    let pid = agents.child.id();
    let second = Command::new(example())
        .arg("agents.db")
        .current_dir(&home)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("process {pid} has")), "{told}");
    drop(agents);

    let mut agents = Agents::start(&home);
    agents.says("1 are back");
    agents.ask("said a", &format!("{said}\nyou: and now?\nagent: 1 files"));
    agents.ask("said b", "error: no child of this role runs");
    // An orderly end loses nothing either.
    agents.stdin = None;
    assert_eq!(agents.child.wait().expect("its end").code(), Some(0));
    let mut agents = Agents::start(&home);
    agents.says("1 are back");
    drop(agents);
    fs::remove_dir_all(&home).expect("it is ours");
}
