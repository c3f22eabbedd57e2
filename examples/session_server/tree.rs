//! The live tree in lines: the application root with its children, the session supervisor with its
//! sessions, each session with its children.
//!
//! Each level is asked in turn, so the answer is not of one instant.

use session_supervisor::{Application, ChildInfo, SessionInfo, SessionSupervisor, Supervisor};

/// The lines, each level further to the right.
pub(crate) async fn draw(root: &Supervisor) -> Vec<String> {
    let mut lines = vec![root.name().to_owned()];
    for child in root.which_children().await.unwrap_or_default() {
        lines.push(format!("  {}", describe(&child)));
        if &*child.role == Application::SESSIONS {
            sessions(&child, &mut lines).await;
        }
    }
    lines
}

async fn sessions(child: &ChildInfo, lines: &mut Vec<String>) {
    let cell = child.cell.clone();
    let Some(Ok(sessions)) = cell.map(SessionSupervisor::try_from) else {
        return;
    };
    for session in sessions.list_sessions().await.unwrap_or_default() {
        lines.push(format!("    {}", describe_session(&session)));
        let Some(Ok(tree)) = session.cell.map(Supervisor::try_from) else {
            continue;
        };
        let children = tree.which_children().await.unwrap_or_default();
        lines.extend(
            children
                .iter()
                .map(|child| format!("      {}", describe(child))),
        );
    }
}

fn describe(child: &ChildInfo) -> String {
    let state = format!("{:?}", child.state).to_lowercase();
    format!("{}: {state}, incarnation {}", child.role, child.incarnation)
}

/// One session in a line.
pub(crate) fn describe_session(session: &SessionInfo) -> String {
    let state = format!("{:?}", session.state).to_lowercase();
    format!(
        "{}: {state}, incarnation {}",
        session.id, session.incarnation
    )
}
