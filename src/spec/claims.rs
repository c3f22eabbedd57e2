//! What a session claims beside its id.

use std::sync::Arc;

use super::ChildSpec;
use crate::child::Child;
use crate::engine::{BadPart, Claim, LONGEST_KIND, LONGEST_VALUE, claim_of};

/// How many claims a spec may have.
const MOST: usize = 16;

impl<C: Child> ChildSpec<C> {
    /// Claims a further unique key for the session: at most one session of the supervisor has a
    /// claim of this kind and value, such as one for each project path, or for each user and
    /// device.
    ///
    /// A session has all its claims from the moment its start is accepted, in one step with its id,
    /// or it is not started: [`StartError::ClaimTaken`] says which claim another session has, and
    /// which session that is. It has them for as long as its id: while it starts, waits in line,
    /// restarts, pauses, is parked, is tried again, stops, or is stuck. They are free when it is
    /// gone and released, whatever ended it. A start that follows the answer of
    /// [`stop_session`](crate::SessionSupervisor::stop_session) gets them.
    ///
    /// A start does not wait for a claim, also when its holder is ending by itself. To wait, use
    /// [`wait_end`](crate::SessionSupervisor::wait_end) with the id of the holder and start again.
    /// [`find_by_claim`](crate::SessionSupervisor::find_by_claim) tells the holder without a start.
    ///
    /// The claims count only when the spec starts a session. A call that finds its id running, such
    /// as [`ensure_session`](crate::SessionSupervisor::ensure_session), passes over them.
    ///
    /// Several may be set, 16 at most. A claim that is set twice is one claim. The kind has 1 to 512
    /// bytes, the value 1 to 4,096, without control characters. Values are compared as they are, so
    /// a path should be made canonical first. A child of a [`Supervisor`](crate::Supervisor) cannot
    /// claim anything.
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Agent;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Agent {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::error::StartError;
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    ///
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let agent = || ChildSpec::new(|_| (Agent, ())).claim("project", "/srv/shop");
    /// sessions.start_session("first", agent()).await.unwrap();
    ///
    /// // One session for each project.
    /// match sessions.start_session("second", agent()).await {
    ///     Err(StartError::ClaimTaken { holder, claim }) => {
    ///         assert_eq!((&*holder, claim.value()), ("first", "/srv/shop"));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(sessions.find_by_claim("project", "/srv/shop").unwrap(), "first");
    ///
    /// sessions.stop_session("first").await.unwrap();
    /// sessions.start_session("second", agent()).await.unwrap();
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    ///
    /// [`StartError::ClaimTaken`]: crate::error::StartError::ClaimTaken
    pub fn claim(mut self, kind: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (kind, value) = (kind.as_ref(), value.as_ref());
        let claim = match claim_of(kind, value) {
            Ok(claim) => claim,
            Err(part) => {
                let (field, text, longest) = match part {
                    BadPart::Kind => ("claim.kind", kind, LONGEST_KIND),
                    BadPart::Value => ("claim.value", value, LONGEST_VALUE),
                };
                let rule = format!("must have 1 to {longest} bytes and no control characters");
                self.fault.add(field, format_args!("{text:?}"), rule);
                return self;
            }
        };
        let claims = &mut Arc::make_mut(&mut self.plan).terms().claims;
        if claims.contains(&claim) {
            return self;
        }
        if claims.len() == MOST {
            let rule = format!("a session may have {MOST} claims at most");
            self.fault.add("claim", claim, rule);
            return self;
        }
        // Most have one, and it is kept with each session.
        claims.reserve_exact(1);
        claims.push(claim);
        self
    }

    /// The [claims](Self::claim) that were added, in their order.
    #[must_use]
    pub fn get_claims(&self) -> &[Claim] {
        self.plan.terms.as_ref().map_or(&[], |terms| &terms.claims)
    }

    /// Keeps a claim as a fault: it is none of a session.
    pub(super) fn check_no_claims(&mut self) {
        let terms = self.plan.terms.as_ref();
        if let Some(claim) = terms.and_then(|terms| terms.claims.first()) {
            let rule = "only a session can have it, not a child of a tree";
            self.fault.add("claim", claim, rule);
        }
    }
}
