//! The rules by which a session ends although nobody stops it: how long it may be idle, and how
//! long it may live.

use std::time::Duration;

use super::ChildSpec;
use crate::child::Child;
use crate::engine::Span;

/// Where these rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Session,
    /// A session that is a future, to which no messages are sent.
    Task,
    /// A session that is a supervisor, to which none are sent either.
    Tree,
    Child,
}

impl<C: Child> ChildSpec<C> {
    /// Ends a session that is idle: it has no [lease] and has handled no message for this long. It
    /// must be longer than zero. Default: a session may be idle for ever.
    ///
    /// A session is not idle while one of its callbacks runs, except for the one that handles
    /// supervision events: such an event delays the end by nothing. The time counts from its last
    /// message, from its start if it had none, or from the return of its last lease. It is ended
    /// when that time is over and not before; on a busy machine it may be ended a little later.
    ///
    /// Such a session loses no message, if it is done in time: it handles what is in its mailbox and
    /// takes no more (ractor's `drain`), then stops and is forgotten, whatever its restart kind. A
    /// message that comes later is handed back to its sender in the error. A start of the id waits
    /// until it is gone and then starts the next session.
    ///
    /// It has the time of its [shutdown rule](Self::shutdown) for that and is killed after it,
    /// which loses what it has not handled. A rule that leaves no time, such as
    /// [`BrutalKill`](crate::Shutdown::BrutalKill), counts as 5 s here. A failure meanwhile ends it
    /// too. An event that it is handling when the time is over is handled to its end within that
    /// time.
    ///
    /// Only messages count as use, supervision events do not. A tree or a
    /// [task](ChildSpec::task) takes no messages, so a session that is one cannot have this rule;
    /// give it a [`max_lifetime`](Self::max_lifetime). Nor can a child of a
    /// [`Supervisor`](crate::Supervisor).
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = String, state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// use std::time::Duration;
    ///
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let spec = ChildSpec::new(|_| (Chat, ())).idle_timeout(Duration::from_secs(600));
    /// let alice = sessions.start_session("alice", spec).await.unwrap();
    /// tokio::time::sleep(Duration::from_secs(500)).await;
    /// alice.cast("hello".to_owned()).unwrap();
    /// tokio::time::sleep(Duration::from_secs(500)).await;
    /// assert!(sessions.is_running("alice"));
    /// tokio::time::sleep(Duration::from_secs(200)).await;
    /// assert!(!sessions.is_running("alice"));
    /// assert!(alice.cast("too late".to_owned()).is_err());
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    ///
    /// [lease]: crate::SessionSupervisor::lease
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        match Span::new(timeout) {
            Some(timeout) => self.with(|policy| policy.idle_timeout = Some(timeout)),
            None => {
                self.fault.add_zero("idle_timeout", timeout);
                self
            }
        }
    }

    /// Ends a session that has lived for this long, leased or not. It must be longer than zero.
    /// Default: a session may live for ever.
    ///
    /// Each incarnation lives for 90 % to 100 % of this time, so that sessions which were started
    /// together do not end together. A restart counts anew. It ends as an [idle] one does: it
    /// handles what is in its mailbox, then stops and is forgotten, and is not restarted whatever
    /// its restart kind. A tree stops its children by their own rules.
    ///
    /// It is a rule for sessions. A child of a [`Supervisor`](crate::Supervisor) cannot have it.
    ///
    /// [idle]: Self::idle_timeout
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        match Span::new(lifetime) {
            Some(lifetime) => self.with(|policy| policy.max_lifetime = Some(lifetime)),
            None => {
                self.fault.add_zero("max_lifetime", lifetime);
                self
            }
        }
    }

    /// Keeps a rule that does not hold in this place as a fault.
    pub(super) fn check_expiry(&mut self, place: Place) {
        let (idle, lifetime) = match place {
            Place::Session => return,
            Place::Task => (Some("a task takes no messages, so it is never idle"), None),
            Place::Tree => (Some("a tree takes no messages, so it is never idle"), None),
            Place::Child => {
                let rule = "only a session can have it, not a child of a tree";
                (Some(rule), Some(rule))
            }
        };
        let policy = &self.plan.policy;
        if let (Some(timeout), Some(rule)) = (policy.idle_timeout, idle) {
            self.fault.add("idle_timeout", timeout, rule);
        }
        if let (Some(longest), Some(rule)) = (policy.max_lifetime, lifetime) {
            self.fault.add("max_lifetime", longest, rule);
        }
    }
}
