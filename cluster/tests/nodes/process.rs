//! A node, from the side of the test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Test time for an answer: reached only if none comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

type Waiting = Arc<Mutex<HashMap<String, Sender<String>>>>;

pub(crate) struct Node {
    pub(crate) name: String,
    child: Child,
    input: ChildStdin,
    waiting: Waiting,
    tags: u64,
}

/// An answer that is to come.
pub(crate) struct Answer {
    what: String,
    answer: Receiver<String>,
}

impl Answer {
    pub(crate) fn get(self) -> String {
        match self.answer.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => panic!("{} was not answered", self.what),
            Err(RecvTimeoutError::Disconnected) => "gone".to_owned(),
        }
    }
}

impl Node {
    /// Starts a process, and does not wait until it has joined.
    pub(crate) fn spawn(name: &str, settings: &[(&str, String)]) -> (Self, Answer) {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command
            .env("NODE_OF_TEST", name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (key, value) in settings {
            command.env(key, value);
        }
        let mut child = command.spawn().expect("a process");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (sender, answer) = channel();
        let waiting: Waiting = Arc::default();
        lock(&waiting).insert("joined".to_owned(), sender);
        let told = Arc::clone(&waiting);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let (tag, answer) = line.split_once(' ').unwrap_or((&line, ""));
                if let Some(sender) = lock(&told).remove(tag) {
                    drop(sender.send(answer.to_owned()));
                }
            }
            // Nobody is answered any more.
            lock(&told).clear();
        });
        let node = Self {
            name: name.to_owned(),
            child,
            input,
            waiting,
            tags: 0,
        };
        let what = format!("{name}: join");
        (node, Answer { what, answer })
    }

    pub(crate) fn ask(&mut self, command: &str) -> Answer {
        self.tags += 1;
        let tag = self.tags.to_string();
        let (sender, answer) = channel();
        lock(&self.waiting).insert(tag.clone(), sender);
        if writeln!(self.input, "{tag} {command}").is_err() {
            lock(&self.waiting).remove(&tag);
        }
        let what = format!("{}: {command}", self.name);
        Answer { what, answer }
    }

    pub(crate) fn tell(&mut self, command: &str) -> String {
        self.ask(command).get()
    }

    /// Asks until the answer is right. Each answer comes from the node, so no time is waited for; between
    /// two questions others have their turn.
    pub(crate) fn until(&mut self, command: &str, right: impl Fn(&str) -> bool) -> String {
        let began = std::time::Instant::now();
        loop {
            let answer = self.tell(command);
            if right(&answer) {
                return answer;
            }
            if began.elapsed() >= PATIENCE {
                let status = self.tell("status");
                panic!("{}: {command} stays at {answer}\n{status}", self.name);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Waits until the process has ended.
    pub(crate) fn gone(mut self) {
        drop(self.child.wait());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<String, Sender<String>>> {
    waiting.lock().expect("it does not panic")
}
