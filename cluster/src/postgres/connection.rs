//! One connection to the server: how it is made, what it is told about time limits, and whether it is
//! still there.

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor_store::StoreError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls, Socket};

use super::error::{OpenPostgresError, TimedOut, asks_for_tls, meaning};
use super::options::PostgresOptions;
use super::schema::{self, Known};
use super::statements::Statements;
use super::tls::Connector;

/// What a connection is made to, and how.
pub(super) struct Server {
    config: Config,
    /// Where it is, for people.
    pub(super) name: String,
    pub(super) schema: String,
    /// The same, as it stands in a statement.
    pub(super) quoted: String,
    pub(super) shards: u32,
    pub(super) limit: Duration,
    tls: Option<Connector>,
}

/// A connection that is set up.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) statements: Statements,
    /// Of the tables that it found.
    pub(super) mark: String,
    _driver: Driver,
}

/// The task that reads and writes the socket. Where it ends, the socket is closed.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Driver {
    fn of<S>(socket: tokio_postgres::Connection<Socket, S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self(tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::debug!("the connection to PostgreSQL ended: {error}");
            }
        }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    pub(super) fn of(options: PostgresOptions) -> Result<Self, OpenPostgresError> {
        options.check()?;
        let PostgresOptions {
            mut config,
            schema,
            shards,
            timeout,
            tls,
        } = options;
        if tls.is_some() {
            // As the URL is by default, a server without TLS would be talked to all the same.
            config.ssl_mode(SslMode::Require);
        }
        if config.get_application_name().is_none() {
            config.application_name("session-supervisor");
        }
        Ok(Self {
            name: name(&config),
            quoted: format!("\"{}\"", schema.replace('"', "\"\"")),
            config,
            schema,
            shards,
            limit: timeout,
            tls: tls.map(Connector::from),
        })
    }

    /// A new connection, in the time of one call. To the tables that are known, if there were some.
    pub(super) async fn connect(
        &self,
        known: Option<&Known>,
    ) -> Result<Connection, OpenPostgresError> {
        match timeout(self.limit, self.connect_and_check(known)).await {
            Ok(connected) => connected,
            Err(_) => Err(OpenPostgresError::Connect {
                server: self.name.clone(),
                cause: Box::new(self.timed_out()),
            }),
        }
    }

    async fn connect_and_check(
        &self,
        known: Option<&Known>,
    ) -> Result<Connection, OpenPostgresError> {
        let connected = match &self.tls {
            None => {
                let connected = self.config.connect(NoTls).await;
                connected.map(|(client, socket)| (client, Driver::of(socket)))
            }
            Some(tls) => {
                let connected = self.config.connect(tls.clone()).await;
                connected.map(|(client, socket)| (client, Driver::of(socket)))
            }
        };
        let (client, driver) = connected.map_err(|cause| self.not_connected(cause))?;
        let failed = |cause| OpenPostgresError::Store(meaning(cause));
        client
            .batch_execute(&self.settings())
            .await
            .map_err(failed)?;
        let mark = schema::set_up(&client, self, known).await?;
        self.warn_of_no_fsync(&client).await;
        let statements = Statements::prepare(&client, &self.quoted).await;
        Ok(Connection {
            client,
            statements: statements.map_err(failed)?,
            mark,
            _driver: driver,
        })
    }

    fn not_connected(&self, cause: tokio_postgres::Error) -> OpenPostgresError {
        let (server, cause) = (self.name.clone(), Box::new(cause));
        if self.tls.is_none() && asks_for_tls(&cause) {
            OpenPostgresError::NoTls { server, cause }
        } else {
            OpenPostgresError::Connect { server, cause }
        }
    }

    /// The idle limit is below the lock limit: a connection that holds a lock and sends nothing loses it
    /// before those that wait for the lock give up. Keepalives find a client that is gone.
    ///
    /// Each request gets a plan of its own, from how large the tables are now: one that was made for a table
    /// that was empty would read all of it later on. What is asked is always found by an index.
    fn settings(&self) -> String {
        let limit = self.limit.as_millis();
        let (lock, idle) = (limit / 2, limit / 4);
        let alive = (limit / 2_000).max(1);
        format!(
            "SET statement_timeout = {limit}; SET lock_timeout = {lock};
             SET idle_in_transaction_session_timeout = {idle}; SET tcp_user_timeout = {limit};
             SET tcp_keepalives_idle = {alive}; SET tcp_keepalives_interval = {alive};
             SET tcp_keepalives_count = 2;
             SET search_path = pg_catalog; SET jit = off;
             SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off;
             SET enable_hashjoin = off; SET enable_mergejoin = off;
             SELECT set_config('synchronous_commit', 'on', false)
                WHERE current_setting('synchronous_commit') = 'off'"
        )
    }

    async fn warn_of_no_fsync(&self, client: &Client) {
        let fsync = client
            .query_one("SELECT current_setting('fsync')", &[])
            .await;
        if fsync
            .and_then(|row| row.try_get::<_, String>(0))
            .is_ok_and(|fsync| fsync == "off")
        {
            tracing::warn!(
                "PostgreSQL at {} runs with fsync = off: what it answers is lost if its machine ends",
                self.name
            );
        }
    }

    /// The connection that there was, or a new one.
    ///
    /// A write that got no answer may still be under way. It is waited for, by the locks that it holds, so
    /// that it is made before whatever is asked next, or not at all.
    pub(super) async fn reach(
        &self,
        tables: &Known,
        known: Option<Connection>,
        unsettled: &mut BTreeSet<i32>,
    ) -> Result<Connection, StoreError> {
        // The task of the connection has not run since the last call, and may find that it is closed.
        for _ in 0..3 {
            yield_now().await;
        }
        if let Some(connection) = known.filter(|connection| !connection.client.is_closed()) {
            return Ok(connection);
        }
        let connection = self.connect(Some(tables)).await?;
        if !unsettled.is_empty() {
            let shards: Vec<_> = unsettled.iter().copied().collect();
            let locks = &connection.statements.owned;
            let settled = async {
                let locked = connection.client.query(locks, &[&shards]).await;
                locked.map_err(meaning)
            };
            match within(self, settled).await {
                Ok(_) => unsettled.clear(),
                // It can be read all the same.
                Err(StoreError::ReadOnly(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(connection)
    }

    pub(super) async fn roll_back(&self, connection: &Connection) -> Result<(), StoreError> {
        let end = async { connection.client.batch_execute("ROLLBACK").await };
        within(self, async { end.await.map_err(meaning) }).await
    }

    fn timed_out(&self) -> TimedOut {
        TimedOut {
            server: self.name.clone(),
            within: self.limit,
        }
    }
}

/// Bounds the time of something that is asked.
pub(super) async fn within<T>(
    server: &Server,
    ask: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(server.limit, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::Unreachable(Box::new(server.timed_out()))),
    }
}

/// Where the server is, without a password.
fn name(config: &Config) -> String {
    let mut ports = config.get_ports().iter().copied().cycle();
    let hosts = config.get_hosts().iter().map(|host| {
        let port = ports.next().unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let hosts: Vec<_> = hosts.collect();
    let database = config.get_dbname().or_else(|| config.get_user());
    format!("{}/{}", hosts.join(","), database.unwrap_or_default())
}
