//! A schema belongs to the first cluster that uses it, and no other one gets it.

use std::thread;

use session_supervisor_cluster::error::JoinError;
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds, PostgresOptions};
use session_supervisor_store::error::OpenError;
use session_supervisor_store::{OtherCluster, Part, SessionStore, StoreError};

use crate::etcd;
use crate::server;
use crate::support::{Hand, chain, ids, open, remember, under};

/// Who has it, by an error of one that does not get it.
fn owner(error: &StoreError) -> &OtherCluster {
    match error {
        StoreError::OtherCluster(cause) => cause.downcast_ref().expect("who has it"),
        error => panic!("it is refused for something else: {error:?}"),
    }
}

#[test]
fn the_first_cluster_has_it_until_it_is_given_free() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let options = server.options().schema("bound");
    let named: PostgresOptions = format!("{}?application_name=first", server.url())
        .parse()
        .expect("a URL");
    let mut first = open(&named.schema("bound"));
    first.bind("chat/1").expect("it is free");
    first.bind("chat/1").expect("it is its own");
    open(&options).bind("chat/1").expect("another node of it");
    first.apply(&under(0, [remember("a", 1)])).expect("a write");

    let mut other = open(&options);
    let error = other.bind("chat/2").expect_err("it is another's");
    assert_eq!(
        chain(&error),
        "the store belongs to another cluster: it is bound to chat/1, and this is chat/2: each cluster \
         needs a store of its own"
    );
    assert_eq!(owner(&error), &OtherCluster::new("chat/2", "chat/1"));
    assert_eq!(hand.read("SELECT cluster FROM bound.meta"), "chat/1");

    // As the documentation says.
    hand.run("UPDATE bound.meta SET cluster = NULL; UPDATE bound.parts SET epoch = 0");
    other.bind("chat/2").expect("it is free");
    assert_eq!(ids(&mut other, Part::ALL), ["a"]);
    // One that was not stopped before finds it when it connects anew.
    hand.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'first'",
    );
    let error = loop {
        match first.apply(&under(0, [remember("b", 1)])) {
            Err(StoreError::Unreachable(_)) => {}
            Err(error) => break error,
            Ok(()) => panic!("it wrote what is another cluster's"),
        }
    };
    assert_eq!(owner(&error), &OtherCluster::new("chat/1", "chat/2"));
    assert_eq!(ids(&mut other, Part::ALL), ["a"]);
}

#[test]
fn of_many_that_ask_at_once_one_gets_it() {
    let Some(server) = server::shared() else {
        return;
    };
    let options = server.options();
    drop(open(&options));
    let asked = thread::scope(|scope| {
        let ask = |number: u32| {
            let options = &options;
            let name = format!("chat/{number}");
            scope.spawn(move || (open(options).bind(&name), name))
        };
        let asking: Vec<_> = (0..8).map(ask).collect();
        let asked = asking
            .into_iter()
            .map(|asking| asking.join().expect("an answer"));
        asked.collect::<Vec<_>>()
    });
    let has: Vec<_> = asked.iter().filter(|(bound, _)| bound.is_ok()).collect();
    assert_eq!(has.len(), 1, "{asked:?}");
    for (bound, name) in &asked {
        if let Err(error) = bound {
            assert_eq!(owner(error), &OtherCluster::new(name, &has[0].1));
        }
    }
}

#[test]
fn tables_of_the_version_before_are_brought_up_to_date() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let options = server.options().schema("version_1");
    let mut old = open(&options);
    old.apply(&under(0, [remember("a", 1)])).expect("a write");
    hand.run(
        "ALTER TABLE version_1.meta DROP COLUMN cluster; UPDATE version_1.meta SET version = 1",
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| open(&options).bind("chat/1").expect("it is free"));
        }
    });
    assert_eq!(hand.read("SELECT version FROM version_1.meta"), "2");
    assert_eq!(hand.read("SELECT cluster FROM version_1.meta"), "chat/1");
    assert_eq!(ids(&mut open(&options), Part::ALL), ["a"]);
}

#[tokio::test]
async fn a_node_of_another_cluster_does_not_join() {
    let (Some(server), Some(etcd)) = (server::shared(), etcd::shared()) else {
        return;
    };
    let join = async |name: &str, store: &PostgresOptions| {
        let options = ClusterOptions::new(name, "n", "a secret").shards(8);
        let options = options.etcd(etcd.endpoints());
        ClusterSupervisor::join(options, Kinds::new(), open(store)).await
    };
    let store = server.options().shards(8);
    let chat = join("chat", &store).await.expect("it is free");
    chat.leave().await;
    let error = join("mail", &store).await.expect_err("it is chat's");
    let told = chain(&error);
    assert!(told.contains("it is bound to chat/"), "{told}");
    assert!(told.contains(", and this is mail/"), "{told}");
    assert!(
        matches!(
            error,
            JoinError::Sessions(OpenError::Bind(StoreError::OtherCluster(_)))
        ),
        "{error:?}"
    );
    let chat = join("chat", &store).await.expect("it is its own");
    chat.leave().await;
    let other = server.options().shards(8);
    let mail = join("mail", &other).await.expect("a schema of its own");
    mail.leave().await;
}
