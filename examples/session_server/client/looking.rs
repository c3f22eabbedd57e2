//! What a client is told of all sessions: lists, numbers, the tree, and what happens to them.

use session_supervisor::{SessionInfo, Subscription};
use tokio::task::JoinHandle;

use super::{Client, Outbox};
use crate::tree;

/// A client follows what happens. Dropped, it does not any more.
#[derive(Debug)]
pub(super) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    pub(super) async fn list(&self) -> Result<String, String> {
        let list = self.house.sessions()?.list_sessions().await;
        let list = list.map_err(|error| error.to_string())?;
        for info in &list {
            let line = self.describe(info);
            self.tell(&line).await;
        }
        Ok(format!("{} sessions", list.len()))
    }

    pub(super) async fn info(&self, id: &str) -> Result<String, String> {
        match self.house.sessions()?.session_info(id).await {
            Ok(Some(info)) => Ok(self.describe(&info)),
            Ok(None) => Err(format!("no session {id}")),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) async fn tree(&self) -> Result<String, String> {
        let lines = tree::draw(&self.house.root).await;
        for line in &lines {
            self.tell(line).await;
        }
        Ok(format!("{} lines", lines.len()))
    }

    /// What has happened so far, in numbers.
    pub(super) async fn stats(&self) -> Result<String, String> {
        let stats = self.house.sessions()?.stats();
        let (starts, exits) = (stats.starts, stats.exits);
        let took = stats.start_duration.mean().unwrap_or_default();
        for line in [
            format!(
                "starts: {}, and {} that failed",
                starts.started, starts.failed
            ),
            format!("a start took {took:?}"),
            format!("exits: {}, of which {} failed", exits.total(), exits.failed),
            format!("restarts: {}", stats.restarts),
            format!("parked: {}", stats.parks),
        ] {
            self.tell(&line).await;
        }
        Ok(format!("{} sessions", stats.sessions.specs))
    }

    pub(super) async fn watch_on(&mut self) -> Result<String, String> {
        let feed = self.house.sessions()?.subscribe().await;
        let feed = feed.map_err(|error| error.to_string())?;
        let task = tokio::spawn(follow(feed, self.outbox.clone()));
        self.watch = Some(Watch(task));
        Ok("you are told what happens to all sessions".to_owned())
    }

    pub(super) fn watch_off(&mut self) -> Result<String, String> {
        let watch = self.watch.take();
        let off = |_| "you are told no more".to_owned();
        watch.map(off).ok_or_else(|| "you are not told".to_owned())
    }

    fn describe(&self, info: &SessionInfo) -> String {
        let clients = self.house.rooms.clients(&info.id);
        let last = match &info.last_exit {
            Some(exit) => format!(", last exit: {exit}"),
            None => String::new(),
        };
        format!(
            "{}, restarts {}, clients {clients}{last}",
            tree::describe_session(info),
            info.restarts
        )
    }
}

/// A client that reads slowly is told how much it missed; nobody waits for it.
async fn follow(mut feed: Subscription, outbox: Outbox) {
    while let Some(event) = feed.next().await {
        let line = match event {
            Ok(event) => format!("* {event}"),
            Err(lagged) => format!("* {lagged}"),
        };
        if outbox.lines.send(line.into()).await.is_err() {
            return;
        }
    }
}
