//! A user's program in small: a session of its own, started, crashed, found again, stopped; and a
//! future that is supervised. It ends with an error if anything of that goes wrong.
//!
//! Where `cluster` takes ractor's blanket implementation for messages away, the program implements
//! the trait.

use std::error::Error;
use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Ensured, Exit, Launch, Options, SessionSupervisor};
use tokio::sync::{Mutex, mpsc};
use tracing::{Span, info_span};

struct Counter;

enum Msg {
    Add(u32),
    Total(RpcReplyPort<u32>),
    Crash,
}

#[cfg(any(feature = "cluster", feature = "blanket_serde"))]
impl ractor::Message for Msg {}

#[ractor::actor(message = Msg, state = u32, arguments = u32)]
impl Counter {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        first: u32,
    ) -> Result<u32, ActorProcessingErr> {
        Ok(first)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        message: Msg,
        total: &mut u32,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Add(n) => *total += n,
            Msg::Total(reply) => drop(reply.send(*total)),
            Msg::Crash => return Err("told to crash".into()),
        }
        Ok(())
    }
}

async fn total(counter: &ActorRef<Msg>) -> Result<u32, Box<dyn Error>> {
    match counter.call(Msg::Total, None).await {
        Ok(ractor::rpc::CallResult::Success(total)) => Ok(total),
        other => Err(format!("no total: {other:?}").into()),
    }
}

/// A consumer tells in which span it is polled: in that of its incarnation, not of what has woken it.
async fn consumer(sessions: &SessionSupervisor) -> Result<(), Box<dyn Error>> {
    let (give, given) = mpsc::unbounded_channel::<()>();
    let (tell, mut told) = mpsc::unbounded_channel();
    let store = (Arc::new(Mutex::new(given)), tell);
    let spec = ChildSpec::task_with(store, |(given, tell), _start, stop| async move {
        let mut given = given.lock().await;
        while !stop.is_requested() {
            tell.send(Span::current().metadata().map(|span| span.name()))?;
            tokio::select! {
                message = given.recv() => message.ok_or("nobody sends any more")?,
                () = stop.requested() => {}
            }
        }
        Ok(())
    });
    let consumer = sessions.start_session("consumer", spec).await?;
    for _ in 0..100 {
        assert_eq!(told.recv().await, Some(Some("incarnation")));
        info_span!("a caller").in_scope(|| give.send(()))?;
    }
    assert_eq!(told.recv().await, Some(Some("incarnation")));
    consumer.send_message(()).map_err(|_| "it is gone")?;
    assert_eq!(sessions.stop_session("consumer").await?, Exit::Shutdown);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
    let sessions = SessionSupervisor::start(Options::new().name("counters")).await?;
    let spec = ChildSpec::from_fn(|start| async move {
        let first = u32::try_from(start.incarnation)?;
        Ok(Launch::Actor(Counter, first))
    });
    let counter = sessions.start_session("a", spec.clone()).await?;
    counter
        .cast(Msg::Add(41))
        .map_err(|_| "the session is gone")?;
    assert_eq!(total(&counter).await?, 42);

    counter
        .cast(Msg::Crash)
        .map_err(|_| "the session is gone")?;
    counter.wait(None).await?;
    let Ensured::Existing(again) = sessions.ensure_session("a", spec).await? else {
        return Err("the crashed session was not restarted".into());
    };
    assert_ne!(again.get_id(), counter.get_id());
    assert_eq!(
        total(&again).await?,
        2,
        "the second incarnation begins anew"
    );
    let info = sessions.session_info("a").await?.ok_or("it is not known")?;
    assert_eq!((info.incarnation, info.restarts), (2, 1));
    assert!(matches!(info.last_exit, Some(Exit::Failed { .. })));
    assert!(sessions.find_session_as::<Msg>("a").is_ok());
    assert!(sessions.find_session_as::<u64>("a").is_err());

    consumer(&sessions).await?;

    let by_name = SessionSupervisor::where_is("counters").ok_or("not found by name")?;
    assert_eq!(by_name.stop_session("a").await?, Exit::Shutdown);
    let report = sessions.stop().await?;
    assert_eq!(report.killed + report.failed + report.stuck, 0);
    println!("ok");
    Ok(())
}
