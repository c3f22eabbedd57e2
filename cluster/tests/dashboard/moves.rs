//! What happens in the cluster is seen on the page, and so is that nothing is heard of it.

use crate::world::{NAME, SESSIONS, SHARDS, World, cell};

/// The text of the table of shards, and what the nodes' rows say, follow the shards.
pub(crate) async fn moves() {
    let Some(mut world) = World::start(&["a"], 64, 3).await else {
        return;
    };
    world.open().await;
    world.grid(1, 0, 0).await;
    let is = |what: &str, text: &str| format!("{what} === '{text}'");
    let browser = &world.browser;
    browser.until(&is(&cell("a", SHARDS), "64")).await;
    browser
        .until(&is(&cell("a", NAME), "a (here, plans)"))
        .await;
    let pixels = "return document.querySelector('#cells').toDataURL()";
    let before = browser.run(pixels).await;
    for n in 0..5 {
        assert_eq!(world.nodes[0].ask(&format!("start room-{n}")).await, "ok");
    }
    world.browser.until(&is(&cell("a", SESSIONS), "5")).await;

    // One that joins takes its share, and has told how many sessions it has.
    world.add("b").await;
    world.grid(2, 0, 0).await;
    let browser = &world.browser;
    let share = |node: &str| format!("Number({})", cell(node, SHARDS));
    let divided = format!(
        "{} + {} === 64 && {} > 15",
        share("a"),
        share("b"),
        share("b")
    );
    browser.until(&divided).await;
    assert_ne!(
        browser.run(pixels).await,
        before,
        "the grid has another color"
    );
    browser
        .until(&format!(
            "Number.isInteger(Number({}))",
            cell("b", SESSIONS)
        ))
        .await;
    let feed =
        |text: &str| format!("document.querySelector('#changes').textContent.includes('{text}')");
    browser
        .until(&feed("node b has joined at 127.0.0.1:"))
        .await;
    // A hand-over that is quicker than a beat is one change, else there are two.
    let claimed = [feed("to node b: "), feed("node b has claimed ")].join(" || ");
    browser.until(&claimed).await;
    let row_of_b = "Array.from(document.querySelectorAll('#shard-rows tr'))
        .some((row) => row.children[1].textContent === 'b' && Number(row.children[2].textContent) > 0)";
    browser.until(row_of_b).await;

    // One that leaves in order gives all back, each shard in a greater epoch.
    let mut leaving = world.take("b");
    assert_eq!(leaving.ask("leave").await, "left");
    world.grid(1, 0, 0).await;
    let browser = &world.browser;
    browser.until(&is(&cell("a", SHARDS), "64")).await;
    browser
        .until(&format!("{} === undefined", cell("b", NAME)))
        .await;
    browser.until(&feed("node b is gone")).await;

    // One that is killed is gone with its lease, and the rest is told in the same way.
    world.add("c").await;
    world.grid(2, 0, 0).await;
    world.take("c").kill().await;
    world.grid(1, 0, 0).await;
    world.browser.until(&feed("node c is gone")).await;
    world.is_content().await;
}

pub(crate) async fn lost() {
    let Some(mut world) = World::start(&["a"], 16, 3).await else {
        return;
    };
    world.open().await;
    world.grid(1, 0, 0).await;
    // A node that has left says so itself.
    let mut node = world.take("a");
    assert_eq!(node.ask("leave").await, "left");
    let ended = "document.querySelector('#connection').className === 'ended'";
    world.browser.until(ended).await;
    let told = world.browser.text("#lost").await;
    assert!(told.contains("has left the cluster"), "{told}");
    world.nodes.push(node);
    // One that is killed cannot.
    world.add("b").await;
    world.take("a").kill().await;
    world.open().await;
    world.take("b").kill().await;
    let lost = "document.querySelector('#connection').className === 'lost'";
    world.browser.until(lost).await;
    let told = world.browser.text("#lost").await;
    assert!(told.contains("The server is lost since"), "{told}");
    let dimmed = "return document.body.classList.contains('stale')";
    assert_eq!(world.browser.run(dimmed).await, true);
}
