//! The table of all steps of a lifecycle, as it stands in `docs/lifecycle.md`: a test prints it.
//!
//! `LIFECYCLE=write cargo test --lib transitions` writes it anew.

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::fmt::Write as _;
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::time::Duration;

    use crate::engine::child::Child;
    use crate::engine::domain::{Domain, Ending, Life};
    use crate::engine::event::EventKind;
    use crate::engine::incarnation::{Key, Launch};
    use crate::engine::io::{Discard, Effect, Recall, Refusal};
    use crate::engine::lifecycle::{
        Counted, Current, Due, Join, Left, Lifecycle, Rest, State, Step, StoppedBy, Supervisor,
        Timer, Told,
    };
    use crate::engine::moment::Moment;
    use crate::engine::{Expiry, Mark, Policy, Seen, Shutdown, Span, Spec, Ticket};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lifecycle.md");
    const BEGIN: &str = "<!-- The tables are printed by a test. -->\n";

    /// Specs, lives and tickets of one pointer each, as the shell's are.
    #[derive(Debug)]
    struct Pointers;

    #[derive(Clone, Debug)]
    struct Pointer<T>(Arc<T>);

    impl Domain for Pointers {
        type Spec = Pointer<Policy>;
        type Life = Pointer<Key>;
        type Found = ();
        type Ticket<A> = Pointer<()>;
    }

    impl Spec for Pointer<Policy> {
        fn policy(&self) -> &Policy {
            &self.0
        }
    }

    impl Ticket for Pointer<()> {
        fn is_gone(&self) -> bool {
            false
        }
    }

    impl Life for Pointer<Key> {
        type Found = ();
        type Checkpoint = ();
        fn new(key: Key, _checkpoint: Option<()>) -> Self {
            Self(Arc::new(key))
        }
        fn found(&self) -> Option<()> {
            None
        }
        fn actor(&self) -> Option<u64> {
            None
        }
        fn mark(&self) -> Mark {
            Mark::Orderly
        }
        fn ending(&self) -> Ending {
            Ending::No
        }
    }

    /// An idle session is one of these in the engine, with its place in the table.
    #[test]
    fn what_is_kept_of_an_idle_session_does_not_grow() {
        let size = std::mem::size_of::<Option<Child<Pointers>>>();
        assert!(size <= 144, "{size} bytes");
    }

    const NOW: Moment = Moment::START.after(Duration::from_secs(100));
    const LONG_AGO: Moment = Moment::START.after(Duration::from_secs(90));
    const KEY: Key = Key {
        slot: 0,
        launch: Launch(1),
    };

    const STATES: [(&str, State); 12] = [
        ("Down", State::Down),
        ("Launching", State::Launching),
        ("Cancelled", State::Cancelled { since: LONG_AGO }),
        ("Running", State::Running),
        (
            "Stopping",
            State::Stopping {
                until: Some(LONG_AGO),
            },
        ),
        ("Killed", State::Killed { since: LONG_AGO }),
        (
            "Ended",
            State::Ended {
                due: None,
                rest: Rest::Passing,
            },
        ),
        (
            "Ended, awaited",
            State::Ended {
                due: Some(LONG_AGO),
                rest: Rest::Passing,
            },
        ),
        (
            "Ended, outlived",
            State::Ended {
                due: None,
                rest: Rest::Stuck,
            },
        ),
        ("Stuck launch", State::Stuck(Left::Launch)),
        ("Stuck actor", State::Stuck(Left::Actor)),
        ("Stuck rest", State::Stuck(Left::Rest)),
    ];

    fn name(state: State) -> &'static str {
        match state {
            State::Down => "Down",
            State::Launching => "Launching",
            State::Cancelled { .. } => "Cancelled",
            State::Running => "Running",
            State::Stopping { .. } => "Stopping",
            State::Killed { .. } => "Killed",
            State::Ended {
                rest: Rest::Stuck, ..
            } => "Ended, outlived",
            State::Ended { due: None, .. } => "Ended",
            State::Ended { due: Some(_), .. } => "Ended, awaited",
            State::Stuck(Left::Launch) => "Stuck launch",
            State::Stuck(Left::Actor) => "Stuck actor",
            State::Stuck(Left::Rest) => "Stuck rest",
        }
    }

    type One = Lifecycle<Pointers>;
    /// What happens; answers what the engine is told.
    type Event = fn(&mut One, &mut Step<'_, Pointers>) -> Option<String>;

    fn due(due: Due) -> Option<String> {
        match due {
            Due::Nothing => None,
            Due::TimedOut(_) => Some("timed out".into()),
            Due::GiveUp => Some("give it up".into()),
        }
    }

    fn started(recall: Recall, child: &mut One, step: &mut Step<'_, Pointers>) -> Option<String> {
        let (how, _) = child.started(recall, step)?;
        Some(format!("{how:?}"))
    }

    const LAUNCHING: &[(&str, Event)] = &[
        ("it is launched", |child, step| {
            child.launch(KEY, None, None, None, None, step);
            None
        }),
        ("the launch succeeds in time", |child, step| {
            started(Recall::InTime, child, step)
        }),
        ("the launch succeeds too late", |child, step| {
            started(Recall::TooLate, child, step)
        }),
        ("the launch fails", |child, step| {
            Some(format!("{:?}", child.start_failed(step)?))
        }),
        (
            "the launch fails, and stuck children of a tree are left",
            |child, step| Some(format!("{:?}", child.start_outlived(step)?)),
        ),
        ("the launch is cancelled", |child, step| {
            child.cancel(Refusal::Stopped.into(), step);
            None
        }),
    ];

    const STOPPING: &[(&str, Event)] = &[
        ("it is told to end (`Timeout(5 s)`)", |child, step| {
            child.stop(step);
            None
        }),
        ("it is told to end (`BrutalKill`)", |child, step| {
            child.spec = spec(Shutdown::BrutalKill);
            child.stop(step);
            None
        }),
        ("it expires (`BrutalKill`)", |child, step| {
            child.spec = spec(Shutdown::BrutalKill);
            let timeout = Span::new(Duration::from_secs(60)).expect("longer than zero");
            child.expire(Expiry::Idle(timeout.get()), step);
            None
        }),
        ("its supervisor drains (`BrutalKill`)", |child, step| {
            child.spec = spec(Shutdown::BrutalKill);
            let deadline = Some(NOW.after(Duration::from_secs(60)));
            step.supervisor = Supervisor::Stops { deadline };
            child.drain(step);
            None
        }),
        ("it is granted 20 s", |child, step| {
            child.give_time(NOW.after(Duration::from_secs(20)), step);
            None
        }),
        ("its turn in a drain is over", |child, step| {
            due(child.turn_over(step))
        }),
        ("its timer goes off", |child, step| {
            due(child.due(None, step))
        }),
        (
            "its timer goes off, and another child has just ended",
            |child, step| {
                step.last_end = NOW;
                due(child.due(None, step))
            },
        ),
        (
            "the deadline of the supervisor's stop comes",
            |child, step| {
                let deadline = Some(NOW);
                step.supervisor = Supervisor::Stops { deadline };
                due(child.cut(step))
            },
        ),
        ("the time that it has is shortened", |child, step| {
            child.stop_within(Duration::from_secs(3), step);
            None
        }),
        ("its release is waited for", |child, step| {
            child.hurry(step);
            None
        }),
        ("it is given up", |child, step| {
            child.give_up(step);
            None
        }),
    ];

    const ENDING: &[(&str, Event)] = &[
        ("the event of its end", |child, step| {
            let seen = Seen::Terminated(None);
            Some(match child.seen(seen, step) {
                Told::Early => "kept".into(),
                Told::Ends(_) => "it ends".into(),
                Told::Late(_) => "late".into(),
            })
        }),
        ("it ends", |child, step| {
            let end = child.end(Mark::Orderly, None, None, step, |_| None)?;
            Some(format!("{:?}: {}", end.was, end.exit))
        }),
        ("only stuck children of its own are left", |child, _| {
            child.outlived();
            None
        }),
        ("it will be restarted or parked", |child, _| {
            child.will_restart();
            None
        }),
        ("it will be forgotten", |child, step| {
            child.will_be_forgotten(step);
            None
        }),
        ("its task is done, but its state is left", |child, _| {
            child.joined();
            child
                .is_lost()
                .then(|| "lost, if no event will be read".into())
        }),
        ("nothing of it is left", |child, step| {
            child.release(step);
            None
        }),
    ];

    fn spec(shutdown: Shutdown) -> Pointer<Policy> {
        Pointer(Arc::new(Policy {
            shutdown,
            ..Policy::default()
        }))
    }

    fn child(state: State) -> One {
        let mut child =
            Lifecycle::new("id".into(), spec(Shutdown::Timeout(Duration::from_secs(5))));
        if state != State::Down {
            child.current = Some(Current {
                launch: KEY.launch,
                life: Pointer(Arc::new(KEY)),
                started: LONG_AGO,
                state,
                early: None,
                join: Join::Pending,
                recall: Recall::InTime,
                stopped_by: StoppedBy::Rule,
                counted: Counted::NotYet,
            });
        }
        child
    }

    fn said(effect: &Effect<Pointers>) -> String {
        match effect {
            Effect::Launch { .. } => "launch".into(),
            Effect::Cancel { .. } => "cancel".into(),
            Effect::Stop { .. } => "stop".into(),
            Effect::StopWithin { .. } => "stop within".into(),
            Effect::Kill { .. } => "kill".into(),
            Effect::Discard(Discard::Life(_)) => "discard the life".into(),
            Effect::Discard(Discard::Seen(_)) => "discard the event".into(),
            Effect::Note { kind, .. } => match kind {
                EventKind::Killing(why) => format!("log `Killing({why:?})`"),
                EventKind::Expired(_) => "log `Expired`".into(),
                EventKind::StartTimedOut { .. } => "log `StartTimedOut`".into(),
                EventKind::Started { .. } => "log `Started`".into(),
                kind => format!("log `{kind:?}`"),
            },
            other => panic!("a lifecycle says {other:?}"),
        }
    }

    fn cell(state: State, event: Event) -> String {
        let mut child = child(state);
        let mut effects = VecDeque::new();
        let mut step = Step::new(NOW, Supervisor::Serves, Moment::START, &mut effects);
        let happens = catch_unwind(AssertUnwindSafe(|| event(&mut child, &mut step)));
        let Ok(answer) = happens else {
            assert_eq!(child.state(), state, "the impossible changes something");
            return String::new();
        };
        let timer = match step.timer {
            Timer::Kept => None,
            Timer::Off => Some("no timer".to_owned()),
            Timer::At(at) if at < NOW => Some("timer: due".to_owned()),
            Timer::At(at) => Some(format!("timer: {:?}", at.since(NOW))),
        };
        let before = name(state);
        let after = Some(name(child.state())).filter(|after| *after != before);
        let mut told: Vec<String> = effects.iter().map(said).collect();
        told.extend(timer);
        told.extend(answer.map(|answer| format!("*{answer}*")));
        match (after, told.is_empty()) {
            (None, true) => "–".to_owned(),
            (None, false) => told.join(", "),
            (Some(after), true) => format!("**{after}**"),
            (Some(after), false) => format!("**{after}**: {}", told.join(", ")),
        }
    }

    fn table(title: &str, events: &[(&str, Event)]) -> String {
        let mut text = format!("## {title}\n\n| state |");
        for (event, _) in events {
            write!(text, " {event} |").unwrap();
        }
        let rule = " --- |".repeat(events.len() + 1);
        writeln!(text, "\n|{rule}").unwrap();
        for (name, state) in STATES {
            write!(text, "| {name} |").unwrap();
            for (_, event) in events {
                write!(text, " {} |", cell(state, *event)).unwrap();
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn the_table_of_transitions_is_the_one_in_the_documentation() {
        // What is impossible is told by debug assertions.
        if !cfg!(debug_assertions) {
            return;
        }
        let tables = [
            table("Launches", LAUNCHING),
            table("Stops and kills", STOPPING),
            table("Ends", ENDING),
        ];
        let tables = tables.join("\n");
        let text = fs::read_to_string(FILE).unwrap();
        let (head, kept) = text.split_once(BEGIN).expect("the mark before the tables");
        if std::env::var("LIFECYCLE").as_deref() == Ok("write") {
            fs::write(FILE, format!("{head}{BEGIN}\n{tables}")).unwrap();
        } else {
            assert_eq!(kept.trim(), tables.trim(), "see this test's module");
        }
    }
}
