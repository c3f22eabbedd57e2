//! The page with very many sessions.

use std::io::Write;
use std::time::Instant;

use session_supervisor::{ChildSpec, SessionSupervisor, dashboard};

use super::{Browser, open};
use crate::http::{Chat, Server, supervisor};

/// Sessions of which the page shows many. `DASHBOARD_MANY=1000000` takes a minute and 8 GB.
fn many() -> usize {
    let set = std::env::var("DASHBOARD_MANY").ok();
    let default = if cfg!(debug_assertions) {
        20_000
    } else {
        100_000
    };
    set.and_then(|many| many.parse().ok()).unwrap_or(default)
}

/// How many sessions are started and stopped a second.
async fn rate(supervisor: &SessionSupervisor, prefix: &str) -> f64 {
    const TURNS: usize = 20_000;
    let spec = ChildSpec::new(|_| (Chat, ()));
    let begun = Instant::now();
    for n in 0..TURNS {
        let id = format!("{prefix} {}", n % 100);
        let started = supervisor.start_session(&id, spec.clone());
        started.await.expect("it starts");
        supervisor.stop_session(&id).await.expect("it stops");
    }
    TURNS as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_very_many_sessions_the_page_is_quick_and_delays_nobody() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let many = many();
    let supervisor = supervisor().await;
    let spec = ChildSpec::new(|_| (Chat, ()));
    for n in 0..many {
        supervisor
            .start_session(&n.to_string(), spec.clone())
            .await
            .expect("it starts");
    }
    rate(&supervisor, "warm up").await;
    let before = rate(&supervisor, "before").await;
    let server = Server::start(dashboard(&supervisor)).await;
    open(&browser, &server, "/").await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 100")
        .await;
    let loaded = browser
        .run("return performance.now()")
        .await
        .as_f64()
        .unwrap();
    // The best of three: the browser and the other programs share the processor with the sessions.
    let mut with_page = 0.0_f64;
    for _ in 0..3 {
        with_page = with_page.max(rate(&supervisor, "with a page").await);
    }
    // The last one is found by its id at once, and the table is sorted to its end.
    browser
        .run(&format!(
            "const find = document.querySelector('#find'); find.value = '{}';
        find.dispatchEvent(new Event('input'))",
            many - 1
        ))
        .await;
    browser
        .until(&format!(
            "document.querySelector('#rows td').textContent === '{}'",
            many - 1
        ))
        .await;
    browser
        .until("document.querySelector('#table-status').textContent.includes('shown')")
        .await;
    let share = with_page / before;
    let told = format!(
        "dashboard: {many} sessions: the page is there after {loaded:.0} ms; {before:.0} starts and \
         stops a second without it, {share:.2} of that with it\n"
    );
    std::io::stderr().write_all(told.as_bytes()).ok();
    assert!(loaded < 2_000.0, "{told}");
    // Of a debug build, beside other tests, the figures mean little.
    if !cfg!(debug_assertions) {
        assert!(share >= 0.9, "{told}");
    }
    supervisor.stop().await.unwrap();
}
