//! The page in a real browser.

mod driver;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use ractor::ActorRef;
use session_supervisor::{ChildSpec, Dashboard, Options, SessionSupervisor, dashboard};
use tokio::net::TcpListener;

use crate::http::{Chat, Server, supervisor};
use driver::Browser;

const ENTER: char = '\u{E007}';
const ESCAPE: char = '\u{E00C}';
const DOWN: char = '\u{E015}';
const TAB: char = '\u{E004}';

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
    // The best of three, since other programs may have the processor.
    let mut quickest = f64::MAX;
    for n in 1..=3 {
        let begun = browser
            .run("return performance.now()")
            .await
            .as_f64()
            .unwrap();
        let text = format!("paper jam {n}");
        let session = supervisor.await_session::<String>("chat 0").await.unwrap();
        session.cast(text.clone()).unwrap();
        let shown = |place: &str| {
            format!("document.querySelector('{place}').textContent.includes('{text}')")
        };
        let fed = browser.until(&shown("#changes")).await;
        let told = browser.until(&shown("#exits")).await;
        quickest = quickest.min(fed.max(told) - begun);
        browser.until(&shown("#worst-list")).await;
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
async fn what_a_user_chose_is_shown_as_text() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    for id in crate::tables::STRANGE {
        start(&supervisor, id, id).await;
    }
    let server = Server::start(dashboard(&supervisor)).await;
    open(&browser, &server, "/").await;
    browser
        .run("window.scripts = document.scripts.length")
        .await;
    let all = crate::tables::STRANGE.len();
    browser
        .until(&format!(
            "document.querySelectorAll('#rows tr').length === {all}"
        ))
        .await;
    for (at, id) in crate::tables::STRANGE.iter().enumerate() {
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

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_works_by_keyboard() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let supervisor = supervisor().await;
    for id in ["alice", "bob", "carol"] {
        start(&supervisor, id, "a chat").await;
    }
    let shown = Dashboard::new(&supervisor).allow_actions(|_| true).router();
    let server = Server::start(shown).await;
    open(&browser, &server, "/").await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 3")
        .await;
    let focused = |id: &str| format!("document.activeElement.id === '{id}'");
    browser.press(&['/']).await;
    browser.until(&focused("find")).await;
    browser.press(&['b', 'o', 'b']).await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 1")
        .await;
    browser
        .run("document.querySelector('#find').select()")
        .await;
    browser.press(&['\u{E017}']).await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 3")
        .await;
    // From the filter over the state to the heads of the columns, and sort by the first.
    browser.press(&[TAB, TAB, ENTER]).await;
    browser
        .until("document.querySelector('th[aria-sort=ascending]')")
        .await;
    browser.press(&[ENTER]).await;
    browser
        .until("document.querySelector('th[aria-sort=descending]')")
        .await;
    browser
        .until("document.querySelector('#rows td').textContent === 'carol'")
        .await;
    // Into the rows: one of them is a stop of the tab key.
    browser.press(&[TAB, TAB, TAB, TAB, TAB]).await;
    browser
        .until("document.activeElement.dataset.id === 'carol'")
        .await;
    browser.press(&[DOWN]).await;
    browser
        .until("document.activeElement.dataset.id === 'bob'")
        .await;
    browser.press(&[ENTER]).await;
    browser
        .until("document.querySelectorAll('#actions button').length === 2")
        .await;
    assert_eq!(browser.text("#session-title").await, "bob");
    // Stop it: the answer that is under the finger first is no.
    browser.press(&[TAB, TAB, ENTER]).await;
    browser
        .until("document.activeElement.textContent === 'No'")
        .await;
    browser.press(&[ENTER]).await;
    browser.until(&focused("close")).await;
    assert!(supervisor.is_running("bob"));
    browser
        .until("document.querySelectorAll('#actions button').length === 2")
        .await;
    browser.press(&[TAB, TAB, ENTER]).await;
    browser
        .until("document.activeElement.textContent === 'No'")
        .await;
    browser
        .run("document.activeElement.previousSibling.focus()")
        .await;
    browser.press(&[ENTER]).await;
    let done = "document.querySelector('#action-status').textContent === 'stop: done'";
    browser.until(done).await;
    assert!(!supervisor.is_running("bob"));
    browser.press(&[ESCAPE]).await;
    browser
        .until("!document.querySelector('#session').open")
        .await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 2")
        .await;
    // All that can be clicked can be reached.
    let unreachable = "return Array.from(document.querySelectorAll('button, input, select, tbody'))
        .filter((one) => one.tabIndex < 0 && one.tagName !== 'TBODY').length";
    assert_eq!(browser.run(unreachable).await, 0);
    supervisor.stop().await.unwrap();
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

/// The contrast of two colors, as WCAG counts it.
const CONTRAST: &str = "
    const light = (color) => {
      const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
        const one = part / 255;
        return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    const pairs = [
      [of('body', 'color'), of('body', 'backgroundColor')],
      [of('#rows td', 'color'), of('#sessions', 'backgroundColor')],
      [of('.quiet', 'color'), of('#sessions', 'backgroundColor')],
      [of('footer', 'color'), of('body', 'backgroundColor')],
      [of('button.link', 'color'), of('#worst', 'backgroundColor')],
    ];
    return Math.min(...pairs.map((pair) => {
      const [a, b] = pair.map(light).sort((a, b) => b - a);
      return (a + 0.05) / (b + 0.05);
    }));";

/// With `SCREENSHOTS=write` it writes those in `docs`.
#[tokio::test(flavor = "multi_thread")]
async fn it_fits_any_width_in_light_and_dark() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let options = Options::new()
        .name("chats")
        .session_restart_limit(2, Duration::from_secs(60));
    let supervisor = SessionSupervisor::start(options).await.expect("it starts");
    let server = Server::start(dashboard(&supervisor)).await;
    browser.size(1280, 800).await;
    browser.scheme("light").await;
    open(&browser, &server, "/").await;
    // Something to look at: in the order of a program's morning.
    for (n, name) in ["lobby", "support", "tea", "chess", "night shift"]
        .iter()
        .cycle()
        .take(240)
        .enumerate()
    {
        let id = format!("{} {}", name, n / 5 + 1);
        start(&supervisor, &id, &format!("{name} of team {}", n % 7)).await;
        if n % 40 == 39 {
            browser
                .until(&format!("{} === '{}'", count("running"), n + 1))
                .await;
        }
    }
    for (id, times) in [("tea 3", 3), ("chess 1", 2), ("support 7", 1)] {
        for _ in 0..times {
            let session = supervisor
                .await_session::<String>(id)
                .await
                .expect("it runs");
            session.cast("the kettle is empty".to_owned()).unwrap();
            session.get_cell().wait(None).await.ok();
        }
    }
    browser.until(&format!("{} === '1'", count("parked"))).await;
    browser
        .until("document.querySelectorAll('#worst-list button').length === 3")
        .await;
    browser
        .until("document.querySelectorAll('#rows tr').length === 100")
        .await;
    let mut backs = Vec::new();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        for width in [400, 640, 1000, 1280, 1800, 2500] {
            browser.size(width, 800).await;
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.run(wide).await.as_u64().unwrap();
            assert!(wide <= u64::from(width), "{wide} at {width} in {scheme}");
        }
        let contrast = browser.run(CONTRAST).await.as_f64().unwrap();
        assert!(contrast >= 4.5, "{contrast} in {scheme}");
        backs.push(
            browser
                .run("return getComputedStyle(document.body).backgroundColor")
                .await,
        );
        browser.size(1280, 800).await;
        // The plots are drawn anew with the next frame.
        browser
            .run("return new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            .await;
        let picture = browser.screenshot().await;
        assert!(
            picture.starts_with(b"\x89PNG") && picture.len() < 200_000,
            "{}",
            picture.len()
        );
        if std::env::var("SCREENSHOTS").as_deref() == Ok("write") {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
            let path = docs.join(format!("dashboard-{scheme}.png"));
            std::fs::write(path, &picture).expect("it can be written");
        }
    }
    assert_ne!(backs[0], backs[1]);
    is_content(&browser).await;
    supervisor.stop().await.unwrap();
}

/// So many sessions are started and stopped a second.
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
    let supervisor = Arc::new(supervisor().await);
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
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).ok();
    assert!(loaded < 2_000.0, "{told}");
    // Of a debug build, beside other tests, the figures mean little.
    if !cfg!(debug_assertions) {
        assert!(share >= 0.9, "{told}");
    }
    supervisor.stop().await.unwrap();
}
