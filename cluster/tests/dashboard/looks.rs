//! The page works by keyboard, and looks right in any width, in light and dark.

use std::path::Path;

use crate::stranger::Stranger;
use crate::world::{SESSIONS, World, cell};

const ENTER: char = '\u{E007}';
const ESCAPE: char = '\u{E00C}';
const DOWN: char = '\u{E015}';
const RIGHT: char = '\u{E014}';
const END: char = '\u{E010}';

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";

pub(crate) async fn keyboard() {
    let Some(world) = World::start(&["a", "b"], 64, 10).await else {
        return;
    };
    world.open().await;
    world.grid(2, 0, 0).await;
    let browser = &world.browser;
    browser
        .until("document.querySelectorAll('#shard-rows tr').length === 64")
        .await;
    // All that can be clicked can be reached.
    let unreachable =
        "return Array.from(document.querySelectorAll('a, button, select, canvas, #changes'))
        .filter((one) => one.tabIndex < 0).length";
    assert_eq!(browser.run(unreachable).await, 0);
    let stops = "return document.querySelectorAll('#node-rows tr[tabindex=\"0\"]').length";
    assert_eq!(browser.run(stops).await, 1);
    // The grid says in words where its cursor is.
    browser
        .run("document.querySelector('#cells').focus()")
        .await;
    let says =
        |text: &str| format!("document.querySelector('#cell').textContent.startsWith('{text}')");
    browser.until(&says("Shard 0: owned by ")).await;
    browser.press(&[RIGHT, RIGHT, RIGHT]).await;
    browser.until(&says("Shard 3: owned by ")).await;
    browser.press(&[END]).await;
    browser.until(&says("Shard 63: owned by ")).await;
    // One node alone, and all again.
    browser
        .run("document.querySelector('#node-rows tr[tabindex=\"0\"]').focus()")
        .await;
    browser.press(&[DOWN, ENTER]).await;
    let chosen = "document.querySelector('#owner').value === 'b'
        && document.querySelector('#node-rows tr[aria-current]').dataset.name === 'b'
        && document.querySelectorAll('#shard-rows tr').length < 64
        && Array.from(document.querySelectorAll('#shard-rows tr')).every((row) => row.children[1].textContent === 'b')";
    browser.until(chosen).await;
    let focused = "document.activeElement.dataset.name === 'b'";
    browser.until(focused).await;
    browser.press(&[ESCAPE]).await;
    browser
        .until("document.querySelectorAll('#shard-rows tr').length === 64 && document.querySelector('#owner').value === ''")
        .await;
    world.is_content().await;
}

/// The least contrast of some pairs of colors, as WCAG counts it.
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
      [of('#node-rows td', 'color'), of('#nodes', 'backgroundColor')],
      [of('.quiet', 'color'), of('#grid', 'backgroundColor')],
      [of('footer', 'color'), of('body', 'backgroundColor')],
      [of('#faults-title', 'color'), of('#faults', 'backgroundColor')],
      [of('#fault-list', 'color'), of('#faults', 'backgroundColor')],
      [of('header a', 'color'), of('body', 'backgroundColor')],
      [of('#tiles .unowned.some b', 'color'), of('#tiles .unowned', 'backgroundColor')],
      [of('#tiles .moving.some b', 'color'), of('#tiles .moving', 'backgroundColor')],
    ];
    return Math.min(...pairs.map((pair) => {
      const [a, b] = pair.map(light).sort((a, b) => b - a);
      return (a + 0.05) / (b + 0.05);
    }));";

/// With `SCREENSHOTS=write` it writes those in `docs`.
pub(crate) async fn widths() {
    let Some(mut world) = World::start(&["node-1", "node-2", "node-3"], 512, 10).await else {
        return;
    };
    for n in 0..60 {
        let node = &mut world.nodes[n % 3];
        assert_eq!(node.ask(&format!("start room-{n}")).await, "ok");
    }
    world.browser.size(1280, 800).await;
    world.open().await;
    world.grid(3, 0, 0).await;
    // A node that joins and claims only a little: some shards are without an owner, and when it leaves
    // some are on their way.
    let etcd = &world.etcd.endpoints()[0];
    let mut stranger = Stranger::join(etcd, "node-4", NOWHERE, 4).await;
    world.browser.until(&unowned("> 1")).await;
    let first = first_unowned(&world).await;
    stranger.claim(512, first).await;
    let second = first_unowned_but(&world, first).await;
    stranger.claim(512, second).await;
    stranger.leaves().await;
    world.grid(4, 0, 2).await;
    // And a second one, for which some are planned.
    let other = Stranger::join(etcd, "node-5", NOWHERE, 4).await;
    world.browser.until(&unowned("> 1")).await;
    let browser = &world.browser;
    for node in ["node-2", "node-3"] {
        browser
            .until(&format!("{} !== '?'", cell(node, SESSIONS)))
            .await;
    }
    let mut backs = Vec::new();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        for width in [400, 640, 1000, 1280, 1800, 2500] {
            browser.size(width, 800).await;
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.run(wide).await.as_u64().expect("a width");
            assert!(wide <= u64::from(width), "{wide} at {width} in {scheme}");
        }
        let contrast = browser.run(CONTRAST).await.as_f64().expect("a number");
        assert!(contrast >= 4.5, "{contrast} in {scheme}");
        let back = "return getComputedStyle(document.body).backgroundColor";
        backs.push(browser.run(back).await);
        browser.size(1280, 800).await;
        // The grid is drawn anew with the next frame.
        let drawn = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))";
        browser.run(drawn).await;
        let picture = browser.screenshot().await;
        let size = picture.len();
        assert!(picture.starts_with(b"\x89PNG") && size < 250_000, "{size}");
        if std::env::var("SCREENSHOTS").as_deref() == Ok("write") {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
            let path = docs.join(format!("dashboard-{scheme}.png"));
            std::fs::write(path, &picture).expect("it can be written");
        }
    }
    assert_ne!(backs[0], backs[1]);
    world.is_content().await;
    other.end().await;
    stranger.end().await;
}

fn unowned(than: &str) -> String {
    format!("Number(document.querySelector('#tiles .unowned b').textContent) {than}")
}

/// The first shard without an owner, as the page tells it.
async fn first_unowned(world: &World) -> u32 {
    let told =
        "return Number(/^Unowned: (\\d+)/.exec(document.querySelector('#trouble').textContent)[1])";
    let told = world.browser.run(told).await.as_u64().expect("a number");
    u32::try_from(told).expect("a shard")
}

async fn first_unowned_but(world: &World, but: u32) -> u32 {
    let begins =
        format!("!document.querySelector('#trouble').textContent.startsWith('Unowned: {but},')");
    world.browser.until(&begins).await;
    world
        .browser
        .until("document.querySelector('#trouble').textContent.startsWith('Unowned: ')")
        .await;
    first_unowned(world).await
}
