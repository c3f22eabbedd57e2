//! PostgreSQL for tests: a server of its own in a temporary folder, on a free port of this machine. It is
//! ended when the test is over.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use session_supervisor_cluster::PostgresOptions;

/// How long it may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(90);

/// What its superuser is called. It needs no password.
pub(crate) const USER: &str = "sessions";

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    running: Option<Child>,
}

impl Server {
    /// Starts one, and waits until it answers. None: there is no PostgreSQL on this machine, which is
    /// printed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The same, one that lets nobody in but by TLS: a certificate and its key, in PEM.
    pub(crate) fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        Self::start_with(Some((certificate, key)))
    }

    fn start_with(tls: Option<(&str, &str)>) -> Option<Self> {
        let Some(programs) = programs() else {
            // Not by a macro that the test harness captures.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: no PostgreSQL and user `postgres` on this machine, this test shows nothing \
                 (Debian: apt install postgresql)"
            );
            return None;
        };
        // A port that was free may be taken a moment later.
        let start = |_| Self::try_start(&programs, tls);
        (0..5).find_map(start).map_or_else(
            || {
                panic!(
                    "PostgreSQL does not start: see its log in {}*",
                    folder("").display()
                )
            },
            Some,
        )
    }

    fn try_start(programs: &Path, tls: Option<(&str, &str)>) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = folder(&format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        if let Some((user, group)) = other_user() {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).expect("to give it away");
        }
        let made = command(&programs.join("initdb"))
            .args(["--encoding=UTF8", "--locale=C", "--no-sync", "--auth=trust"])
            .args(["--username", USER])
            .arg(folder.join("data"))
            .output()
            .expect("initdb");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        // Passwords are slow without optimization; those of other users are asked for.
        let host = if tls.is_some() { "hostssl" } else { "host" };
        let access = format!(
            "{host} all {USER} 127.0.0.1/32 trust\n{host} all all 127.0.0.1/32 scram-sha-256\n"
        );
        if let Some((certificate, key)) = tls {
            with_tls(&folder.join("data"), certificate, key);
        }
        fs::write(folder.join("data/pg_hba.conf"), access).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut server = Self {
            folder,
            programs: programs.to_owned(),
            port,
            running: None,
        };
        let ready = server.spawn();
        is_ready(&ready).then_some(server)
    }

    fn spawn(&mut self) -> Receiver<()> {
        let mut child = command(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.display()))
            .args(["-c", "fsync=on", "-c", "max_connections=60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postgres");
        let stderr = child.stderr.take().expect("its log");
        self.running = Some(child);
        let (tell, ready) = channel();
        let log = self.folder.join("log");
        thread::spawn(move || follow(stderr, &log, &tell));
        ready
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Options for a schema of its own, so that tests share a server.
    pub(crate) fn options(&self) -> PostgresOptions {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let options: PostgresOptions = self.url().parse().expect("a URL");
        options.schema(format!("s{number}"))
    }

    /// Ends all its processes at once, as a machine that loses its power does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.running.take().expect("it runs");
        let all = self.processes_of(child.id());
        signal("-KILL", &all);
        child.wait().expect("its end");
        // They hold its memory until they are gone.
        until("its processes are gone", || {
            !all.iter().any(|process| runs(*process))
        });
    }

    /// Starts it again, with what it had on its disk.
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none(), "it runs");
        assert!(is_ready(&self.spawn()), "PostgreSQL starts again");
    }

    /// Stops its processes as they are: its connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        let child = self.running.as_ref().expect("it runs");
        signal("-STOP", &self.processes_of(child.id()));
    }

    /// Lets them go on.
    pub(crate) fn resume(&self) {
        let child = self.running.as_ref().expect("it runs");
        signal("-CONT", &self.processes_of(child.id()));
    }

    fn processes_of(&self, server: u32) -> Vec<u32> {
        let mut all = vec![server];
        for entry in fs::read_dir("/proc").expect("processes").flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if let Some(number) = number
                && stat(number).is_some_and(|(_, parent)| parent == server)
            {
                all.push(number);
            }
        }
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let all = self.processes_of(child.id());
            signal("-CONT", &all);
            // At once, but with its memory given back.
            signal("-QUIT", &all[..1]);
            let _ = child.wait();
        }
        // The log of a test that failed stays.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One server that all tests of a process share while some of them run. Each has its own schema.
pub(crate) fn shared() -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(Server::start()?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// Its key may be read by none but the server.
fn with_tls(data: &Path, certificate: &str, key: &str) {
    fs::write(data.join("server.crt"), certificate).expect("a file");
    let file = data.join("server.key");
    fs::write(&file, key).expect("a file");
    let only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, only).expect("its mode");
    if let Some((user, group)) = other_user() {
        std::os::unix::fs::chown(&file, Some(user), Some(group)).expect("to give it away");
    }
    let settings = File::options()
        .append(true)
        .open(data.join("postgresql.conf"));
    writeln!(settings.expect("a file"), "ssl = on").expect("a setting");
}

/// Looks again until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < START, "it takes too long until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("session-supervisor-postgres-{name}"))
}

/// Where its programs are: the latest version that Debian has installed, or those of the `PATH`.
fn programs() -> Option<PathBuf> {
    if is_root() && other_user().is_none() {
        return None;
    }
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = installed
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    found.retain(|folder| folder.join("initdb").exists());
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.pop().or_else(on_path)
}

fn is_root() -> bool {
    id(&["-u"]) == Some(0)
}

/// The server does not run as root, but as this one.
fn other_user() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}

fn id(arguments: &[&str]) -> Option<u32> {
    let answer = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&answer.stdout).trim().parse().ok()
}

/// The process is the program itself in the end, so that signals reach it.
fn command(program: &Path) -> Command {
    match other_user() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            command.arg("--clear-groups").arg(program);
            command
        }
    }
}

/// Sends a signal to processes.
pub(crate) fn signal(signal: &str, processes: &[u32]) {
    let mut kill = Command::new("kill");
    kill.arg(signal).args(processes.iter().map(u32::to_string));
    // One that has ended meanwhile is fine.
    let _ = kill.stderr(Stdio::null()).status().expect("kill");
}

fn runs(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != 'Z')
}

/// The state and the parent of a process.
fn stat(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut rest = stat.rsplit(')').next()?.split_whitespace();
    Some((rest.next()?.chars().next()?, rest.next()?.parse().ok()?))
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
        if line.contains("database system is ready to accept connections") {
            let _ = tell.send(());
        }
    }
}

/// False: it has ended at once, which a port that is taken leads to.
fn is_ready(ready: &Receiver<()>) -> bool {
    match ready.recv_timeout(START) {
        Ok(()) => true,
        Err(RecvTimeoutError::Disconnected) => false,
        Err(RecvTimeoutError::Timeout) => panic!("PostgreSQL did not start within {START:?}"),
    }
}
