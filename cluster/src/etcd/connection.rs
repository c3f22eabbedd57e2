//! One client for each endpoint, the one in use, and the time limit of every request.
//!
//! The client could balance over all endpoints by itself. It would then meet a server that is stopped
//! or cut off again and again by chance; here a failure turns to the next one.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions};
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::error::{ConnectError, EtcdError};
use super::options::EtcdOptions;

/// The largest answer that is read: all keys of a page of the snapshot, or the end of a lease with
/// all its keys.
pub(super) const LARGEST: usize = 64 << 20;

pub(super) struct Connection {
    endpoints: Vec<Endpoint>,
    /// The one in use, modulo their number.
    at: AtomicUsize,
    options: EtcdOptions,
}

/// The client would take no authority for all of them, and accept no server.
#[derive(Debug, Error)]
#[error("no TLS was given for it: `etcd_tls`, with the feature `etcd-tls`")]
struct NoTls;

struct Endpoint {
    url: Arc<str>,
    /// Replaced after a request without an answer. A connection that was cut waits for minutes before it
    /// sends again; a new one reaches the server at once.
    client: Mutex<Arc<OnceCell<Client>>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = self.endpoints.iter().map(|endpoint| &endpoint.url);
        f.debug_struct("Connection")
            .field("endpoints", &urls.collect::<Vec<_>>())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) async fn new<I>(urls: I, options: EtcdOptions) -> Result<Self, ConnectError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut endpoints = Vec::new();
        for url in urls {
            let url = url.as_ref();
            let bad = |cause| ConnectError::Endpoint {
                endpoint: url.to_owned(),
                cause,
            };
            has_port_or_none(url).map_err(|cause| bad(Arc::new(cause)))?;
            if url.starts_with("https://") && !options.has_tls() {
                return Err(bad(Arc::new(NoTls)));
            }
            // Without a user a client sends nothing before its first request: this checks the URL.
            let client = Client::connect([url], Some(connect_options(&options, None))).await;
            client.map_err(|cause| bad(Arc::new(cause)))?;
            endpoints.push(Endpoint {
                url: url.into(),
                client: Mutex::default(),
            });
        }
        if endpoints.is_empty() {
            return Err(ConnectError::NoEndpoint);
        }
        // Not all nodes begin with the first one.
        let at = AtomicUsize::new(super::values::random() as usize);
        Ok(Self {
            endpoints,
            at,
            options,
        })
    }

    pub(super) const fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// Asks the endpoint in use, within the usual time limit.
    pub(super) async fn call<T, F, A>(&self, request: &'static str, ask: F) -> Result<T, EtcdError>
    where
        F: FnOnce(Client) -> A,
        A: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.call_within(request, self.options.request_timeout, ask)
            .await
    }

    /// Asks the endpoint in use. Without an answer, the next request goes to the next endpoint.
    pub(super) async fn call_within<T, F, A>(
        &self,
        request: &'static str,
        within: Duration,
        ask: F,
    ) -> Result<T, EtcdError>
    where
        F: FnOnce(Client) -> A,
        A: Future<Output = Result<T, etcd_client::Error>>,
    {
        let at = self.at.load(Ordering::Relaxed);
        let endpoint = &self.endpoints[at % self.endpoints.len()];
        let cell = endpoint.cell();
        let asking = async {
            let connect = || {
                let options = connect_options(&self.options, self.options.user.as_ref());
                Client::connect([endpoint.url.to_string()], Some(options))
            };
            let client = cell.get_or_try_init(connect).await?;
            ask(client.clone()).await
        };
        let error = match timeout(within, asking).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(cause)) => EtcdError::of(request, &endpoint.url, cause),
            Err(_) => {
                endpoint.forget(&cell);
                EtcdError::TimedOut {
                    request,
                    endpoint: Arc::clone(&endpoint.url),
                    within,
                }
            }
        };
        if matches!(
            error,
            EtcdError::TimedOut { .. } | EtcdError::Unavailable { .. }
        ) {
            let next = at.wrapping_add(1);
            // Another request may have turned already.
            let _ = self
                .at
                .compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
        }
        Err(error)
    }
}

impl Endpoint {
    fn cell(&self) -> Arc<OnceCell<Client>> {
        let client = self.client.lock();
        Arc::clone(&client.unwrap_or_else(PoisonError::into_inner))
    }

    /// The next request connects anew, unless another has seen to it.
    fn forget(&self, cell: &Arc<OnceCell<Client>>) {
        let client = self.client.lock();
        let mut client = client.unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&client, cell) {
            *client = Arc::default();
        }
    }
}

/// The client takes any number for a port, and cannot connect to it later.
fn has_port_or_none(url: &str) -> Result<(), std::num::ParseIntError> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or(authority);
    // A colon inside of brackets belongs to an IPv6 address.
    let after = authority
        .rsplit_once(']')
        .map_or(authority, |(_, rest)| rest);
    match after.rsplit_once(':') {
        Some((_, port)) => port.parse::<u16>().map(drop),
        None => Ok(()),
    }
}

fn connect_options(options: &EtcdOptions, user: Option<&(String, String)>) -> ConnectOptions {
    let mut connect = ConnectOptions::new()
        // A server that has lost the others says so, and ends its watches.
        .with_require_leader(true)
        .with_auto_token_refresh(true)
        .with_connect_timeout(options.request_timeout);
    if let Some((name, password)) = user {
        connect = connect.with_user(name, password);
    }
    #[cfg(feature = "etcd-tls")]
    if let Some(tls) = &options.tls {
        connect = connect.with_tls(tls.clone());
    }
    connect
}
