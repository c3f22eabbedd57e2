//! The process that is killed. It says what it is about to do, does it, and says that it is done: a
//! line for each, written at once.

use std::io::Write;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort, call};
use serde::{Deserialize, Serialize};
use session_supervisor::{ChildSpec, Options, StartContext};
use session_supervisor_store::{Checkpoint, DurableSupervisor, Kinds, Remembered, SqliteStore};

use crate::Random;

/// How many do something at once.
const DRIVERS: u64 = 64;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Args {
    generation: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted {
    generation: u64,
    count: u64,
    /// As long as the count says, so that half a state is seen.
    filler: String,
}

enum Msg {
    Save(RpcReplyPort<bool>),
    Note,
    Get(RpcReplyPort<Counted>),
}

struct Counter;

#[ractor::actor(
    message = Msg,
    state = (Counted, Checkpoint<Counted>),
    arguments = (Args, Remembered, StartContext)
)]
impl Counter {
    async fn pre_start(
        &self,
        _: ActorRef<Msg>,
        (args, remembered, start): (Args, Remembered, StartContext),
    ) -> Result<(Counted, Checkpoint<Counted>), ActorProcessingErr> {
        let (checkpoint, saved) = remembered.checkpoint(&start).await?;
        let fresh = Counted {
            generation: args.generation,
            count: 0,
            filler: String::new(),
        };
        let counted: Counted = saved.unwrap_or(fresh);
        if counted.generation != args.generation {
            return Err("it has the state of an earlier session".into());
        }
        Ok((counted, checkpoint))
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        (counted, checkpoint): &mut (Counted, Checkpoint<Counted>),
    ) -> Result<(), ActorProcessingErr> {
        if let Msg::Get(reply) = message {
            drop(reply.send(counted.clone()));
            return Ok(());
        }
        counted.count += 1;
        let length = usize::try_from(counted.count * 7 % 3_000).unwrap_or(0);
        counted.filler = "x".repeat(length);
        match message {
            Msg::Save(reply) => {
                let saved = checkpoint.save_durably(counted).await;
                drop(reply.send(saved.is_ok()));
            }
            _ => checkpoint.save(counted)?,
        }
        Ok(())
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent has gone: so will this process.
    drop(
        out.write_all(format!("{line}\n").as_bytes())
            .and_then(|()| out.flush()),
    );
}

#[tokio::main]
pub(crate) async fn run(file: &str, seed: u64, sessions: u64) {
    let kinds = Kinds::new().kind("counter", |args: Args, remembered: Remembered| {
        ChildSpec::new(move |start| (Counter, (args, remembered.clone(), start)))
    });
    let store = match SqliteStore::open(file) {
        Ok(store) => store,
        Err(error) => return say(&format!("error {error}")),
    };
    let options = Options::new().name("crash");
    let opened = DurableSupervisor::open(options, kinds, store).await;
    let durable = opened.expect("it opens");
    say("opened");
    let report = durable.restored().await.expect("it is done");
    for bad in report.failed.iter().chain(&report.set_aside) {
        say(&format!("error {} was not restored: {}", bad.id, bad.why));
    }
    for known in durable.list_remembered() {
        let counter = durable.sessions().find_session_as::<Msg>(&known.id);
        let counted = call!(counter.expect("it runs"), Msg::Get).expect("it answers");
        let Counted {
            generation,
            count,
            filler,
        } = counted;
        if filler.len() as u64 != count * 7 % 3_000 {
            say(&format!("error {} has half a state", known.id));
        }
        say(&format!("have {} {generation} {count}", known.id));
    }
    say("ready");
    let drivers = (0..DRIVERS).map(|driver| {
        let durable = durable.clone();
        tokio::spawn(async move {
            let mut random = Random(seed.wrapping_mul(DRIVERS).wrapping_add(driver));
            loop {
                let id = random.below(sessions / DRIVERS + 1) * DRIVERS + driver;
                step(&durable, &format!("s{id}"), &mut random).await;
            }
        })
    });
    for driver in drivers.collect::<Vec<_>>() {
        drop(driver.await);
    }
    say("error a driver has ended");
}

/// Something is done with a session, of which nobody else does anything meanwhile.
async fn step(durable: &DurableSupervisor, id: &str, random: &mut Random) {
    let Ok(counter) = durable.sessions().find_session_as::<Msg>(id) else {
        let generation = random.below(u64::MAX);
        say(&format!("starting {id} {generation}"));
        let started = durable.start_session(id, "counter", &Args { generation });
        match started.await {
            Ok(_) => say(&format!("started {id}")),
            Err(error) => say(&format!("error {id} {error:?}")),
        }
        return;
    };
    match random.below(10) {
        0 => {
            say(&format!("stopping {id}"));
            match durable.stop_session(id).await {
                Ok(_) => say(&format!("stopped {id}")),
                Err(error) => say(&format!("error {id} {error:?}")),
            }
        }
        1..=3 => {
            say(&format!("noting {id}"));
            drop(counter.cast(Msg::Note));
        }
        _ => {
            say(&format!("saving {id}"));
            match call!(counter, Msg::Save) {
                Ok(true) => say(&format!("saved {id}")),
                other => say(&format!("error {id} {other:?}")),
            }
        }
    }
}
