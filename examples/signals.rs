//! An application that can be made slow, stuck or loud, to see how it ends when it is sent a
//! signal.
//!
//! `tests/process` runs it. It says what happens over a socket of its own, `report=ADDRESS`, since
//! its standard output and its standard error are part of what is tried. A line `go` on that socket
//! lets a slow start go on; a line with a number blocks the thread of the session of that number,
//! if there is one that is to be stuck.
//!
//! Flags, each `name=value`: `log` (`stdout`, `stderr`), `by` (`run`, `start`), `start` (`quick`,
//! `waits`, `hangs`, `blocks`), `stop` (`quick`, `hangs`), `stuck` (how many sessions block their
//! thread), `task` (`none`, `stops`, `hangs`, `blocks`), `workers` (0: a runtime of one thread),
//! `deadline` (in ms), `hangup` (`taken`, `left`), `end` (`exit`, `code`, `background`).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    Application, ChildSpec, Ended, Launch, Options, SessionSupervisor, Shutdown, Task,
};
use tokio::sync::watch;

const SESSIONS: &str = "signals";

/// Where it says what happens, and reads that it may go on.
#[derive(Clone, Debug)]
struct Report {
    stream: Arc<TcpStream>,
    go: watch::Receiver<bool>,
}

impl Report {
    fn connect(address: &str) -> Self {
        let stream = Arc::new(TcpStream::connect(address).expect("the test listens"));
        let (went, go) = watch::channel(false);
        let lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match &*line {
                    "go" => drop(went.send_replace(true)),
                    number => block(number),
                }
            }
        });
        Self { stream, go }
    }

    fn tell(&self, text: &str) {
        (&*self.stream)
            .write_all(format!("{text}\n").as_bytes())
            .expect("the test reads");
    }
}

/// Blocks the thread of a session.
fn block(number: &str) {
    let sessions = SessionSupervisor::where_is(SESSIONS).expect("it runs");
    let session = sessions.find_session_as::<String>(&format!("stuck-{number}"));
    session.expect("it runs").cast("block".to_owned()).ok();
}

/// A child that is quick, unless it is told otherwise.
struct Child;

struct State {
    report: Report,
    hangs_in_its_stop: bool,
}

#[ractor::actor(message = String, state = State, arguments = State)]
impl Child {
    async fn pre_start(
        &self,
        _myself: ActorRef<String>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _myself: ActorRef<String>,
        _block: String,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.report.tell("stuck");
        loop {
            std::thread::park();
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<String>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if state.hangs_in_its_stop {
            state.report.tell("stopping");
            std::future::pending::<()>().await;
        }
        state.report.tell("stopped");
        Ok(())
    }
}

struct Flags(HashMap<String, String>);

impl Flags {
    fn parse() -> Self {
        let flags = std::env::args().skip(1).map(|flag| {
            let (name, value) = flag.split_once('=').expect("name=value");
            (name.to_owned(), value.to_owned())
        });
        Self(flags.collect())
    }

    fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.0
            .get(name)
            .map_or(default, |value| value.parse().expect("a number"))
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match flags.text("log", "stdout") {
        "stderr" => tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr)
            .init(),
        _ => tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .init(),
    }
    let report = Report::connect(flags.text("report", "127.0.0.1:4001"));
    let mut runtime = match flags.number("workers", 2) {
        0 => tokio::runtime::Builder::new_current_thread(),
        workers => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(usize::try_from(workers).expect("a few"));
            runtime
        }
    };
    let runtime = runtime.enable_all().build().expect("a runtime");
    let ended = match runtime.block_on(serve(&flags, report.clone())) {
        Ok(ended) => {
            report.tell(&format!("ended {:?} {}", ended.cause, ended.status()));
            ended
        }
        Err(error) => {
            report.tell(&format!("failed {}", error));
            // A return drops the runtime, which waits for what is stuck.
            std::process::exit(1);
        }
    };
    match flags.text("end", "exit") {
        "code" => {
            drop(runtime);
            ended.into()
        }
        "background" => {
            runtime.shutdown_background();
            ended.into()
        }
        _ => ended.exit(),
    }
}

async fn serve(flags: &Flags, report: Report) -> Result<Ended, String> {
    let application = describe(flags, &report);
    if flags.text("by", "run") == "run" {
        return application.run().await.map_err(|error| chain(&error));
    }
    let running = application.start().await.map_err(|error| chain(&error))?;
    Ok(running.wait().await)
}

fn describe(flags: &Flags, report: &Report) -> Application {
    let hangs_in_its_stop = flags.text("stop", "quick") == "hangs";
    let child = |hangs_in_its_stop| {
        let report = report.clone();
        ChildSpec::new(move |_| {
            let report = report.clone();
            let state = State {
                report,
                hangs_in_its_stop,
            };
            (Child, state)
        })
    };
    let mut application = Application::new(Options::new().name(SESSIONS))
        .stop_timeout(Duration::from_millis(flags.number("deadline", 1_000)))
        .child_before("store", child(false))
        .child("starter", starter(flags, report));
    let how = flags.text("task", "none");
    if how != "none" {
        application = application.child("task", task(how, report));
    }
    if flags.text("hangup", "taken") == "left" {
        application = application.without_hangup();
    }
    for number in 0..flags.number("stuck", 0) {
        application = application.session(format!("stuck-{number}"), child(false));
    }
    for number in 0..5 {
        application = application.session(format!("quick-{number}"), child(false));
    }
    let hangs = child(hangs_in_its_stop).shutdown(Shutdown::Infinity);
    application
        .session("slow", hangs)
        .session("last", last(report))
}

/// A child that starts as the flags say.
fn starter(flags: &Flags, report: &Report) -> ChildSpec<Child> {
    let (how, report) = (flags.text("start", "quick").to_owned(), report.clone());
    ChildSpec::from_fn(move |_| {
        let (how, mut report) = (how.clone(), report.clone());
        async move {
            report.tell("starting");
            match &*how {
                "waits" => drop(report.go.wait_for(|go| *go).await),
                "hangs" => std::future::pending().await,
                "blocks" => loop {
                    std::thread::park();
                },
                _ => {}
            }
            let state = State {
                report,
                hangs_in_its_stop: false,
            };
            Ok(Launch::Actor(Child, state))
        }
    })
}

/// A child that is a future.
fn task(how: &str, report: &Report) -> ChildSpec<Task> {
    let store = (how.to_owned(), report.clone());
    ChildSpec::task_with(store, |(how, report), _start, stop| async move {
        report.tell("task runs");
        if how == "blocks" {
            loop {
                std::thread::park();
            }
        }
        stop.requested().await;
        report.tell("task is asked");
        if how == "hangs" {
            std::future::pending::<()>().await;
        }
        report.tell("task stopped");
        Ok(())
    })
}

/// The last default session. It tells that all is started, and is itself not there.
fn last(report: &Report) -> ChildSpec<Child> {
    let report = report.clone();
    ChildSpec::from_fn(move |_| {
        report.tell("running");
        async { Ok(Launch::Ignore) }
    })
}

/// An error and its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}
