//! How a child reaches the others of its tree.

use std::future::Future;
use std::sync::Arc;

use ractor::ActorCell;

use super::StartContext;
use crate::SessionSupervisor;
use crate::error::{SiblingError, SupervisorDown};

impl StartContext {
    /// Another child of the tree that this one belongs to, by its role, also if it is registered
    /// under another name or under none. It reaches one incarnation: ask again after a restart, for
    /// which a clone of this context can be kept.
    ///
    /// It waits for the supervisor of the tree alone, not for the other child. In a start function
    /// those are there that were added before.
    ///
    /// # Errors
    ///
    /// `NotInTree` of a session: that has a [`supervisor`](Self::supervisor). `NotFound` if the tree
    /// has no child of this role. `NotRunning` while it is restarted, or before its start.
    /// `SupervisorDown` if the tree has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn sibling(
        &self,
        role: &str,
    ) -> impl Future<Output = Result<ActorCell, SiblingError>> + Send + 'static + use<> {
        // A session that is a tree has a role in none.
        let tree = self.role.as_ref().and(self.tree.clone());
        let role: Arc<str> = role.into();
        async move {
            let tree = tree.ok_or(SiblingError::NotInTree)?;
            let children = tree.which_children().await;
            let children = children.map_err(|SupervisorDown| SiblingError::SupervisorDown)?;
            let child = children.into_iter().find(|child| child.role == role);
            let Some(child) = child else {
                return Err(SiblingError::NotFound { role });
            };
            child.cell.ok_or(SiblingError::NotRunning { role })
        }
    }

    /// The session supervisor that is another child of the tree that this one belongs to, by its
    /// role. In an [`Application`](crate::Application) that is
    /// [`SESSIONS`](crate::Application::SESSIONS). A child needs no global name for it, so several
    /// applications can run side by side.
    ///
    /// As [`sibling`](Self::sibling). The handle stays that of a supervisor that has ended: after a
    /// restart ask again.
    ///
    /// # Errors
    ///
    /// As [`sibling`](Self::sibling), and `NotASessionSupervisor`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Application, ChildSpec, Options};
    ///
    /// let listener = ChildSpec::task(|start, stop| async move {
    ///     let sessions = start.session_supervisor(Application::SESSIONS).await?;
    ///     sessions.start_session("first", ChildSpec::new(|_| (Chat, ()))).await?;
    ///     stop.requested().await;
    ///     Ok(())
    /// });
    /// let running = Application::new(Options::new().unique_name())
    ///     .unique_name()
    ///     .child("listener", listener)
    ///     .start()
    ///     .await
    ///     .unwrap();
    /// running.sessions().unwrap().await_session::<()>("first").await.ok();
    /// # running.stop().await;
    /// # }
    /// ```
    pub fn session_supervisor(
        &self,
        role: &str,
    ) -> impl Future<Output = Result<SessionSupervisor, SiblingError>> + Send + 'static + use<>
    {
        let sibling = self.sibling(role);
        let role: Arc<str> = role.into();
        async move {
            let cell = sibling.await?;
            SessionSupervisor::try_from(cell)
                .map_err(|_| SiblingError::NotASessionSupervisor { role })
        }
    }
}
