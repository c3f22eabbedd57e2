//! What users chose is text, and nobody acts without permission.

use axum::Router;
use session_supervisor::{Dashboard, dashboard};

use super::{Browser, ESCAPE, is_content, open, start};
use crate::http::{Server, supervisor};
use crate::tables::STRANGE;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_chose_is_shown_as_text() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    for id in STRANGE {
        start(&supervisor, id, id).await;
    }
    let server = Server::start(dashboard(&supervisor)).await;
    open(&browser, &server, "/").await;
    browser
        .run("window.scripts = document.scripts.length")
        .await;
    let all = STRANGE.len();
    browser
        .until(&format!(
            "document.querySelectorAll('#rows tr').length === {all}"
        ))
        .await;
    for (at, id) in STRANGE.iter().enumerate() {
        let cells = format!(
            "return Array.from(document.querySelectorAll('#rows tr')[{at}].children)
                .slice(0, 2).map((cell) => cell.textContent)"
        );
        assert_eq!(browser.run(&cells).await, serde_json::json!([id, id]));
        browser
            .run(&format!(
                "document.querySelectorAll('#rows tr')[{at}].click()"
            ))
            .await;
        let shown = serde_json::to_string(id).unwrap();
        browser
            .until(&format!(
                "document.querySelector('#session-title').textContent === {shown}"
            ))
            .await;
        browser.until("document.querySelector('#session dl')").await;
        // An error with markup in it, in the feed, among the worst, and in the dossier.
        let session = supervisor.find_session_as::<String>(id).unwrap();
        session
            .cast(format!("<img src=x onerror=\"window.run=1\"> {at}"))
            .unwrap();
        browser
            .until(&format!(
                "document.querySelector('#exits').textContent.includes('> {at}')"
            ))
            .await;
        browser.press(&[ESCAPE]).await;
        browser
            .until("!document.querySelector('#session').open")
            .await;
    }
    browser
        .until("document.querySelector('#worst-list').textContent.includes('onerror')")
        .await;
    browser
        .until("document.querySelector('#changes').textContent.includes('onerror')")
        .await;
    let made = "return [document.scripts.length - window.scripts, window.run ?? null,
        document.querySelectorAll('main img, dialog img, main script, dialog script').length]";
    assert_eq!(browser.run(made).await, serde_json::json!([0, null, 0]));
    is_content(&browser).await;
    supervisor.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_there_is_no_button_and_no_request_works() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    start(&supervisor, "alice", "a chat").await;
    let shown = Dashboard::new(&supervisor)
        .allow_actions(|_| false)
        .router();
    let app = Router::new()
        .nest("/shown", dashboard(&supervisor))
        .nest("/refused", shown);
    let server = Server::start(app).await;
    open(&browser, &server, "/shown").await;
    browser.run("location.hash = '#session=alice'").await;
    browser
        .until("document.querySelector('#session .next')")
        .await;
    let buttons = "return document.querySelectorAll('#actions button').length";
    assert_eq!(browser.run(buttons).await, 0);
    for (mount, status) in [("shown", "read_only"), ("refused", "wrong_token")] {
        for action in ["stop", "restart", "resume", "discard"] {
            let request = format!(
                "const response = await fetch('/{mount}/api/action', {{ method: 'POST',
                    headers: {{ 'x-session-supervisor-token': 'guessed' }},
                    body: new URLSearchParams({{ action: '{action}', id: 'alice' }}) }});
                 return (await response.json()).error"
            );
            assert_eq!(browser.run(&request).await, status, "{action}");
        }
    }
    // With the token and the right origin, the check still decides.
    open(&browser, &server, "/refused").await;
    browser.run("location.hash = '#session=alice'").await;
    browser
        .until("document.querySelectorAll('#actions button').length === 2")
        .await;
    browser
        .run("document.querySelectorAll('#actions button')[1].click()")
        .await;
    browser
        .until("document.activeElement.textContent === 'No'")
        .await;
    browser
        .run("document.querySelectorAll('#actions button')[0].click()")
        .await;
    let refused = "document.querySelector('#action-status').textContent
        === 'stop: the program does not permit it'";
    browser.until(refused).await;
    assert!(supervisor.is_running("alice"));
    let info = supervisor.session_info("alice").await.unwrap().unwrap();
    assert_eq!(info.incarnation, 1);
    supervisor.stop().await.unwrap();
}
