//! The page works by keyboard, and looks right in any width, in light and dark.

use std::path::Path;
use std::time::Duration;

use session_supervisor::{ChildSpec, Dashboard, Options, SessionSupervisor, dashboard};

use super::{Browser, ESCAPE, count, is_content, open, start};
use crate::http::{Chat, Server, supervisor};

const ENTER: char = '\u{E007}';
const DOWN: char = '\u{E015}';
const TAB: char = '\u{E004}';

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

/// A quarter of an hour of a program, in a moment: sessions come and go, and some fail.
async fn quarter_of_an_hour(supervisor: &SessionSupervisor) {
    const NAMES: [&str; 5] = ["lobby", "support", "tea", "chess", "night shift"];
    for second in 0..880_u64 {
        // More in the middle of it, and never the same number.
        let wave = 60 + 50 * (second * (880 - second)) / (440 * 440) + 9 * (second / 37 % 4);
        let wanted = usize::try_from(wave).expect("small");
        for n in 0..wanted {
            let (name, team) = (NAMES[n % 5], n / 5 + 1);
            let id = format!("{name} {team}");
            if !supervisor.is_running(&id) && (second == 0 || (n as u64 + second).is_multiple_of(3))
            {
                let label = format!("{name} of team {team}");
                let spec = ChildSpec::new(|_| (Chat, ())).label(&label);
                supervisor.start_session(&id, spec).await.ok();
            }
        }
        for n in wanted..wanted + 12 {
            let id = format!("{} {}", NAMES[n % 5], n / 5 + 1);
            supervisor.stop_session(&id).await.ok();
        }
        if second % 90 == 40 {
            fail(supervisor, "tea 3").await;
        }
        if second % 200 == 150 {
            fail(supervisor, "chess 1").await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for id in ["tea 5", "tea 5", "tea 5", "support 2"] {
        fail(supervisor, id).await;
    }
}

async fn fail(supervisor: &SessionSupervisor, id: &str) {
    let session = supervisor
        .await_session::<String>(id)
        .await
        .expect("it runs");
    session
        .cast("the kettle is empty".to_owned())
        .expect("it takes it");
    session.get_cell().wait(None).await.ok();
}

/// With `SCREENSHOTS=write` it writes those in `docs`.
#[tokio::test(start_paused = true)]
async fn it_fits_any_width_in_light_and_dark() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let options = Options::new()
        .name("chats")
        .session_restart_limit(2, Duration::from_secs(30))
        .without_park_trial();
    let supervisor = SessionSupervisor::start(options).await.expect("it starts");
    let server = Server::start(dashboard(&supervisor)).await;
    quarter_of_an_hour(&supervisor).await;
    tokio::time::resume();
    browser.size(1280, 800).await;
    open(&browser, &server, "/").await;
    browser.until(&format!("{} === '1'", count("parked"))).await;
    browser
        .until("document.querySelectorAll('#worst-list button').length === 4")
        .await;
    browser
        .until("document.querySelectorAll('#rows tr').length > 50")
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
