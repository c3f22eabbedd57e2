//! What nodes and users chose is text, and what is not as it should be is seen at once.

use serde_json::json;

use crate::stranger::Stranger;
use crate::world::{ADDRESS, CONNECTION, NAME, World, cell};

/// An address that other nodes take: it has a port, and no space.
const MARKUP: &str = "<img/src=x/onerror=window.ran=1>:80";

pub(crate) async fn text() {
    let Some(mut world) = World::start(&["a"], 16, 3).await else {
        return;
    };
    world.open().await;
    world.grid(1, 0, 0).await;
    let scripts = "window.scripts = document.scripts.length";
    world.browser.run(scripts).await;

    // Shards are planned for it, and it claims none: they are without an owner.
    let etcd = &world.etcd.endpoints()[0];
    let mut stranger = Stranger::join(etcd, "z", MARKUP, 1_000).await;
    let some =
        "/, [1-9][0-9]* unowned, 0 moving$/.test(document.querySelector('#grid-text').textContent)";
    world.browser.until(some).await;
    let browser = &world.browser;
    let stands = "document.querySelector('#tiles .unowned').classList.contains('some')";
    browser.until(stands).await;
    browser
        .until("document.querySelector('#trouble').textContent.startsWith('Unowned: ')")
        .await;
    browser
        .run("document.querySelector('#tiles .unowned').click()")
        .await;
    browser
        .until("document.querySelector('#shard-rows td.state.unowned')")
        .await;
    let state = "return Array.from(document.querySelectorAll('#shard-rows td.state'))
        .every((cell) => cell.textContent === 'unowned')";
    browser.until(&state.replace("return ", "")).await;
    let shard = browser.text("#shard-rows td").await;
    let shard: u32 = shard.parse().expect("a number");

    // It claims one, and is to give it up again: that one is on its way for as long as it keeps it.
    let epoch = stranger.claim(16, shard).await;
    stranger.leaves().await;
    world.grid(2, 0, 1).await;
    let browser = &world.browser;
    let told =
        format!("document.querySelector('#trouble').textContent === 'Moving: {shard} (z → a).'");
    browser.until(&told).await;
    browser
        .run("document.querySelector('#tiles .moving').click()")
        .await;
    let row = format!(
        "JSON.stringify(Array.from(document.querySelectorAll('#shard-rows tr'), (row) =>
            Array.from(row.children, (cell) => cell.textContent)).flat().slice(0, 5))
         === '[\"{shard}\",\"z\",\"{epoch}\",\"moving\",\"a\"]'"
    );
    browser.until(&row).await;

    // What it says of itself is markup elsewhere.
    let address = serde_json::to_string(MARKUP).expect("text");
    browser
        .until(&format!("{}.startsWith({address})", cell("z", ADDRESS)))
        .await;
    browser
        .until(&format!("{} === 'z (leaving)'", cell("z", NAME)))
        .await;
    browser
        .until(&format!(
            "{}.startsWith('up') === false",
            cell("z", CONNECTION)
        ))
        .await;
    let feed = format!("document.querySelector('#changes').textContent.includes({address})");
    browser.until(&feed).await;
    let made = "return [document.scripts.length - window.scripts, window.ran ?? null,
        document.querySelectorAll('main img, main script').length]";
    assert_eq!(browser.run(made).await, json!([0, null, 0]));
    stranger.end().await;
    world.grid(1, 0, 0).await;

    // The page of the sessions is behind a link, shows a label as text, and leads back.
    let label = "<script>window.ran=1</script>";
    assert_eq!(world.nodes[0].ask(&format!("start {label}")).await, "ok");
    let browser = &world.browser;
    browser
        .run("document.querySelector('#sessions').click()")
        .await;
    browser
        .until("location.pathname === '/cluster/sessions/index.html'")
        .await;
    world.live().await;
    let label = serde_json::to_string(&format!("the room {label}")).expect("text");
    let shown = format!("document.querySelectorAll('#rows td')[1]?.textContent === {label}");
    browser.until(&shown).await;
    assert_eq!(browser.run("return window.ran ?? null").await, json!(null));
    browser
        .run("document.querySelector('#cluster').click()")
        .await;
    browser
        .until("location.pathname === '/cluster/index.html'")
        .await;
    world.live().await;
    world.grid(1, 0, 0).await;
    world.is_content().await;
}
