//! etcd for tests: one server or three, in a temporary folder, on free ports of this machine. They are
//! killed when the test is over.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use etcd_client::{Client, Permission, PermissionType};

/// How long a server may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(90);

/// Whether there is an etcd on this machine.
pub(crate) fn is_there() -> bool {
    Command::new("etcd").arg("--version").output().is_ok()
}

/// The servers of one etcd.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    servers: Vec<Server>,
    flags: Vec<String>,
}

#[derive(Debug)]
struct Server {
    name: String,
    client: u16,
    peer: u16,
    running: Option<Child>,
}

impl Cluster {
    /// Starts one server or several, and waits until they answer. None: there is no etcd on this
    /// machine, which is printed.
    pub(crate) fn start(count: usize) -> Option<Self> {
        Self::start_with(count, &[])
    }

    /// The same, with more flags for each server.
    pub(crate) fn start_with(count: usize, flags: &[&str]) -> Option<Self> {
        if !is_there() {
            // Not by a macro that the test harness captures.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: no `etcd` on the PATH, this test shows nothing (Debian: apt install etcd-server)"
            );
            return None;
        }
        // A port that was free may be taken a moment later.
        (0..5)
            .find_map(|_| Self::try_start(count, flags))
            .map_or_else(
                || {
                    panic!(
                        "etcd does not start: see its log in {}",
                        folder("").display()
                    )
                },
                Some,
            )
    }

    fn try_start(count: usize, flags: &[&str]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = folder(&format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let ports = free_ports(count * 2);
        let servers = ports.chunks(2).enumerate().map(|(index, ports)| Server {
            name: format!("s{index}"),
            client: ports[0],
            peer: ports[1],
            running: None,
        });
        let mut cluster = Self {
            folder,
            servers: servers.collect(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        let ready: Vec<_> = (0..count).map(|index| cluster.spawn(index)).collect();
        let up = ready.into_iter().all(|ready| is_ready(&ready));
        up.then_some(cluster)
    }

    /// The URLs for clients.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        let scheme = if self
            .flags
            .iter()
            .any(|flag| flag.starts_with("--cert-file"))
        {
            "https"
        } else {
            "http"
        };
        let url = |server: &Server| format!("{scheme}://127.0.0.1:{}", server.client);
        self.servers.iter().map(url).collect()
    }

    /// Demands a user from now on: `root`, or `node`, which has the keys that begin with a prefix. The password
    /// of each is `secret`.
    pub(crate) async fn demand_users(&self, prefix: &str) {
        let client = Client::connect(self.endpoints(), None).await;
        let mut client = client.expect("a client");
        for user in ["root", "node"] {
            let added = client.user_add(user, "secret", None).await;
            added.expect("a user");
            client.role_add(user).await.expect("a role");
            let granted = client.user_grant_role(user, user).await;
            granted.expect("a grant");
        }
        let keys = Permission::new(PermissionType::Readwrite, prefix).with_prefix();
        let granted = client.role_grant_permission("node", keys).await;
        granted.expect("a grant");
        client.auth_enable().await.expect("users");
    }

    /// Kills one.
    pub(crate) fn stop(&mut self, index: usize) {
        if let Some(mut child) = self.servers[index].running.take() {
            child.kill().expect("a process to kill");
            child.wait().expect("its end");
        }
    }

    /// Starts one again, with what it had on its disk. It answers if a majority runs.
    pub(crate) fn start_again(&mut self, index: usize) {
        assert!(self.servers[index].running.is_none(), "it runs");
        let ready = self.spawn(index);
        assert!(is_ready(&ready), "etcd starts again");
    }

    /// Starts one that has nothing on its disk, as the server of another etcd.
    pub(crate) fn start_as_another(&mut self, index: usize) {
        let token = "--initial-cluster-token=another";
        self.flags.push(token.to_owned());
        self.start_again(index);
    }

    /// Copies what one that was stopped has on its disk, in place of an earlier copy.
    pub(crate) fn back_up(&self, index: usize) {
        assert!(self.servers[index].running.is_none(), "it runs");
        let (data, copy) = self.folders(index);
        let _ = fs::remove_dir_all(&copy);
        copy_folder(&data, &copy);
    }

    /// Gives one that was stopped what it had on its disk when it was copied.
    pub(crate) fn restore(&self, index: usize) {
        let (data, copy) = self.folders(index);
        self.forget(index);
        copy_folder(&copy, &data);
    }

    /// Takes from one that was stopped all that it has on its disk.
    pub(crate) fn forget(&self, index: usize) {
        assert!(self.servers[index].running.is_none(), "it runs");
        fs::remove_dir_all(self.folders(index).0).expect("a folder");
    }

    fn folders(&self, index: usize) -> (PathBuf, PathBuf) {
        let name = &self.servers[index].name;
        let copy = self.folder.join(format!("{name}.copy"));
        (self.folder.join(name), copy)
    }

    /// Stops the process of one, as it is: its connections stay open, and nothing answers.
    pub(crate) fn pause(&self, index: usize) {
        self.signal(index, "-STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self, index: usize) {
        self.signal(index, "-CONT");
    }

    fn signal(&self, index: usize, signal: &str) {
        let child = self.servers[index].running.as_ref().expect("it runs");
        let kill = Command::new("kill")
            .arg(signal)
            .arg(child.id().to_string())
            .status();
        assert!(kill.expect("kill").success());
    }

    fn spawn(&mut self, index: usize) -> Receiver<()> {
        let all = self.servers.iter();
        let all = all.map(|server| format!("{}=http://127.0.0.1:{}", server.name, server.peer));
        let all = all.collect::<Vec<_>>().join(",");
        let client = &self.endpoints()[index];
        let server = &mut self.servers[index];
        let peer = format!("http://127.0.0.1:{}", server.peer);
        let log = self.folder.join(format!("{}.log", server.name));
        let mut child = Command::new("etcd")
            .args(["--name", &server.name, "--initial-cluster-state", "new"])
            .arg("--data-dir")
            .arg(self.folder.join(&server.name))
            .args([
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &all, "--logger", "zap"])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("etcd");
        let stderr = child.stderr.take().expect("its log");
        server.running = Some(child);
        let (tell, ready) = channel();
        thread::spawn(move || follow(stderr, &log, &tell));
        ready
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for index in 0..self.servers.len() {
            self.stop(index);
        }
        // The log of a test that failed stays.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One server that all tests of a process share while some of them run. Each has its own prefix.
pub(crate) fn shared() -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return Some(cluster);
    }
    let cluster = Arc::new(Cluster::start(1)?);
    *shared = Arc::downgrade(&cluster);
    Some(cluster)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("session-supervisor-etcd-{name}"))
}

/// Ports that nothing listens on, all different, and asked for by no other thread. They lie below those that
/// a system gives to outgoing connections, so that none of these takes one before its server listens.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const MANY: u16 = 20_000;
    // Programs that run at once begin in different places.
    let begin = std::process::id().wrapping_mul(100) % u32::from(MANY);
    let begin = u16::try_from(begin).expect("it is less");
    let port = |_| FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % MANY) % MANY;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports: Vec<_> = (0..MANY).map(port).filter(is_free).take(count).collect();
    assert_eq!(ports.len(), count, "there are not as many free ports");
    ports
}

/// Copies the log, and tells when the server answers.
fn follow(stderr: ChildStderr, log: &Path, tell: &Sender<()>) {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(log)
        .expect("a file");
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { return };
        let _ = writeln!(file, "{line}");
        if line.contains("ready to serve client requests")
            || line.contains("serving client traffic")
        {
            let _ = tell.send(());
        }
    }
}

/// False: it has ended at once, which a port that is taken leads to.
fn is_ready(ready: &Receiver<()>) -> bool {
    match ready.recv_timeout(START) {
        Ok(()) => true,
        Err(RecvTimeoutError::Disconnected) => false,
        Err(RecvTimeoutError::Timeout) => panic!("etcd did not start within {START:?}"),
    }
}
