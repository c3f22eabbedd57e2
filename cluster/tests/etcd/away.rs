//! No etcd: clear errors, in time, and everything goes on when it comes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::etcd::{
    ConnectError, Etcd, EtcdError, EtcdOptions, GrantError, Lease, Outcome, Seen, SettingsError,
    WantedSettings, Watch,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::node::{shards, soon, ttl};
use crate::support::{Cluster, free_ports};

const WANTED: WantedSettings<'_> = WantedSettings {
    name: "chat",
    shards: 512,
    hash: 1,
    protocol: 1,
};

async fn at(endpoint: &str, limit: Duration) -> Etcd {
    let options = EtcdOptions::new("/away").request_timeout(limit);
    Etcd::connect([endpoint], options).await.expect("options")
}

/// Every request, and what each has come to.
async fn everything(etcd: &Etcd) -> Vec<EtcdError> {
    let settings = match etcd.settings(WANTED).await {
        Err(SettingsError::Etcd(error)) => error,
        other => panic!("{other:?}"),
    };
    let lease = match Lease::grant(etcd, ttl(10), Clock::real()).await {
        Err(GrantError::Etcd(error)) => error,
        other => panic!("{other:?}"),
    };
    let snapshot = etcd.snapshot(shards()).await.expect_err("no etcd");
    let owner = etcd
        .owner(crate::node::shard(0))
        .await
        .expect_err("no etcd");
    vec![settings, lease, snapshot, owner]
}

#[tokio::test]
async fn where_nothing_listens_every_request_fails_at_once() {
    let endpoint = format!("http://127.0.0.1:{}", free_ports(1)[0]);
    let etcd = at(&endpoint, Duration::from_secs(30)).await;
    let started = Instant::now();
    for error in everything(&etcd).await {
        assert!(matches!(error, EtcdError::Unavailable { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains(&endpoint), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A server that takes connections and does that with each.
async fn serve(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(answer).await;
                let mut heard = [0; 1024];
                while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    address
}

#[tokio::test]
async fn what_never_answers_is_given_up_in_time() {
    let address = serve(b"").await;
    let etcd = at(&format!("http://{address}"), Duration::from_millis(200)).await;
    let started = Instant::now();
    for error in everything(&etcd).await {
        assert!(matches!(error, EtcdError::TimedOut { .. }), "{error:?}");
    }
    let taken = started.elapsed();
    assert!(taken >= Duration::from_millis(800), "{taken:?}");
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}

#[tokio::test]
async fn what_answers_something_else_is_an_error() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..],
        b"\x00\x00\x00\x00\x00\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"220 mail.example.org ESMTP\r\n",
    ] {
        let address = serve(answer).await;
        let etcd = at(&format!("http://{address}"), Duration::from_millis(500)).await;
        for error in everything(&etcd).await {
            assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        }
    }
}

#[tokio::test]
async fn endpoints_are_checked() {
    let options = || EtcdOptions::new("/away");
    let none = Etcd::connect(Vec::<String>::new(), options()).await;
    assert!(matches!(none, Err(ConnectError::NoEndpoint)));
    for bad in [
        "",
        "http://",
        "http://a b",
        "ht tp://a",
        "http://[::1",
        "http://a:99999",
        "http://a:",
    ] {
        let error = Etcd::connect(["http://127.0.0.1:1", bad], options()).await;
        let Err(ConnectError::Endpoint { endpoint, .. }) = error else {
            panic!("{bad}: {error:?}");
        };
        assert_eq!(endpoint, bad);
    }
    let good = [
        "http://a",
        "a:2379",
        "http://[::1]:2379",
        "http://10.0.0.1:2379/",
    ];
    Etcd::connect(good, options()).await.expect("endpoints");
    let error = Etcd::connect(["http://a"], EtcdOptions::new("away")).await;
    let text = error.expect_err("no prefix").to_string();
    assert!(
        text.starts_with("bad prefix \"away\": it must be"),
        "{text}"
    );
}

#[tokio::test]
async fn an_etcd_that_comes_later_is_found_by_the_same_handle_and_the_watch() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    servers.stop(0);
    let etcd = at(&servers.endpoints()[0], Duration::from_secs(5)).await;
    let mut watch = Watch::start(&etcd, shards());
    etcd.settings(WANTED).await.expect_err("no etcd");
    servers.start_again(0);
    etcd.settings(WANTED).await.expect("settings");
    let first = soon("the first view", watch.next()).await;
    assert!(matches!(first, Some(Seen::Reset(_))), "{first:?}");
}
