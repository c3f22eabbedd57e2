//! Within which time a program ends, and with which status.
//!
//! Each signal is sent when the program has printed that it has come that far.

use std::time::Duration;

use driver::{End, Program, Readers};

use crate::driver;

/// The kill bound, and what a busy machine needs.
const MORE: Duration = Duration::from_secs(1 + 3);

/// Far beyond every patience.
const NO_DEADLINE: &str = "deadline=3600000";

pub(crate) const SIGNALS: [(&str, &str); 3] = [
    ("INT", "Signal(Interrupt)"),
    ("TERM", "Signal(Terminate)"),
    ("HUP", "Signal(Hangup)"),
];

/// Tries all rows at once.
pub(crate) fn each<T: Send>(rows: impl IntoIterator<Item = T>, attempt: impl Fn(T) + Sync) {
    let attempt = &attempt;
    std::thread::scope(|scope| {
        for row in rows {
            scope.spawn(move || attempt(row));
        }
    });
}

/// It has said how it ended, and its status is that.
pub(crate) fn ended(end: &End, cause: &str, status: i32) {
    let told = format!("ended {cause} {status}");
    assert_eq!(end.said.last(), Some(&told), "{end:?}");
    assert_eq!(end.status, Some(status), "{end:?}");
}

/// It has said that it was cut short, and its status is that. A session that was in its
/// `post_stop` on another thread just then may still say its own word afterwards.
fn cut_short(end: &End, cause: &str, status: i32) {
    let told = format!("ended {cause} {status}");
    assert!(end.said.contains(&told), "{end:?}");
    assert_eq!(end.status, Some(status), "{end:?}");
}

/// It has ended within a deadline, which is given in milliseconds.
pub(crate) fn within(end: &End, deadline: u64) {
    let deadline = Duration::from_millis(deadline);
    assert!(end.took < deadline + MORE, "{end:?}");
}

pub(crate) fn stopped(end: &End) -> usize {
    end.said.iter().filter(|line| *line == "stopped").count()
}

/// Those of the standard children and sessions that say so when they are stopped.
pub(crate) const ALL: usize = 2 + 5 + 1;

#[test]
fn a_program_that_runs_ends_in_order_whatever_has_become_of_its_output() {
    let mut rows = Vec::new();
    for readers in [Readers::Read, Readers::Gone, Readers::Go] {
        for log in ["stdout", "stderr"] {
            for by in ["run", "start"] {
                rows.extend(SIGNALS.map(|signal| (readers, log, by, signal)));
            }
        }
    }
    each(rows, |(readers, log, by, (signal, cause))| {
        let mut program = Program::start(&format!("log={log} by={by}"), readers);
        program.until("running");
        program.readers_go();
        program.signal(signal);
        let end = program.end();
        ended(&end, cause, 0);
        within(&end, 1_000);
        assert_eq!(stopped(&end), ALL, "{end:?}");
    });
}

#[test]
fn what_hangs_in_its_stop_is_killed_at_the_deadline_and_no_other_signal_than_ctrl_c_hastens_it() {
    let mut rows = Vec::new();
    for readers in [Readers::Read, Readers::Go] {
        for second in ["TERM", "HUP"] {
            rows.extend(SIGNALS.map(|signal| (readers, second, signal)));
        }
    }
    each(rows, |(readers, second, (signal, cause))| {
        let mut program = Program::start("stop=hangs deadline=1000", readers);
        program.until("running");
        program.signal(signal);
        program.until("stopping");
        program.readers_go();
        program.signal(second);
        let end = program.end();
        ended(&end, cause, 0);
        within(&end, 1_000);
        assert!(end.took >= Duration::from_millis(1_000), "{end:?}");
        assert!(stopped(&end) < ALL, "{end:?}");
    });
}

#[test]
fn a_ctrl_c_in_the_middle_of_the_stop_ends_it_at_once() {
    let mut rows = Vec::new();
    for readers in [Readers::Read, Readers::Gone, Readers::Go, Readers::Stall] {
        rows.extend(SIGNALS.map(|signal| (readers, signal)));
    }
    each(rows, |(readers, (signal, _))| {
        let mut program = Program::start(&format!("stop=hangs {NO_DEADLINE}"), readers);
        program.until("running");
        program.signal(signal);
        program.until("stopping");
        match readers {
            Readers::Stall => program.readers_stall(),
            _ => program.readers_go(),
        }
        program.signal("INT");
        let end = program.end();
        cut_short(&end, "Interrupted", 130);
        within(&end, 0);
    });
}

#[test]
fn a_signal_during_the_start_counts_when_it_has_started() {
    let mut rows = Vec::new();
    for readers in [Readers::Read, Readers::Gone] {
        for by in ["run", "start"] {
            rows.extend(SIGNALS.map(|signal| (readers, by, signal)));
        }
    }
    each(rows, |(readers, by, (signal, cause))| {
        let flags = format!("start=waits by={by} {NO_DEADLINE}");
        let mut program = Program::start(&flags, readers);
        program.until("starting");
        program.signal(signal);
        program.go();
        let end = program.end();
        ended(&end, cause, 0);
        within(&end, 0);
        assert!(stopped(&end) >= 2, "what had started is stopped: {end:?}");
    });
}

#[test]
fn a_signal_during_a_start_that_never_ends_ends_it_at_the_deadline() {
    let mut rows = Vec::new();
    for start in ["hangs", "blocks"] {
        for workers in [1, 2] {
            rows.extend(SIGNALS.map(|signal| (start, workers, signal)));
        }
    }
    each(rows, |(start, workers, (signal, _))| {
        let flags = format!("start={start} workers={workers} deadline=1000");
        let mut program = Program::start(&flags, Readers::Gone);
        program.until("starting");
        program.signal(signal);
        let end = program.end();
        cut_short(&end, "Overdue", 1);
        within(&end, 1_000);
        assert!(end.took >= Duration::from_millis(1_000), "{end:?}");
    });
}

#[test]
fn a_program_whose_start_is_apart_from_its_wait_ends_at_the_deadline_or_at_the_second_ctrl_c_too() {
    each(["hangs", "blocks"], |start| {
        let flags = format!("start={start} by=start deadline=1000");
        let mut program = Program::start(&flags, Readers::Gone);
        program.until("starting");
        program.signal("TERM");
        let end = program.end();
        assert!(
            end.said.iter().any(|line| line.contains("SIGTERM")),
            "{end:?}"
        );
        assert_eq!(end.status, Some(1), "{end:?}");
        within(&end, 1_000);
    });
    each(["hangs", "blocks"], |start| {
        let flags = format!("start={start} by=start {NO_DEADLINE}");
        let mut program = Program::start(&flags, Readers::Gone);
        program.until("starting");
        let end = program.signal_until_the_end("INT");
        assert_eq!(end.status, Some(1), "{end:?}");
    });
}

#[test]
fn ctrl_c_again_and_again_ends_a_start_and_a_stop_that_hang() {
    let flags = [
        "start=hangs",
        "start=blocks",
        "start=blocks workers=1",
        "start=hangs workers=0",
    ];
    each(flags, |flags| {
        let mut program = Program::start(&format!("{flags} {NO_DEADLINE}"), Readers::Gone);
        program.until("starting");
        cut_short(&program.signal_until_the_end("INT"), "Interrupted", 130);
    });
    each([1, 2], |stuck| {
        let flags = format!("stuck={stuck} workers=2 {NO_DEADLINE}");
        let mut program = Program::start(&flags, Readers::Gone);
        program.until("running");
        program.block(stuck);
        cut_short(&program.signal_until_the_end("INT"), "Interrupted", 130);
    });
}

#[test]
fn stuck_sessions_are_left_behind_at_the_deadline_with_status_1() {
    let mut rows = Vec::new();
    for readers in [Readers::Read, Readers::Gone] {
        // One, all but one, and all of the threads of the runtime.
        for stuck in [1, 3, 4] {
            rows.extend(SIGNALS.map(|signal| (readers, stuck, signal)));
        }
    }
    each(rows, |(readers, stuck, (signal, _))| {
        let flags = format!("stuck={stuck} workers=4 deadline=1000");
        let mut program = Program::start(&flags, readers);
        program.until("running");
        program.block(stuck);
        program.signal(signal);
        let end = program.end();
        assert_eq!(end.status, Some(1), "{end:?}");
        within(&end, 1_000);
    });
}

#[test]
fn output_that_is_full_and_never_read_keeps_nothing_from_its_end() {
    let mut rows = Vec::new();
    for log in ["stdout", "stderr"] {
        for stuck in [0, 1, 2] {
            rows.extend(SIGNALS.map(|signal| (log, stuck, signal)));
        }
    }
    each(rows, |(log, stuck, (signal, cause))| {
        let flags = format!("log={log} stuck={stuck} workers=2 deadline=1000");
        let mut program = Program::start(&flags, Readers::Stall);
        program.until("running");
        program.block(stuck);
        program.readers_stall();
        program.signal(signal);
        let end = program.end();
        within(&end, 1_000);
        if stuck == 0 {
            ended(&end, cause, 0);
            assert_eq!(stopped(&end), ALL, "{end:?}");
        }
        assert_eq!(end.status, Some(i32::from(stuck > 0)), "{end:?}");
    });
}

#[test]
fn the_status_is_also_what_main_returns() {
    for (flags, status) in [
        ("end=code", 0),
        ("end=background", 0),
        ("end=background stuck=1", 1),
    ] {
        let mut program = Program::start(flags, Readers::Gone);
        program.until("running");
        program.block(usize::from(status == 1));
        program.signal("TERM");
        let end = program.end();
        assert_eq!(end.status, Some(status), "{flags}: {end:?}");
        within(&end, 1_000);
    }
}

#[test]
fn a_hangup_that_was_ignored_before_it_started_stays_ignored() {
    let mut program = Program::start_with_hangups_ignored("");
    program.until("running");
    program.signal("HUP");
    program.signal("TERM");
    let end = program.end();
    ended(&end, "Signal(Terminate)", 0);
    assert_eq!(stopped(&end), ALL, "{end:?}");
}

#[test]
fn a_hangup_may_be_left_to_the_program() {
    let mut program = Program::start("hangup=left", Readers::Read);
    program.until("running");
    program.signal("HUP");
    let end = program.end();
    assert_eq!(end.status, None, "the signal itself ended it: {end:?}");
    assert_eq!(stopped(&end), 0, "{end:?}");
}
