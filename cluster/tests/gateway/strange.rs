//! Nodes that speak ractor's protocol well, and ours badly.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use ractor::message::{BoxedDowncastErr, SerializedMessage};
use ractor::{Actor, ActorProcessingErr, ActorRef, Message, RpcReplyPort, pg};
use ractor_cluster::NodeServer;
use session_supervisor_cluster::wire::{Answer, Ask, Done, Hello, decode_request, encode_answer};

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
            "half" if greeted => good,
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

pub(crate) async fn node(settings: &Settings) {
    let hello = hello(settings);
    let what = setting(settings, "strange", "").to_owned();
    let name = format!("{}/{}/{}", hello.cluster, hello.node, hello.incarnation);
    let (node, host) = (
        hello.node.to_string(),
        format!("{}.{}", hello.incarnation, hello.node),
    );
    let (actor, _) = Actor::spawn(Some(name), Strange { what, hello }, ())
        .await
        .expect("it starts");
    pg::join(
        "session-supervisor/gateways".to_owned(),
        vec![actor.get_cell()],
    );
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let cookie = setting(settings, "cookie", "secret").to_owned();
    let server = NodeServer::new(port, cookie, node, host, None, None);
    let server = server.with_listen_addr(Ipv4Addr::LOCALHOST.into());
    let _server = Actor::spawn(None, server, ()).await.expect("it starts");
    say("0", &format!("127.0.0.1:{port}"));
    std::io::stdout().flush().expect("it is read");
    tokio::time::sleep(Duration::from_secs(600)).await;
}
