//! Specs and options, as the documentation writes them.

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{ActorCell, ActorProcessingErr, call};
use session_supervisor::error::{EnsureError, StartError};
use session_supervisor::{
    Backoff, ChildSpec, Exit, Launch, OnRestartLimit, Options, Restart, Shutdown, StartContext,
};

use super::{Chat, ChatArgs, ChatMsg, SECOND, chat};
use crate::support::{Probe, died, supervisor};

/// What start functions share.
#[derive(Clone, Debug, Default)]
struct Store(Arc<HashMap<&'static str, &'static str>>);

async fn open(store: Store, start: StartContext) -> Result<Launch<Chat>, ActorProcessingErr> {
    let Some(greeting) = store.0.get(start.key()) else {
        return Ok(Launch::Ignore);
    };
    let greeting = format!("{greeting} {}.{}", start.incarnation, start.attempt);
    Ok(Launch::Actor(Chat, ChatArgs { greeting }))
}

#[tokio::test(start_paused = true)]
async fn every_setter_of_a_spec_is_used_by_a_start() {
    let sessions = supervisor(
        Options::new()
            .max_sessions(10)
            .session_restart_limit(3, 5 * SECOND)
            .without_session_restart_limit()
            .on_restart_limit(OnRestartLimit::Park)
            .total_restart_limit(3, 5 * SECOND)
            .seed(7),
    )
    .await;
    let full = ChildSpec::from_fn(|start| async move {
        Ok(Launch::Actor(Chat, ChatArgs::open(start.key()).await?))
    })
    .restart(Restart::Transient)
    .shutdown(Shutdown::Timeout(5 * SECOND))
    .start_timeout(30 * SECOND)
    .restart_limit(3, 5 * SECOND)
    .without_restart_limit()
    .backoff(Backoff::exponential(SECOND, 10 * SECOND).with_jitter());
    let of_carol = full.clone().claim("user", "carol");
    let carol = sessions.start_session("carol", of_carol).await.unwrap();
    let greeting = call!(carol, ChatMsg::Greeting).unwrap();
    assert_eq!(greeting, "hello, carol");
    assert_eq!(sessions.find_by_claim("user", "carol").unwrap(), "carol");

    let mixed: Vec<(&str, ChildSpec)> = vec![
        ("chat", chat().erase()),
        (
            "plain",
            Probe::default()
                .spec()
                .shutdown(Shutdown::BrutalKill)
                .erase(),
        ),
        (
            "steady",
            full.shutdown(Shutdown::Infinity)
                .backoff(Backoff::constant(SECOND))
                .erase(),
        ),
    ];
    for (id, spec) in mixed {
        let cell: ActorCell = sessions.start_session(id, spec).await.unwrap();
        assert_eq!(sessions.find_session(id), Some(cell));
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_async_function_with_a_store_is_a_start_function() {
    let store = Store(Arc::new(HashMap::from([("dave", "good day")])));
    let sessions = supervisor(Options::new()).await;
    let spec = ChildSpec::from_fn_with(store, open);
    let dave = sessions.start_session("dave", spec.clone()).await.unwrap();
    assert_eq!(call!(dave, ChatMsg::Greeting).unwrap(), "good day 1.1");
    dave.cast(ChatMsg::Crash).unwrap();
    died(&dave).await;
    let dave = sessions.ensure_session("dave", spec.clone()).await.unwrap();
    let dave = dave.into_inner();
    assert_eq!(call!(dave, ChatMsg::Greeting).unwrap(), "good day 2.1");
    let ignored = sessions.start_session("erin", spec.clone()).await;
    assert!(matches!(ignored, Err(StartError::Ignored)), "{ignored:?}");
    let closure = ChildSpec::from_fn_with(Store::default(), |store, start| async move {
        open(store, start).await
    });
    let ignored = sessions.start_session("dora", closure).await;
    assert!(matches!(ignored, Err(StartError::Ignored)), "{ignored:?}");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_function_is_told_who_starts_what_for_which_time() {
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let spec = ChildSpec::new(move |start| {
        tell.send(start).expect("the test listens");
        (Chat, ChatArgs::default())
    });
    let frank = sessions.start_session("frank", spec).await.unwrap();
    let StartContext {
        id,
        incarnation,
        attempt,
        last_exit,
        supervisor,
        ..
    } = told.recv().await.unwrap();
    assert_eq!(id.unwrap(), "frank");
    assert_eq!((incarnation, attempt, last_exit), (1, 1, None));
    assert_eq!(supervisor.unwrap().name(), sessions.name());
    frank.cast(ChatMsg::Crash).unwrap();
    let second = told.recv().await.unwrap();
    assert_eq!((second.incarnation, second.attempt), (2, 1));
    let Some(Exit::Failed { cause }) = second.last_exit else {
        panic!("not a failure: {:?}", second.last_exit);
    };
    assert_eq!(cause.to_string(), "told to crash");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn otps_options_are_otps_limits_and_a_setter_replaces_them() {
    let count = |options: Options| async move {
        let sessions = supervisor(options).await;
        let mut restarts = 0;
        let mut alice = sessions.start_session("alice", chat()).await.unwrap();
        loop {
            alice.cast(ChatMsg::Crash).unwrap();
            died(&alice).await;
            match sessions.ensure_session("alice", chat()).await {
                Ok(again) => alice = again.into_inner(),
                Err(EnsureError::Start(error)) => return (restarts, error.to_string()),
                Err(error) => panic!("{error:?}"),
            }
            restarts += 1;
        }
    };
    let down = StartError::SupervisorDown.to_string();
    assert_eq!(count(Options::otp()).await, (3, down.clone()));
    let replaced = Options::otp().total_restart_limit(1, SECOND);
    assert_eq!(count(replaced).await, (1, down.clone()));
    let own_first = Options::otp().session_restart_limit(0, SECOND);
    let parked = StartError::Parked.to_string();
    assert_eq!(count(own_first).await, (0, parked));
}
