//! The page follows what happens, and says when it cannot.

use axum::Router;
use session_supervisor::dashboard;
use tokio::net::TcpListener;

use super::{Browser, count, is_content, open, start};
use crate::http::{Server, supervisor};

#[tokio::test(flavor = "multi_thread")]
async fn the_plot_moves_and_a_crash_is_shown_within_a_second() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    let server = Server::start(Router::new().nest("/sessions", dashboard(&supervisor))).await;
    open(&browser, &server, "/sessions").await;
    browser
        .until(&format!("{} === '0'", count("running")))
        .await;
    let plot = "return document.querySelector('#plot-running').toDataURL()";
    let before = browser.run(plot).await;
    let mut sessions = Vec::new();
    for n in 0..50 {
        sessions.push(start(&supervisor, &format!("chat {n}"), "a chat").await);
    }
    browser
        .until(&format!("{} === '50'", count("running")))
        .await;
    let legend = "document.querySelector('#legend-running').textContent.includes('running 50')";
    browser.until(legend).await;
    assert_ne!(browser.run(plot).await, before, "the plot has moved");
    // The table has them, and one is opened.
    browser
        .until("document.querySelectorAll('#rows tr').length === 50")
        .await;
    browser
        .run("document.querySelector('#rows tr').click()")
        .await;
    browser
        .until("document.querySelector('#session .next')")
        .await;
    assert_eq!(browser.text("#session-title").await, "chat 0");
    // The best of twenty sessions, since other programs may have the processor.
    let mut quickest = f64::MAX;
    for (n, session) in sessions.iter().enumerate().take(20) {
        let id = format!("chat {n}");
        browser
            .run(&format!(
                "location.hash = '#session={}'",
                id.replace(' ', "%20")
            ))
            .await;
        browser
            .until(&format!(
                "document.querySelector('#session-title').textContent === '{id}'"
            ))
            .await;
        browser
            .until("document.querySelector('#session .next')")
            .await;
        let begun = browser
            .run("return performance.now()")
            .await
            .as_f64()
            .unwrap();
        let text = format!("paper jam {n}.");
        session.cast(text.clone()).unwrap();
        let shown = |place: &str| {
            format!("document.querySelector('{place}')?.textContent.includes('{text}')")
        };
        let fed = browser.until(&shown("#changes")).await;
        let told = browser.until(&shown("#exits")).await;
        quickest = quickest.min(fed.max(told) - begun);
        if quickest < 1_000.0 {
            browser.until(&shown("#worst-list")).await;
            break;
        }
    }
    assert!(quickest < 1_000.0, "it took {quickest} ms");
    is_content(&browser).await;
    supervisor.stop().await.unwrap();
    browser
        .until("document.querySelector('#connection').className === 'ended'")
        .await;
    let lost = browser.text("#lost").await;
    assert!(lost.contains("has ended"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_when_the_server_is_lost_and_when_it_is_back() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    start(&supervisor, "alice", "a chat").await;
    // A runtime of its own, which ends with all its connections.
    let serve = |listener: std::net::TcpListener| {
        let app = dashboard(&supervisor);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await
        });
        runtime
    };
    let bind = |address: &str| {
        let listener = std::net::TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).expect("an option");
        listener
    };
    let listener = bind("127.0.0.1:0");
    let address = listener.local_addr().unwrap();
    let server = Server { address };
    let first = serve(listener);
    open(&browser, &server, "/").await;
    browser
        .until(&format!("{} === '1'", count("running")))
        .await;
    first.shutdown_background();
    browser
        .until("document.querySelector('#connection').className === 'lost'")
        .await;
    let lost = browser.text("#lost").await;
    assert!(lost.contains("The server is lost since"), "{lost}");
    let dimmed = "return [document.body.classList.contains('stale'),
        document.querySelector('#lost').hidden]";
    assert_eq!(browser.run(dimmed).await, serde_json::json!([true, false]));
    let second = serve(bind(&address.to_string()));
    browser
        .until("document.querySelector('#connection').className === 'live'")
        .await;
    assert_eq!(browser.run(dimmed).await, serde_json::json!([false, true]));
    start(&supervisor, "bob", "a chat").await;
    browser
        .until(&format!("{} === '2'", count("running")))
        .await;
    second.shutdown_background();
    supervisor.stop().await.unwrap();
}
