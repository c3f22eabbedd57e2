//! An actor that starts sessions from its handler, as the guide shows it.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Launch, Options, SessionSupervisor};

use super::{Chat, ChatArgs, ChatMsg};
use crate::support::{Gate, answered, asked, supervisor};

/// An actor of the user's that starts sessions of a supervisor which it finds by name.
struct Lobby;

enum Msg {
    Open(String),
    Opened(Result<ActorRef<ChatMsg>, StartError>),
    Ping(RpcReplyPort<usize>),
    Rooms(RpcReplyPort<Vec<ActorRef<ChatMsg>>>),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Msg {}

struct Rooms {
    supervisor: String,
    chat: ChildSpec<Chat>,
    open: Vec<ActorRef<ChatMsg>>,
    waiting: Vec<RpcReplyPort<Vec<ActorRef<ChatMsg>>>>,
}

#[ractor::actor(message = Msg, state = Rooms, arguments = (String, ChildSpec<Chat>))]
impl Lobby {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        (supervisor, chat): (String, ChildSpec<Chat>),
    ) -> Result<Rooms, ActorProcessingErr> {
        Ok(Rooms {
            supervisor,
            chat,
            open: Vec::new(),
            waiting: Vec::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        rooms: &mut Rooms,
    ) -> Result<(), ActorProcessingErr> {
        let chat = || rooms.chat.clone();
        match message {
            Msg::Open(id) => {
                let sessions =
                    SessionSupervisor::where_is(&rooms.supervisor).ok_or("it is down")?;
                let start = sessions.start_session(&id, chat());
                ractor::concurrency::spawn(async move {
                    let _ = myself.cast(Msg::Opened(start.await));
                });
            }
            Msg::Opened(opened) => {
                rooms.open.push(opened?);
                for reply in rooms.waiting.drain(..) {
                    drop(reply.send(rooms.open.clone()));
                }
            }
            Msg::Ping(reply) => drop(reply.send(rooms.open.len())),
            Msg::Rooms(reply) => rooms.waiting.push(reply),
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_starts_a_session_by_the_supervisors_name_and_is_not_kept_by_it() {
    let sessions = supervisor(Options::new()).await;
    let gate = Gate::closed();
    let slow = ChildSpec::from_fn_with(gate.clone(), |gate, start| async move {
        gate.pass().await;
        Ok(Launch::Actor(Chat, ChatArgs::open(start.key()).await?))
    });
    let arguments = (sessions.name().to_owned(), slow);
    let (lobby, _) = Lobby::spawn(None, Lobby, arguments).await.unwrap();
    lobby.cast(Msg::Open("room 1".to_owned())).unwrap();
    let open = answered("a ping during the start", lobby.call(Msg::Ping, None));
    assert_eq!(open.await.unwrap().unwrap(), 0);
    let rooms = asked(async move { call!(lobby, Msg::Rooms) }).await;
    gate.open();
    let rooms = answered("the opened room", rooms).await.unwrap().unwrap();
    assert_eq!(rooms.len(), 1);
    let greeting = call!(rooms[0], ChatMsg::Greeting).unwrap();
    assert_eq!(greeting, "hello, room 1");
    assert_eq!(sessions.find_session("room 1"), Some(rooms[0].get_cell()));
    sessions.stop().await.unwrap();
}
