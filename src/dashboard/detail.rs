//! All that is known of one session: what it is, how it ended before, what is below it, and what
//! happens at its next failure.

use std::time::UNIX_EPOCH;

use super::json::{ToJson, object};
use super::refusal::Refusal;
use super::source::{Source, exit, row, unknown};
use super::view::{Past, Row};
use crate::info::{ExitRecord, SessionInfo};
use crate::{Exit, Supervisor, Tree, TreeState, Unseen};

/// One session.
pub(super) struct Detail {
    row: Row,
    exits: Vec<Past>,
    /// How many there were before those.
    earlier: u64,
    /// What happens at its next failure, as a sentence.
    next: Option<String>,
    /// None: it is no tree, or does not run.
    children: Option<Vec<Node>>,
}

impl ToJson for Detail {
    fn write(&self, out: &mut String) {
        object(out)
            .field("session", &self.row)
            .field("exits", &self.exits)
            .field("earlier", &self.earlier)
            .field("next", &self.next)
            .field("children", &self.children)
            .end();
    }
}

/// Something below a session.
struct Node {
    name: String,
    label: Option<String>,
    state: &'static str,
    incarnation: u64,
    restarts: u64,
    last_exit: Option<&'static str>,
    /// None: it is no supervisor.
    children: Option<Vec<Self>>,
    /// How many more it has.
    more: u64,
    /// Why it is not known what is below it.
    unseen: Option<&'static str>,
}

impl ToJson for Node {
    fn write(&self, out: &mut String) {
        object(out)
            .field("name", &self.name)
            .field("label", &self.label)
            .field("state", self.state)
            .field("incarnation", &self.incarnation)
            .field("restarts", &self.restarts)
            .field("last_exit", &self.last_exit)
            .field("children", &self.children)
            .field("more", &self.more)
            .field("unseen", &self.unseen)
            .end();
    }
}

impl Source {
    /// All that is known of a session.
    pub(super) async fn detail(&self, id: &str) -> Result<Detail, Refusal> {
        let info = self.supervisor().session_info(id).await?;
        let info = info.ok_or_else(unknown)?;
        let known = row(&info);
        let children = self.children(info).await;
        let dossier = self.supervisor().dossier(id).await?;
        let (exits, earlier) = dossier.map_or_else(Default::default, |dossier| {
            let exits = dossier.exits.iter().map(past).collect();
            (exits, dossier.earlier)
        });
        let next = self.supervisor().explain(id).await?;
        Ok(Detail {
            row: known,
            exits,
            earlier,
            next: next.map(|next| next.to_string()),
            children,
        })
    }

    /// What is below a session that is a tree and runs. The tree has bounds of its own.
    async fn children(&self, info: SessionInfo) -> Option<Vec<Node>> {
        let cell = info.cell.clone();
        self.shared().undelivered(info);
        let tree = Supervisor::try_from(cell?).ok()?.tree().await.ok()?;
        let mut exits = Vec::new();
        let top = node(tree, &mut exits);
        self.shared().undelivered(exits);
        top.children
    }
}

fn past(exit: &ExitRecord) -> Past {
    Past {
        incarnation: exit.incarnation,
        at: exit.time.duration_since(UNIX_EPOCH).unwrap_or_default(),
        uptime: exit.uptime,
        text: exit.to_string(),
    }
}

/// In words. What may hold an error of the user's is put aside.
fn node(tree: Tree, exits: &mut Vec<Exit>) -> Node {
    let is_supervisor = tree.counts.is_some() || tree.unseen.is_some();
    let last_exit = tree.last_exit.as_ref().map(exit);
    exits.extend(tree.last_exit);
    let children: Vec<_> = tree
        .children
        .into_iter()
        .map(|one| node(one, exits))
        .collect();
    Node {
        name: (*tree.name).to_owned(),
        label: tree.label.as_deref().map(str::to_owned),
        state: state(tree.state),
        incarnation: tree.incarnation,
        restarts: tree.restarts,
        last_exit,
        children: is_supervisor.then_some(children),
        more: tree.more as u64,
        unseen: tree.unseen.map(unseen),
    }
}

fn state(state: TreeState) -> &'static str {
    match state {
        TreeState::Starting => "starting",
        TreeState::Running => "running",
        TreeState::Restarting => "restarting",
        TreeState::Stopping => "stopping",
        TreeState::NotRunning => "not_running",
        TreeState::Parked => "parked",
        TreeState::Stuck => "stuck",
    }
}

fn unseen(unseen: Unseen) -> &'static str {
    match unseen {
        Unseen::Ended => "ended",
        Unseen::NoAnswer => "no_answer",
        Unseen::LeftOut => "left_out",
    }
}
