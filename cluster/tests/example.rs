//! The compiled example `node`, driven through its standard input: what the README has people type.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

#[path = "support/etcd.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod etcd;

/// The example, which cargo builds with the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let profile = test.parent().and_then(Path::parent).expect("its folder");
    let name = format!("node{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(name)
}

/// A running example. Dropped, it is killed.
struct Node {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Node {
    fn start(name: &str, etcd: &str) -> Self {
        let mut program = Command::new(example());
        program.args(["--name", name, "--etcd", etcd]);
        Self::run(name, program)
    }

    fn run(name: &str, mut program: Command) -> Self {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut node = Self {
            stdin: child.stdin.take().expect("piped"),
            stdout: BufReader::new(child.stdout.take().expect("piped")),
            child,
        };
        assert_eq!(node.line(), format!("{name} has joined"));
        node
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("its output");
        line.trim_end().to_owned()
    }

    fn type_in(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("it takes it");
    }

    /// The first line of the answer.
    fn ask(&mut self, command: &str) -> String {
        self.type_in(command);
        self.line()
    }
}

#[test]
fn what_the_readme_types_is_answered_in_a_few_lines() {
    let Some(etcd) = etcd::Cluster::start(1) else {
        return;
    };
    let url = etcd.endpoints().into_iter().next().expect("one server");
    let mut node = Node::start("a", &url);
    assert_eq!(node.ask("open tea"), "tea is open on a");
    assert_eq!(node.ask("open tea"), "tea was open on a");
    assert_eq!(node.ask("say tea hello"), "said");
    assert_eq!(node.ask("read tea"), r#"["hello"]"#);
    let place = node.ask("where tea");
    assert!(place.starts_with("on a: running in epoch "), "{place}");
    assert_eq!(node.ask("where chess"), "on a: no such room");
    assert_eq!(node.ask("list"), "tea on a");
    let error = node.ask("read chess");
    assert_eq!(
        error,
        r#"error: session "chess": no session of this id runs"#
    );
    let error = node.ask("say");
    assert!(error.starts_with(r#"error: "" is not a session id"#));
    let watched = node.ask("watch");
    assert!(watched.starts_with("1 nodes, "), "{watched}");
    node.type_in("drain 60");
    let mut lines = 0;
    // The 512 shards of the node move, and each of them tells of several steps.
    while !node.line().contains("shards are handed over, 0 lost") {
        lines += 1;
        assert!(lines < 50, "not a line for each shard");
    }
    node.type_in("leave");
    while node.line() != "a has left" {}
    assert!(node.child.wait().expect("its end").success());
}

/// What a program tells that ends by an error.
fn refused(program: &mut Command) -> String {
    let ended = program.output().expect("the example starts");
    assert!(!ended.status.success(), "{program:?}");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.starts_with("error: "), "{told}");
    told
}

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(example());
    program.args(["--name", "a"]).args(arguments);
    program.env_remove("ETCD_PASSWORD");
    program
}

#[tokio::test]
async fn a_user_of_etcd_has_its_password_from_the_environment() {
    let Some(etcd) = etcd::Cluster::start(1) else {
        return;
    };
    etcd.demand_users("/session-supervisor/rooms/").await;
    let url = etcd.endpoints().into_iter().next().expect("one server");
    let as_user = || program(&["--etcd", &url, "--etcd-user", "node"]);
    let told = refused(&mut as_user());
    assert!(told.contains("--etcd-user takes the password from ETCD_PASSWORD"));
    let told = refused(as_user().env("ETCD_PASSWORD", "open-sesame"));
    assert!(told.contains("as user \"node\""), "{told}");
    assert!(!told.contains("sesame"), "{told}");
    let mut right = as_user();
    right.env("ETCD_PASSWORD", "secret");
    let mut node = Node::run("a", right);
    assert_eq!(node.ask("open tea"), "tea is open on a");
}

fn certificate(file: &str) -> String {
    format!("{}/tests/gateway/certs/{file}", env!("CARGO_MANIFEST_DIR"))
}

#[cfg(feature = "etcd-tls")]
#[test]
fn it_speaks_tls_with_an_etcd_that_demands_certificates() {
    let [authority, good, key] = ["authority.pem", "good.pem", "good.key"].map(certificate);
    let etcd = etcd::Cluster::start_with(
        1,
        &[
            &format!("--cert-file={good}"),
            &format!("--key-file={key}"),
            &format!("--trusted-ca-file={authority}"),
            "--client-cert-auth=true",
        ],
    );
    let Some(etcd) = etcd else {
        return;
    };
    let url = etcd.endpoints().into_iter().next().expect("one server");
    let told = refused(&mut program(&["--etcd", &url, "--etcd-ca", &authority]));
    assert!(told.contains("is not available"), "{told}");
    let with = ["--etcd-cert", &good, "--etcd-key", &key];
    let told = refused(program(&["--etcd", &url]).args(with));
    let rule = "--etcd-cert and --etcd-key belong together, and need --etcd-ca";
    assert!(told.contains(rule), "{told}");
    let nothing = certificate("no-such.pem");
    let told = refused(&mut program(&["--etcd", &url, "--etcd-ca", &nothing]));
    assert!(told.contains(&nothing), "{told}");
    let mut right = program(&["--etcd", &url, "--etcd-ca", &authority]);
    right.args(with);
    let mut node = Node::run("a", right);
    assert_eq!(node.ask("open tea"), "tea is open on a");
}

#[cfg(not(feature = "etcd-tls"))]
#[test]
fn without_the_feature_tls_to_etcd_is_refused() {
    let told = refused(&mut program(&["--etcd-ca", &certificate("authority.pem")]));
    assert!(
        told.contains("built without the feature `etcd-tls`"),
        "{told}"
    );
}

/// What a program meets first that was started before its etcd.
#[test]
fn an_etcd_that_is_not_there_is_told_in_a_sentence() {
    let told = refused(&mut program(&["--etcd", "http://127.0.0.1:1"]));
    assert!(
        told.contains("http://127.0.0.1:1 is not available"),
        "{told}"
    );
    assert!(told.contains("Connection refused"), "{told}");
    assert!(!told.contains("GRpcStatus"), "{told}");
}

/// `--postgres $STORE` in a shell without the variable, for one: a node that remembers by itself would
/// lose its rooms.
#[test]
fn a_flag_without_its_value_is_refused() {
    for arguments in [
        &["--name", "a", "--postgres"][..],
        &["--name", "a", "--etcd", "--listen", "127.0.0.1:0"],
        &["--name", "a", "--postgre", "postgres://localhost"],
        &["--name"],
    ] {
        let told = refused(Command::new(example()).args(arguments));
        assert!(told.contains("usage: node --name NAME"), "{told}");
    }
}
