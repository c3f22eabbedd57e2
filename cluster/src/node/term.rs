//! One term of a node: from the grant of a lease to its end. Another lease is another term, with another
//! incarnation and another gateway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Node;
use crate::engine::{HASH_VERSION, NodeName};
use crate::error::JoinError;
use crate::etcd::{Lease, NodeInfo, NodeKeys, Registered, Registration, Watch};
use crate::gateway::{Gateway, GatewayOptions, PeerChange, Serve, Serving};
use crate::local::Local;
use crate::meter;
use crate::wire::{Hello, Request};

/// The version of what nodes expect of each other.
pub(crate) const PROTOCOL: u32 = 1;

/// Between two tries to take the name of a node that was killed.
const NAME_PAUSE: Duration = Duration::from_millis(250);

/// How long after the end of a lease its keys may still be there: etcd looks for leases that have ended
/// every half second, and removes them with writes of its own.
const LATE: Duration = Duration::from_secs(2);

/// What a node has of the cluster.
pub(crate) struct Term {
    pub(crate) lease: Lease,
    pub(crate) keys: NodeKeys,
    pub(crate) registered: Registered,
    pub(crate) info: NodeInfo,
    pub(crate) gateway: Gateway,
    pub(crate) watch: Watch,
}

struct Server(Local);

impl Serve for Server {
    fn serve(&self, _from: Option<NodeName>, request: Request) -> Serving {
        let local = self.0.clone();
        let counted = meter::Serving::begin(&local.meter, &request.ask);
        Box::pin(async move {
            let answer = local.serve(request).await;
            counted.answered(&answer);
            answer
        })
    }

    fn told(&self, change: PeerChange) {
        self.0.feed.tell(|picture, _, out| match change {
            PeerChange::Connected { node, incarnation } => {
                picture.peer_connected(node, incarnation, out);
            }
            PeerChange::Lost { node, why } => picture.peer_lost(node, why, out),
            PeerChange::Failed { node, why } => picture.peer_failed(node, why, out),
            PeerChange::Refused {
                address,
                why,
                others,
            } => picture.peer_refused(address, why, others, out),
        });
    }
}

/// Joins. If the name is in use, it waits as long as the lease of a node that was killed can last.
///
/// No session runs here, so an etcd that went back is joined once it is past all that this node has seen.
pub(crate) async fn begin(node: &Node) -> Result<Term, JoinError> {
    // A certificate that was valid at the first join may have expired.
    node.options.check()?;
    node.etcd.begin().await?;
    node.etcd.settings_again(&node.settings).await?;
    let lease = Lease::grant(&node.etcd, node.ttl, node.clock.clone()).await?;
    let keys = lease.keys(node.name.clone());
    let hello = Hello {
        cluster: node.settings.cluster.clone(),
        protocol: PROTOCOL,
        shards: node.settings.shards,
        hash: HASH_VERSION,
        node: node.name.clone(),
        incarnation: lease.incarnation(),
    };
    let mut options = GatewayOptions::new(&node.options.cookie.0).listen(node.options.listen);
    if let Some(tls) = &node.options.tls {
        options = options.tls(tls.clone());
    }
    let server = Arc::new(Server(node.local.clone()));
    let gateway = match Gateway::open(options, hello, server).await {
        Ok(gateway) => gateway,
        Err(error) => {
            // If this fails, the lease expires.
            drop(lease.revoke().await);
            return Err(error.into());
        }
    };
    let address = match &node.options.advertise {
        Some(address) => address.clone(),
        None => gateway.address().to_string(),
    };
    let info = NodeInfo {
        address,
        incarnation: lease.incarnation(),
        protocol: PROTOCOL,
        weight: node.options.weight,
        leaving: node.drains.leaving(),
    };
    let registered = match register(node, &keys, &info).await {
        Ok(registered) => registered,
        Err(error) => {
            gateway.close().await;
            drop(lease.revoke().await);
            return Err(error);
        }
    };
    let watch = Watch::start(&node.etcd, node.local.admission.shards());
    Ok(Term {
        lease,
        keys,
        registered,
        info,
        gateway,
        watch,
    })
}

async fn register(node: &Node, keys: &NodeKeys, info: &NodeInfo) -> Result<Registered, JoinError> {
    let until = Instant::now() + node.ttl.length() + LATE;
    loop {
        match keys.register(info).await? {
            Registration::Registered(registered) => return Ok(registered),
            Registration::InUse(other) if Instant::now() >= until => {
                return Err(JoinError::NameInUse {
                    node: node.name.clone(),
                    address: other.map(|other| other.address),
                });
            }
            Registration::InUse(_) => sleep(NAME_PAUSE).await,
        }
    }
}
