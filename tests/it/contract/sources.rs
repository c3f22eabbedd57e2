//! Errors with their sources, as they are printed: no message says again what a deeper one says,
//! and the user's own error is there as itself.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ractor::ActorProcessingErr;
use session_supervisor::error::{
    AskForTimeError, DeleteChildError, EnsureError, FindChildError, FindError, LeaseError,
    RejectReason, RestartChildError, RestartError, StartChildError, StartError,
    StartSupervisorError, StopError, TerminateChildError,
};
use session_supervisor::{
    ChildSpec, Drain, Options, SessionId, SessionSupervisor, Supervisor, TreeSpec, names,
};

use super::SECOND;
use crate::support::{Probe, supervisor};
use crate::traces::Capture;

/// A user's error, with a source of its own.
#[derive(Debug)]
struct DbDown(std::num::ParseIntError);

impl DbDown {
    fn make() -> ActorProcessingErr {
        Box::new(Self("x".parse::<u8>().expect_err("no number")))
    }
}

impl fmt::Display for DbDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("db down")
    }
}

impl Error for DbDown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn chain(error: &dyn Error) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect()
}

/// Checks the chain and says it in one line, as reports of errors print it.
fn told(error: &dyn Error) -> String {
    let texts = chain(error);
    for (at, outer) in texts.iter().enumerate() {
        assert!(!outer.is_empty());
        for inner in &texts[at + 1..] {
            assert!(!outer.contains(inner.as_str()), "{outer:?} says {inner:?}");
        }
    }
    texts.join(": ")
}

/// As [`told`], and the user's error is in the chain as itself.
fn told_with_cause(error: &(dyn Error + 'static)) -> String {
    let mut levels = std::iter::successors(Some(error), |&error| error.source());
    assert!(levels.any(<dyn Error>::is::<DbDown>), "{error}");
    told(error)
}

const CAUSE: &str = "db down: invalid digit found in string";

#[tokio::test(start_paused = true)]
async fn no_message_repeats_its_source() {
    let cause = || Arc::new(DbDown::make());
    let role: Arc<str> = "r".into();
    let sessions = supervisor(Options::new()).await;
    let cell = sessions.get_cell();
    let spec = Probe::default().spec();
    for id in ["c", "outer"] {
        sessions.start_session(id, spec.clone()).await.unwrap();
    }
    let list = sessions.list_sessions().await.unwrap();
    let (id, outer) = (list[0].id.clone(), list[1].id.clone());
    let session = list[0].cell.clone().expect("it runs");
    let child_failed = || StartChildError::Failed {
        role: Arc::clone(&role),
        cause: cause(),
    };
    let failed = || StartError::Failed {
        id: id.clone(),
        cause: cause(),
    };
    let with_cause: [Box<dyn Error>; 8] = [
        Box::new(child_failed()),
        Box::new(StartSupervisorError::ChildFailed {
            role: Arc::clone(&role),
            error: child_failed(),
        }),
        Box::new(StartSupervisorError::Failed { cause: cause() }),
        Box::new(RestartChildError::Start(child_failed())),
        Box::new(failed()),
        Box::new(EnsureError::Start(failed())),
        Box::new(RestartError::Failed {
            id: id.clone(),
            cause: cause(),
        }),
        // A session whose start passes on the error of another start.
        Box::new(StartError::Failed {
            id: outer,
            cause: Arc::new(Box::new(failed())),
        }),
    ];
    for error in with_cause {
        let text = told_with_cause(&*error);
        assert!(text.ends_with(&format!(": {CAUSE}")), "{text}");
    }

    let bad_spec = || {
        ChildSpec::new(|_| (super::Chat, super::ChatArgs::default()))
            .start_timeout(std::time::Duration::ZERO)
    };
    let bad_id = "".parse::<SessionId>().unwrap_err();
    let bad_value = sessions.start_session("c", bad_spec()).await.unwrap_err();
    let bad_options = SessionSupervisor::start(Options::new().name("")).await;
    let bad_drain = sessions.drain(Drain::within(SECOND).at_most(0)).await;
    let bad_role = TreeSpec::one_for_one().child("", bad_spec());
    let ended = supervisor(Options::new()).await;
    ended.stop().await.unwrap();
    let quota = || RejectReason::Quota {
        group: Arc::clone(&role),
        max: 1,
    };
    let plain: Vec<Box<dyn Error>> = vec![
        Box::new(StartError::InvalidId(bad_id.clone())),
        Box::new(bad_id),
        Box::new(bad_value),
        Box::new(bad_options.unwrap_err()),
        Box::new(Supervisor::start(bad_role).await.unwrap_err()),
        Box::new(names::NameError::Empty),
        Box::new(ended.stop().await.unwrap_err()),
        Box::new(StartSupervisorError::NameTaken {
            name: "n".to_owned(),
            cell: None,
        }),
        Box::new(StartChildError::AlreadyStarted {
            role: Arc::clone(&role),
            cell: cell.clone(),
        }),
        Box::new(StartChildError::NameTaken {
            role: Arc::clone(&role),
            cell: None,
        }),
        Box::new(StartChildError::TimedOut),
        Box::new(StartError::AlreadyStarted {
            id: id.clone(),
            cell: cell.clone(),
        }),
        Box::new(StartError::NameTaken {
            id: id.clone(),
            cell: None,
        }),
        Box::new(StartError::MaxSessions { max: 1 }),
        Box::new(StartError::Rejected {
            reason: quota(),
            retry_after: None,
        }),
        Box::new(RestartError::Rejected {
            reason: quota(),
            retry_after: None,
        }),
        Box::new(quota()),
        Box::new(StartError::Parked),
        Box::new(EnsureError::WrongMessageType {
            id,
            cell: cell.clone(),
        }),
        Box::new(EnsureError::Start(StartError::TimedOut)),
        Box::new(RestartError::NotFound),
        Box::new(RestartChildError::Start(StartChildError::TimedOut)),
        Box::new(RestartChildError::Running { cell: cell.clone() }),
        Box::new(TerminateChildError::NotFound),
        Box::new(DeleteChildError::Restarting),
        Box::new(StopError::Stuck),
        Box::new(LeaseError::Stopping),
        Box::new(StartError::Draining),
        Box::new(AskForTimeError::NotDraining),
        Box::new(bad_drain.unwrap_err()),
        Box::new(FindError::NotFound),
        Box::new(FindChildError::WrongMessageType),
        Box::new(SessionSupervisor::try_from(session).unwrap_err()),
        Box::new(Supervisor::try_from(cell).unwrap_err()),
    ];
    for error in plain {
        told(&*error);
    }
    sessions.stop().await.unwrap();
}

/// The same for the errors as they come, through supervisors within supervisors.
#[tokio::test(start_paused = true)]
async fn a_failed_start_tells_each_thing_once() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let down = || {
        probe
            .script()
            .launch(|_| async { Err(DbDown::make()) })
            .spec()
    };
    let error = sessions.start_session("c", down()).await.unwrap_err();
    let text = told_with_cause(&error);
    assert_eq!(text, format!("session c failed to start: {CAUSE}"));
    let error = sessions.ensure_session("c", down()).await.unwrap_err();
    assert_eq!(told_with_cause(&error), text);

    let recorder = down();
    let tree = ChildSpec::tree(move |_| {
        let inner = TreeSpec::one_for_one().child("recorder", recorder.clone());
        TreeSpec::one_for_one().child("inner", Supervisor::child_spec(inner))
    });
    let error = sessions.start_session("c", tree).await.unwrap_err();
    let text = told_with_cause(&error);
    assert_eq!(text.matches("db down").count(), 1, "{text}");
    assert!(
        text.contains("inner") && text.contains("recorder"),
        "{text}"
    );
    // Each line of the log has the cause at its end.
    capture.caught_up().await;
    let lines = capture.of("session failed to start");
    let reasons: Vec<&str> = lines.iter().map(|line| line.field("reason")).collect();
    assert_eq!(&reasons[..2], [CAUSE; 2]);
    let tree = reasons[2].strip_suffix(CAUSE).unwrap();
    assert!(
        tree.contains("inner") && tree.contains("recorder"),
        "{tree}"
    );

    let alone = TreeSpec::one_for_one().child("recorder", down());
    let error = Supervisor::start(alone.unique_name()).await.unwrap_err();
    let text = told_with_cause(&error);
    assert!(
        text.ends_with(&format!("recorder failed to start: {CAUSE}")),
        "{text}"
    );

    // A restart by hand, whose start function now fails.
    let script = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => Err(DbDown::make()),
        }
    });
    sessions.start_session("c", script.spec()).await.unwrap();
    let error = sessions.restart_session("c").await.unwrap_err();
    let text = told_with_cause(&error);
    assert_eq!(text, format!("session c failed to start: {CAUSE}"));
    sessions.stop().await.unwrap();
}
