//! What every store has to hold, and what one that several owners share.

use session_supervisor_store::contract;

use crate::server;
use crate::support::open;

#[test]
fn it_holds_what_any_store_has_to_hold() {
    let Some(server) = server::shared() else {
        return;
    };
    contract::check(|| {
        let options = server.options().shards(4);
        move || open(&options)
    });
}

#[test]
fn it_holds_what_a_shared_store_has_to_hold() {
    let Some(server) = server::shared() else {
        return;
    };
    contract::check_shared(|| {
        let options = server.options().shards(4);
        move || open(&options)
    });
}
