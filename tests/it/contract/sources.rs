//! Errors with their sources, as they are printed: no message says again what a deeper one says,
//! and the user's own error is there as itself.

mod plain;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ractor::ActorProcessingErr;
use session_supervisor::error::{
    CallError, EnsureError, NotTaken, RestartAsError, RestartChildError, RestartError,
    StartChildError, StartError, StartSupervisorError,
};
use session_supervisor::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};

use super::SECOND;
use crate::support::{Order, Probe, supervisor};
use crate::traces::Capture;
use crate::variants::{variant, variants};
use plain::{Plain, plain, plain_one};

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

/// Which variants of which enums were looked at.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeSet<String>>);

impl Seen {
    fn is(&mut self, error: &Plain) {
        let variants = self.0.entry(error.name.clone()).or_default();
        variants.insert(variant(&error.error));
    }

    fn boxed<E: Error + 'static>(&mut self, error: E) -> Box<dyn Error> {
        let error = plain_one(error);
        self.is(&error);
        error.error
    }
}

/// The enums of the errors: those of `src/error` alone, which hold all others.
fn enums_of_errors() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let parts = fs::read_dir(folder.join("error")).unwrap();
    let mut files: Vec<_> = parts.map(|part| part.unwrap().path()).collect();
    files.extend([folder.join("error.rs"), folder.join("names.rs")]);
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let heads = texts.flat_map(|text| {
        let lines = text.lines().filter_map(|line| {
            let name = line.strip_prefix("pub enum ")?.strip_suffix(" {")?;
            Some(name.to_owned())
        });
        lines.collect::<Vec<_>>()
    });
    // It is what they have in common, and none itself.
    let mut names: Vec<_> = heads.filter(|name| name != "ErrorKind").collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    names
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
    let restart_failed = || RestartError::Failed {
        id: id.clone(),
        cause: cause(),
    };
    let not_started = || NotTaken::NotStarted(EnsureError::Start(failed()));
    let mut seen = Seen::default();
    let with_cause = [
        seen.boxed(child_failed()),
        seen.boxed(StartSupervisorError::ChildFailed {
            role: Arc::clone(&role),
            error: child_failed(),
        }),
        seen.boxed(StartSupervisorError::Failed { cause: cause() }),
        seen.boxed(RestartChildError::Start(child_failed())),
        seen.boxed(failed()),
        seen.boxed(EnsureError::Start(failed())),
        seen.boxed(restart_failed()),
        seen.boxed(RestartAsError::Restart(restart_failed())),
        // What was to be sent to a session that could not be started.
        seen.boxed(not_started()),
        seen.boxed(CallError::NotTaken(not_started())),
        seen.boxed(CallError::NotTakenAgain(not_started())),
        // A session whose start passes on the error of another start.
        seen.boxed(StartError::Failed {
            id: outer,
            cause: Arc::new(Box::new(failed())),
        }),
    ];
    for error in with_cause {
        let text = told_with_cause(&*error);
        assert!(text.ends_with(&format!(": {CAUSE}")), "{text}");
    }
    for error in plain(&sessions, id, &cell).await {
        seen.is(&error);
        told(&*error.error);
    }
    for error in [
        Box::new(SessionSupervisor::try_from(session).unwrap_err()),
        Box::new(Supervisor::try_from(cell).unwrap_err()),
    ] {
        told(&*error);
    }
    for name in enums_of_errors() {
        let mut shown = seen.0.remove(&name).unwrap_or_default();
        if name == "TryNextError" {
            // Only a subscription makes one, after very many events; it holds nothing but a number.
            shown.insert("Lagged".to_owned());
        }
        assert_eq!(shown, variants(&name), "the variants of {name}");
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
    // A message to a session that could not be started.
    let address = sessions.session_ref::<Order>("c").unwrap().or_start(down());
    let error = address.cast(Order::Crash).await.unwrap_err();
    let text = format!("the message was not taken: {text}");
    assert_eq!(told_with_cause(&error), text);
    let error = address.call(|reply| Order::Echo(1, reply), SECOND).await;
    assert_eq!(told_with_cause(&error.unwrap_err()), text);

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
    assert_eq!(&reasons[..4], [CAUSE; 4]);
    let tree = reasons[4].strip_suffix(CAUSE).unwrap();
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
