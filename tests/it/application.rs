//! The application root: what it starts, in which order it ends, and what it says of that.
//!
//! Most signals concern a whole process. `tests/process` and the tests of the example send them.

mod drains;
mod ends;
mod failures;
mod hostile;
mod siblings;
mod starts;

use session_supervisor::{Application, ChildSpec, Options, RunningApplication, SessionSupervisor};

use crate::support::{Probe, Worker};

fn application() -> Application {
    Application::new(Options::new().unique_name()).unique_name()
}

/// A child that notes its start and its stop under a name.
fn noted(probe: &Probe, name: &'static str) -> ChildSpec<Worker> {
    let (up, down) = (probe.clone(), probe.clone());
    probe
        .script()
        .pre_start(move |_, _| {
            up.note(format!("+{name}"));
            async { Ok(()) }
        })
        .post_stop(move |_, _| {
            down.note(format!("-{name}"));
            async { Ok(()) }
        })
        .spec()
}

fn bad() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| async { Err("no disk".into()) })
}

fn sessions(running: &RunningApplication) -> SessionSupervisor {
    running.sessions().expect("the session supervisor runs")
}

async fn start(application: Application) -> RunningApplication {
    application.start().await.expect("an application")
}
