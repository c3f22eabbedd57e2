//! What a request to another process costs, against a call of an actor in the same.

use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, Message, RpcReplyPort};
use session_supervisor_cluster::gateway::Peers;
use session_supervisor_cluster::wire::{Ask, Payload, Request, Wanted};

use crate::child::name;
use crate::node::pair;

/// Prints the table.
pub(crate) fn print() {
    let (mut a, _b) = pair();
    println!("one after the other, 100 bytes there and back:");
    for round in 1..=3 {
        println!("  {round}: a local call     {}", a.run("local 20000"));
        println!("  {round}: another process  {}", a.run("sequential b 5000"));
    }
    println!("10,000 requests, so many at once, 100 bytes there and back:");
    for at_once in [16, 64, 256] {
        for round in 1..=3 {
            let answer = a.run(&format!("flood b echo 10000 {at_once} 100 60000"));
            let us = answer
                .split_once("us=")
                .expect("a time")
                .1
                .split(' ')
                .next()
                .expect("a time");
            let us: u64 = us.parse().expect("a number");
            let rate = 10_000 * 1_000_000 / us.max(1);
            println!(
                "  {at_once}, {round}: {:.1} ms, {rate}/s  ({answer})",
                us as f64 / 1_000.0
            );
        }
    }
}

struct Echo;

struct Call(Vec<u8>, RpcReplyPort<Vec<u8>>);

impl Message for Call {}

#[ractor::actor(message = Call, state = (), arguments = ())]
impl Echo {
    async fn pre_start(&self, _: ActorRef<Call>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Call>,
        Call(bytes, reply): Call,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        drop(reply.send(bytes));
        Ok(())
    }
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_nanos() as f64 / 1_000.0;
    format!("p50 {:.1} us, p99 {:.1} us", at(50), at(99))
}

pub(crate) async fn local(count: u64) -> String {
    let (echo, _) = Actor::spawn(None, Echo, ()).await.expect("it starts");
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let answer = echo
            .call(
                |reply| Call(vec![7; 100], reply),
                Some(Duration::from_secs(5)),
            )
            .await;
        assert!(answer.is_ok_and(|answer| answer.is_success()));
        times.push(began.elapsed());
    }
    echo.stop(None);
    told(times)
}

pub(crate) async fn sequential(peers: &Peers, node: &str, count: u64) -> String {
    let mut times = Vec::new();
    for _ in 0..count {
        let request = Request::new(Ask::Call {
            id: "echo".to_owned(),
            protocol: String::new(),
            request: Payload::from(vec![7; 100]),
            reply: Wanted::Yes,
        });
        let began = Instant::now();
        let answer = peers
            .ask(&name(node), request, Duration::from_secs(5))
            .await;
        assert!(answer.is_ok(), "{answer:?}");
        times.push(began.elapsed());
    }
    told(times)
}
