//! The page in a real browser.

mod driver;
mod live;
mod looks;
mod many;
mod safety;

use ractor::ActorRef;
use session_supervisor::{ChildSpec, SessionSupervisor};

use crate::http::{Chat, Server};
use driver::Browser;

const ESCAPE: char = '\u{E00C}';

async fn start(supervisor: &SessionSupervisor, id: &str, label: &str) -> ActorRef<String> {
    let spec = ChildSpec::new(|_| (Chat, ())).label(label);
    supervisor.start_session(id, spec).await.expect("it starts")
}

/// A page that is live.
async fn open(browser: &Browser, server: &Server, path: &str) {
    browser.go(&format!("{}{path}", server.origin())).await;
    browser
        .until("document.querySelector('#connection').className === 'live'")
        .await;
}

fn count(state: &str) -> String {
    format!("document.querySelector('#tiles .{state} b').textContent")
}

/// Nothing that the browser had to complain of, such as a breach of the policy.
async fn is_content(browser: &Browser) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    let foreign = "return performance.getEntriesByType('resource').map((one) => one.name)
        .filter((name) => !name.startsWith(location.origin))";
    assert_eq!(browser.run(foreign).await, serde_json::json!([]));
}
