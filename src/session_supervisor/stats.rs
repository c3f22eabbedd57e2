//! What the supervisor has done so far, in numbers.

use crate::SessionSupervisor;
use crate::engine::Stats;

impl SessionSupervisor {
    /// What the supervisor has done so far, in numbers: starts by their outcome, exits by their kind,
    /// restarts, kills, refusals, how long all of that took; and how many sessions there are, by
    /// state.
    ///
    /// It is counted always, and read at any time: no message is sent, nothing is waited for, and
    /// nothing is blocked. It also tells what a supervisor did that has ended. A session that is a tree
    /// counts as one. A static [`Supervisor`](crate::Supervisor) counts nothing: there may be one for
    /// each session.
    ///
    /// **After any answer of the supervisor, the numbers hold at least what that answer tells of.** So
    /// with nothing else under way, [`sessions`](Stats::sessions) equals the answer of
    /// [`count_sessions`](Self::count_sessions). One answer is excepted: a start is answered by its own
    /// launch, and may be counted a moment later.
    ///
    /// With the feature `metrics`, the module `metrics` hands the same numbers to the facade of that
    /// name, and so to Prometheus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Launch, Options, SessionSupervisor};
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// sessions.start_session("alice", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// sessions.start_session("bob", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// sessions.stop_session("bob").await.unwrap();
    ///
    /// let stats = sessions.stats();
    /// assert_eq!((stats.sessions.active, stats.starts.started, stats.exits.shutdown), (1, 2, 1));
    /// assert_eq!(stats.sessions, sessions.count_sessions().await.unwrap());
    /// println!("a start takes {:?}", stats.start_duration.mean());
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let meter = self.shared.meter();
        meter.map_or_else(Stats::default, |meter| meter.read())
    }
}
