//! Nodes that speak ractor's protocol well, and ours badly.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use ractor::message::{BoxedDowncastErr, SerializedMessage};
use ractor::{Actor, ActorProcessingErr, ActorRef, Message, RpcReplyPort, pg};
use ractor_cluster::NodeServer;
use session_supervisor_cluster::engine::Incarnation;
use session_supervisor_cluster::wire::{
    Answer, Ask, Done, Hello, decode_answer, decode_request, encode_answer,
};

use crate::child::{Settings, hello, say, setting};

/// What arrives, as it is on the wire.
struct Raw(Vec<u8>, RpcReplyPort<Vec<u8>>);

impl Message for Raw {
    fn serializable() -> bool {
        true
    }

    fn deserialize(message: SerializedMessage) -> Result<Self, BoxedDowncastErr> {
        match message {
            SerializedMessage::Call { args, reply, .. } => Ok(Self(args, reply)),
            _ => Err(BoxedDowncastErr),
        }
    }

    fn serialize(self) -> Result<SerializedMessage, BoxedDowncastErr> {
        let Self(args, reply) = self;
        let variant = "Ask".to_owned();
        let metadata = None;
        Ok(SerializedMessage::Call {
            variant,
            args,
            reply,
            metadata,
        })
    }
}

struct Strange {
    what: String,
    hello: Hello,
}

#[ractor::actor(message = Raw, state = Vec<RpcReplyPort<Vec<u8>>>, arguments = ())]
impl Strange {
    async fn pre_start(
        &self,
        _: ActorRef<Raw>,
        (): (),
    ) -> Result<Vec<RpcReplyPort<Vec<u8>>>, ActorProcessingErr> {
        Ok(Vec::new())
    }

    async fn handle(
        &self,
        _: ActorRef<Raw>,
        Raw(frame, reply): Raw,
        kept: &mut Vec<RpcReplyPort<Vec<u8>>>,
    ) -> Result<(), ActorProcessingErr> {
        let good = encode_answer(&Answer::Done(Done::Hello(self.hello.clone())))?;
        let greeted = matches!(decode_request(&frame)?.ask, Ask::Hello(_));
        let answer = match self.what.as_str() {
            "mute" => {
                kept.push(reply);
                return Ok(());
            }
            "half" | "sender" | "liar" if greeted => good,
            "old" => [&[2], &good[1..]].concat(),
            // Long enough to look like something, and of the right version.
            _ => std::iter::once(1)
                .chain(frame.iter().rev().copied())
                .chain([0xff; 40])
                .collect(),
        };
        drop(reply.send(answer));
        Ok(())
    }
}

/// The groups of gateways, each with the host that it has for ractor.
const GROUPS: &str = "session-supervisor/gateways";

/// Sends garbage to the first gateway that is connected, and counts what is answered.
async fn send() -> String {
    let gateway: ActorRef<Raw> = loop {
        let groups = pg::which_groups().into_iter();
        let groups = groups.filter(|group| group.starts_with(GROUPS));
        let mut cells = groups.flat_map(|group| pg::get_members(&group));
        if let Some(cell) = cells.find(|cell| !cell.get_id().is_local()) {
            break cell.into();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut counts = HashMap::new();
    for n in 0..300_u32 {
        let mut frame = vec![u8::try_from(n % 3).expect("small")];
        frame.extend((0..n).map(|at| (at * 37 + n * 11).to_be_bytes()[3]));
        if n == 299 {
            // Larger than a frame of ours, and smaller than one of ractor's.
            frame.resize(2 << 20, 0);
        }
        let patience = Some(Duration::from_secs(20));
        let answer = gateway.call(|reply| Raw(frame, reply), patience).await;
        let answer = answer.expect("it is sent").expect("it is answered");
        let kind = match decode_answer(&answer) {
            Ok(Answer::Refused(refusal)) => format!("{:?}", refusal.kind),
            other => format!("{other:?}"),
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    format!("{counts:?}")
}

pub(crate) async fn node(settings: &Settings) {
    let mut hello = hello(settings);
    let what = setting(settings, "strange", "").to_owned();
    let name = format!("{}/{}/{}", hello.cluster, hello.node, hello.incarnation);
    let (node, host) = (
        hello.node.to_string(),
        format!("{}.{}", hello.incarnation, hello.node),
    );
    if what == "liar" {
        // ractor is told one incarnation, and those that ask another.
        hello.incarnation = Incarnation::new(7);
    }
    let (actor, _) = Actor::spawn(
        Some(name),
        Strange {
            what: what.clone(),
            hello,
        },
        (),
    )
    .await
    .expect("it starts");
    pg::join(format!("{GROUPS}/{host}"), vec![actor.get_cell()]);
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let cookie = setting(settings, "cookie", "secret").to_owned();
    let server = NodeServer::new(port, cookie, node, host, None, None);
    let server = server.with_listen_addr(Ipv4Addr::LOCALHOST.into());
    let _server = Actor::spawn(None, server, ()).await.expect("it starts");
    say("0", &format!("127.0.0.1:{port}"));
    if what == "sender" {
        say("1", &send().await);
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
}
