//! etcd with certificates: the right ones are taken, and others are told why not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use etcd_client::{Certificate, Identity, TlsOptions};
use session_supervisor_cluster::error::JoinError;
use session_supervisor_cluster::etcd::{Claim, ConnectError, Etcd, EtcdError, EtcdOptions};
use session_supervisor_cluster::{ClusterOptions, EtcdTls};

use crate::node::{chain, join, lease, name, shard, shards};
use crate::support::Cluster;
use crate::wait::until;

/// Certificates in a folder that is removed.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// None: there is no openssl here.
    fn new(test: &str) -> Option<Self> {
        Command::new("openssl").arg("version").output().ok()?;
        let folder = std::env::temp_dir().join(format!(
            "session-supervisor-tls-{}-{test}",
            std::process::id()
        ));
        fs::create_dir_all(&folder).expect("a folder");
        Some(Self(folder))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).expect("a file")
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(&self.0).args(arguments.split(' '));
        let done = command.output().expect("openssl");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 30 -subj /CN={name}"
        ));
    }

    /// A certificate that ends after so many days; it may have ended before.
    fn certificate(&self, name: &str, authority: &str, days: i32) {
        fs::write(self.path("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial \
             -out {name}.pem -days {days} -extfile names"
        ));
    }

    fn servers(&self, certificate: &str) -> Option<Cluster> {
        let file = |end: &str| show(&self.path(&format!("{certificate}.{end}")));
        Cluster::start_with(
            1,
            &[
                &format!("--cert-file={}", file("pem")),
                &format!("--key-file={}", file("key")),
                &format!("--trusted-ca-file={}", show(&self.path("ca.pem"))),
                "--client-cert-auth=true",
            ],
        )
    }

    fn tls(&self, authority: &str, client: Option<&str>) -> TlsOptions {
        let tls = TlsOptions::new().ca_certificate(Certificate::from_pem(self.read(authority)));
        match client {
            Some(name) => tls.identity(Identity::from_pem(
                self.read(&format!("{name}.pem")),
                self.read(&format!("{name}.key")),
            )),
            None => tls,
        }
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

async fn connect(servers: &Cluster, tls: Option<TlsOptions>) -> Etcd {
    let mut options = EtcdOptions::new("/tls").request_timeout(Duration::from_secs(5));
    if let Some(tls) = tls {
        options = options.tls(tls);
    }
    Etcd::connect(servers.endpoints(), options)
        .await
        .expect("options")
}

#[tokio::test]
async fn certificates_decide_who_talks() {
    let Some(folder) = Folder::new("talks") else {
        return;
    };
    for authority in ["ca", "stranger"] {
        folder.authority(authority);
    }
    folder.certificate("server", "ca", 30);
    folder.certificate("node", "ca", 30);
    folder.certificate("over", "ca", -1);
    folder.certificate("foreign", "stranger", 30);
    let Some(servers) = folder.servers("server") else {
        return;
    };

    let etcd = connect(&servers, Some(folder.tls("ca.pem", Some("node")))).await;
    let lease = lease(&etcd, 60).await;
    let claim = lease.keys(name("a")).claim(shard(0)).await;
    assert!(matches!(claim, Ok(Claim::Claimed(_))), "{claim:?}");

    for (authority, client) in [
        ("ca.pem", None),
        ("ca.pem", Some("over")),
        ("ca.pem", Some("foreign")),
        ("stranger.pem", Some("node")),
    ] {
        let etcd = connect(&servers, Some(folder.tls(authority, client))).await;
        let error = etcd.snapshot(shards()).await.expect_err("a refusal");
        assert!(
            matches!(error, EtcdError::Unavailable { .. }),
            "{authority} {client:?}: {error:?}"
        );
    }
    let plain = servers.endpoints()[0].replace("https", "http");
    let etcd = Etcd::connect([plain], EtcdOptions::new("/tls"))
        .await
        .expect("options");
    let error = etcd.snapshot(shards()).await.expect_err("a refusal");
    assert!(matches!(error, EtcdError::Unavailable { .. }), "{error:?}");
    let both = EtcdOptions::new("/tls").tls(folder.tls("ca.pem", None));
    let error = Etcd::connect(["http://127.0.0.1:1"], both).await;
    assert!(
        matches!(error, Err(ConnectError::Endpoint { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_whose_certificate_is_over_is_not_trusted() {
    let Some(folder) = Folder::new("over") else {
        return;
    };
    folder.authority("ca");
    folder.certificate("server", "ca", -1);
    folder.certificate("node", "ca", 30);
    let Some(servers) = folder.servers("server") else {
        return;
    };
    let etcd = connect(&servers, Some(folder.tls("ca.pem", Some("node")))).await;
    let error = etcd.snapshot(shards()).await.expect_err("a refusal");
    let text = format!("{error:?}");
    assert!(text.contains("xpired"), "{text}");
}

#[tokio::test]
async fn a_node_joins_over_tls_and_trusts_no_stranger() {
    let Some(folder) = Folder::new("join") else {
        return;
    };
    for authority in ["ca", "stranger"] {
        folder.authority(authority);
    }
    folder.certificate("server", "ca", 30);
    folder.certificate("node", "ca", 30);
    let Some(servers) = folder.servers("server") else {
        return;
    };
    let options = || {
        let options = ClusterOptions::new("chat", "n", "a secret").shards(4);
        options.etcd(servers.endpoints())
    };
    let trusts = |authority: &str| EtcdTls::from_pem(folder.read(authority)).expect("authorities");
    let shows = |tls: EtcdTls| tls.identity(folder.read("node.pem"), folder.read("node.key"));

    let error = join(options()).await.expect_err("no TLS");
    assert!(matches!(error, JoinError::Connect(_)), "{error:?}");
    let told = chain(&error);
    assert!(told.contains("no TLS was given for it"), "{told}");
    let stranger = shows(trusts("stranger.pem")).expect("a certificate");
    let elsewhere = shows(trusts("ca.pem").server_name("elsewhere")).expect("a certificate");
    for (tls, text) in [(stranger, "UnknownIssuer"), (elsewhere, "elsewhere")] {
        let error = join(options().etcd_tls(tls)).await.expect_err(text);
        let told = chain(&error);
        assert!(told.contains(text), "{told}");
    }
    let certificate = shows(trusts("ca.pem")).expect("a certificate");
    let options = options().etcd_tls(certificate);
    assert!(!format!("{options:?}").contains("KEY"), "{options:?}");
    let cluster = join(options).await.expect("both are trusted");
    until(&cluster, |status| status.unowned == 0).await;
    cluster.leave().await;
}
