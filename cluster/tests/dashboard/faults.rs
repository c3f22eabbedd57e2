//! What keeps the node from its work is on its page for as long as it does.

use crate::world::World;

const HIDDEN: &str = "document.querySelector('#faults').hidden === true";

/// The title is what is read aloud, and only when it changes.
const TITLE: &str = "Faults of node a: it cannot join again";

pub(crate) async fn faults() {
    let Some(mut world) = World::start(&["a"], 16, 3).await else {
        return;
    };
    world.open().await;
    world.grid(1, 0, 0).await;
    let nothing = format!(
        "return {HIDDEN} && document.querySelector('#faults-title').textContent === ''
            && document.querySelectorAll('#fault-list li').length === 0"
    );
    assert_eq!(world.browser.run(&nothing).await, true);

    world.etcd.stop(0);
    let told = format!(
        "document.querySelector('#faults-title[role=\"alert\"]').textContent === '{TITLE}'
            && document.querySelectorAll('#fault-list li').length === 1
            && document.querySelector('#fault-list li').textContent.startsWith('not joined again: ')
            && document.querySelector('#faults').offsetHeight > 0"
    );
    world.browser.until(&told).await;
    // Its colors are compared with those of all else.
    for scheme in ["light", "dark"] {
        world.browser.scheme(scheme).await;
        world.browser.size(400, 800).await;
        let wide = "return document.documentElement.scrollWidth";
        let wide = world.browser.run(wide).await.as_u64();
        assert!(wide.is_some_and(|wide| wide <= 400), "{wide:?} in {scheme}");
    }

    world.etcd.start_again(0);
    world.browser.until(HIDDEN).await;
    assert_eq!(world.browser.run(&nothing).await, true);
    world.is_content().await;
}
