//! A future among the children of an application: a signal asks it to stop, and the application
//! ends in time whatever it does then.

use std::time::Duration;

use crate::driver::{Program, Readers};
use crate::ends::{ALL, SIGNALS, each, ended, stopped, within};

#[test]
fn a_future_is_asked_to_stop_in_its_turn() {
    let mut rows = Vec::new();
    for workers in [0, 1, 2] {
        rows.extend(SIGNALS.map(|signal| (workers, signal)));
    }
    each(rows, |(workers, (signal, cause))| {
        let flags = format!("task=stops workers={workers}");
        let mut program = Program::start(&flags, Readers::Read);
        program.until("running");
        program.signal(signal);
        let end = program.end();
        ended(&end, cause, 0);
        within(&end, 1_000);
        assert_eq!(stopped(&end), ALL, "{end:?}");
        let said: Vec<_> = end.said.iter().map(String::as_str).collect();
        let of_the_task = said.iter().filter(|line| line.starts_with("task"));
        let steps = ["task runs", "task is asked", "task stopped"];
        assert!(of_the_task.eq(steps.iter()), "{end:?}");
        // It was started after the session supervisor, so it is gone before the sessions are asked.
        let at = |line| said.iter().position(|other| *other == line);
        assert!(at("task stopped") < at("stopped"), "{end:?}");
    });
}

#[test]
fn a_future_that_does_not_end_is_killed_at_the_deadline() {
    each(SIGNALS, |(signal, cause)| {
        let mut program = Program::start("task=hangs deadline=1000", Readers::Read);
        program.until("running");
        program.signal(signal);
        let end = program.end();
        ended(&end, cause, 0);
        within(&end, 1_000);
        assert!(end.said.iter().any(|line| line == "task is asked"));
        assert!(end.said.iter().all(|line| line != "task stopped"));
    });
}

#[test]
fn a_future_that_blocks_its_thread_does_not_keep_the_program() {
    each(SIGNALS, |(signal, cause)| {
        let mut program = Program::start("task=blocks deadline=1000", Readers::Read);
        program.until("task runs");
        program.signal(signal);
        let end = program.end();
        ended(&end, cause, 1);
        within(&end, 1_000);
        assert!(end.took >= Duration::from_millis(500), "{end:?}");
    });
}
