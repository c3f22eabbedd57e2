//! A node, from the side of the test.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A process. Dropped, it is killed.
pub(crate) struct Node {
    pub(crate) name: String,
    /// Of its pages.
    pub(crate) origin: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Node {
    /// Starts one, and waits until it has joined.
    pub(crate) async fn start(name: &str, settings: &[(&str, String)]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .env("NODE_OF_TEST", name)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let mut node = Self {
            name: name.to_owned(),
            origin: String::new(),
            child,
            input,
            output: BufReader::new(output).lines(),
        };
        node.origin = node.told().await;
        node
    }

    async fn told(&mut self) -> String {
        let line = self.output.next_line().await.expect("its output");
        line.unwrap_or_else(|| panic!("node {} has ended", self.name))
    }

    pub(crate) async fn ask(&mut self, command: &str) -> String {
        let line = format!("{command}\n");
        let sent = self.input.write_all(line.as_bytes()).await;
        sent.expect("it takes it");
        self.told().await
    }

    /// Ends the process at once.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it ends");
    }
}
