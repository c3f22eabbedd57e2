//! A running program that is sent signals, and what it says of itself.
//!
//! No test waits for time to pass. The timeouts here end a test that has failed already.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::built;

/// A program that has not done within this what it is waited for has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of the readers of its standard output and its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// They read all.
    Read,
    /// They are gone before it has written anything.
    Gone,
    /// They go when they are told to.
    Go,
    /// They read nothing any more when they are told so, and what they could hold is full then.
    Stall,
}

/// A running program. Dropped, it is killed.
pub(crate) struct Program {
    what: String,
    pid: String,
    /// Its output, as it sees it and as its readers do.
    outputs: Vec<(UnixStream, UnixStream)>,
    report: TcpStream,
    lines: Receiver<String>,
    ended: Receiver<ExitStatus>,
    seen: Vec<String>,
    signalled: Option<Instant>,
    over: bool,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    /// What it said, from its start on.
    pub(crate) said: Vec<String>,
    /// Since the first signal.
    pub(crate) took: Duration,
}

fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| built::example("signals"));
    &BINARY
}

impl Program {
    pub(crate) fn start(flags: &str, readers: Readers) -> Self {
        Self::started(Command::new(binary()), flags, readers)
    }

    /// As a child of `nohup`, which has it ignore SIGHUP.
    pub(crate) fn start_with_hangups_ignored(flags: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" HUP; exec "$0" "$@""#]);
        shell.arg(binary());
        Self::started(shell, flags, Readers::Read)
    }

    fn started(mut command: Command, flags: &str, readers: Readers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let outputs = [(); 2].map(|()| UnixStream::pair().expect("two ends"));
        let end = |stream: &UnixStream| -> Stdio {
            OwnedFd::from(stream.try_clone().expect("a second handle")).into()
        };
        command
            .args(flags.split_whitespace())
            .arg(format!("report={address}"))
            .stdin(Stdio::null())
            .stdout(end(&outputs[0].0))
            .stderr(end(&outputs[1].0));
        let mut outputs = Vec::from(outputs);
        match readers {
            Readers::Gone => outputs.clear(),
            Readers::Read => {
                for (_, reader) in outputs.drain(..) {
                    std::thread::spawn(move || read_all(reader));
                }
            }
            Readers::Go | Readers::Stall => {}
        }
        let mut child = command.spawn().expect("it runs");
        // It holds handles of its own ends.
        drop(command);
        let pid = child.id().to_string();
        let (tell, ended) = channel();
        std::thread::spawn(move || tell.send(child.wait().expect("its end")));
        let report = accept(listener);
        let (tell, lines) = channel();
        let reader = BufReader::new(report.try_clone().expect("a second handle"));
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                tell.send(line).ok();
            }
        });
        Self {
            what: format!("{flags} {readers:?}"),
            pid,
            outputs,
            report,
            lines,
            ended,
            seen: Vec::new(),
            signalled: None,
            over: false,
        }
    }

    /// Waits until it says this.
    pub(crate) fn until(&mut self, line: &str) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(said) => self.seen.push(said),
                Err(error) => panic!("{}: no {line:?}: {error}: {:?}", self.what, self.seen),
            }
            if self.seen.last().is_some_and(|said| said == line) {
                return;
            }
        }
    }

    /// Has a slow start go on.
    pub(crate) fn go(&mut self) {
        self.report.write_all(b"go\n").expect("it listens");
    }

    /// Blocks the threads of so many sessions, one after another: of several that come at once a
    /// runtime may leave some in the queue of a thread that is blocked.
    pub(crate) fn block(&mut self, sessions: usize) {
        for number in 0..sessions {
            let line = format!("{number}\n");
            self.report.write_all(line.as_bytes()).expect("it listens");
            self.until("stuck");
        }
    }

    /// The readers of its output go.
    pub(crate) fn readers_go(&mut self) {
        self.outputs.clear();
    }

    /// The readers of its output read nothing from now on, and what they could hold is full.
    pub(crate) fn readers_stall(&mut self) {
        for (writer, _reader) in &mut self.outputs {
            // Both handles of this end share the mode. Nothing is written by the program meanwhile.
            writer.set_nonblocking(true).expect("a mode");
            for size in [4096, 1] {
                let filler = vec![b'.'; size];
                while writer.write(&filler).is_ok() {}
            }
            writer.set_nonblocking(false).expect("a mode");
        }
    }

    pub(crate) fn signal(&mut self, name: &str) {
        self.signalled.get_or_insert_with(Instant::now);
        self.kill(name);
    }

    fn kill(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.pid]).output();
        kill.expect("kill runs");
    }

    /// Sends signals, one at a time, until it has ended.
    pub(crate) fn signal_until_the_end(mut self, name: &str) -> End {
        let begun = Instant::now();
        loop {
            self.signal(name);
            match self.ended.recv_timeout(Duration::from_millis(100)) {
                Ok(status) => return self.end_with(status),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < PATIENCE => {}
                Err(error) => panic!("{}: {error}: {:?}", self.what, self.seen),
            }
        }
    }

    pub(crate) fn end(mut self) -> End {
        match self.ended.recv_timeout(PATIENCE) {
            Ok(status) => self.end_with(status),
            Err(error) => {
                self.seen.extend(self.lines.try_iter());
                panic!("{} has not ended: {error}: {:?}", self.what, self.seen)
            }
        }
    }

    fn end_with(mut self, status: ExitStatus) -> End {
        let took = self.signalled.map_or(Duration::ZERO, |at| at.elapsed());
        self.over = true;
        let mut said = std::mem::take(&mut self.seen);
        said.extend(self.lines.iter());
        End {
            status: status.code(),
            said,
            took,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.over {
            self.kill("KILL");
        }
    }
}

/// The program's connection, which comes or fails the test.
fn accept(listener: TcpListener) -> TcpStream {
    let (tell, accepted) = channel();
    std::thread::spawn(move || tell.send(listener.accept()));
    let accepted = accepted.recv_timeout(PATIENCE).expect("it connects");
    accepted.expect("a connection").0
}

fn read_all(mut reader: UnixStream) {
    drop(reader.read_to_end(&mut Vec::new()));
}
