//! How an incarnation gets at the checkpoint of its session, or of its role.

use std::fmt;
use std::sync::Arc;

use super::StartContext;
use crate::SessionId;
use crate::actor::shared::Life;
use crate::checkpoint::Checkpoint;

/// The launch to which a context belongs.
#[derive(Clone)]
pub(super) struct Launched(Arc<Life>);

impl Launched {
    pub(super) fn of(life: &Arc<Life>) -> Self {
        Self(Arc::clone(life))
    }
}

/// What is known of a launch is not the user's.
impl fmt::Debug for Launched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launched").finish_non_exhaustive()
    }
}

impl StartContext {
    /// The checkpoint of the session, or of the child. What is saved there last, the next
    /// incarnation finds, however the one before ended, until it is taken or the session is gone
    /// for good.
    ///
    /// It survives failures, kills, restarts by hand, starts that fail, and being parked. A session
    /// is gone for good when it was stopped, has ended normally, was parked and is discarded, or
    /// ends with its supervisor. The value is dropped then, outside the supervisor, and a later
    /// session of the same id finds nothing of it.
    ///
    /// A session has one checkpoint, of one value. It belongs to one incarnation at a time: from
    /// the launch of the next one on, the handles of those before it are refused, whatever still
    /// runs of them, and what they would save comes back to them. Between the end of an incarnation
    /// and that launch its handles still save.
    ///
    /// Each child of a [`Supervisor`](crate::Supervisor) has a checkpoint of its own. It survives
    /// the restarts of that child, alone or with others, by the strategy or by hand. It is gone
    /// when the child is deleted or forgotten, when a [`Temporary`](crate::Restart::Temporary) one
    /// ends, and with the incarnation of the supervisor: a tree that is started anew begins anew.
    /// The checkpoint of the session itself survives that. Get it from the context with which the
    /// function of [`ChildSpec::tree`](crate::ChildSpec::tree) is called, and hand it to the children
    /// that need it.
    ///
    /// A checkpoint lives in memory, for as long as the program at most. Until it is first asked
    /// for, it costs nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
    /// # use std::sync::Arc;
    /// use session_supervisor::{Checkpoint, ChildSpec, Launch};
    ///
    /// struct Room;
    /// enum Msg { Say(String), History(RpcReplyPort<Vec<String>>), Crash }
    /// # #[cfg(feature = "cluster")]
    /// # impl ractor::Message for Msg {}
    /// struct State { lines: Arc<Vec<String>>, saved: Checkpoint<Vec<String>> }
    ///
    /// # #[ractor::actor(message = Msg, state = State, arguments = State)]
    /// impl Room {
    /// #     async fn pre_start(&self, _: ActorRef<Msg>, s: State) -> Result<State, ActorProcessingErr> { Ok(s) }
    ///     async fn handle(
    ///         &self,
    ///         _myself: ActorRef<Msg>,
    ///         message: Msg,
    ///         state: &mut State,
    ///     ) -> Result<(), ActorProcessingErr> {
    ///         match message {
    ///             Msg::Say(line) => {
    ///                 Arc::make_mut(&mut state.lines).push(line);
    ///                 state.saved.save(Arc::clone(&state.lines))?;
    ///             }
    ///             Msg::History(reply) => drop(reply.send(state.lines.to_vec())),
    ///             Msg::Crash => panic!("told to"),
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # std::panic::set_hook(Box::new(|_| {}));
    /// let room = ChildSpec::from_fn(|start| async move {
    ///     let saved = start.checkpoint();
    ///     let lines = saved.get()?.unwrap_or_default();
    ///     Ok(Launch::Actor(Room, State { lines, saved }))
    /// });
    /// # use session_supervisor::{Options, SessionSupervisor};
    /// # use std::time::Duration;
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let room = sessions.session_ref::<Msg>("tea").unwrap().or_start(room);
    /// room.cast(Msg::Say("two lumps".to_owned())).await.unwrap();
    /// room.cast(Msg::Crash).await.unwrap();
    /// let history = room.call_again(Msg::History, Duration::from_secs(1)).await.unwrap();
    /// assert_eq!(history, ["two lumps"]);
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn checkpoint<T: Send + Sync + 'static>(&self) -> Checkpoint<T> {
        let Launched(life) = &self.launched;
        let id = || self.id.as_ref().map(SessionId::shared);
        let key = self.role.clone().or_else(id).unwrap_or_else(|| "".into());
        Checkpoint::new(life.checkpoint(), life.key().launch, key)
    }
}
