//! Letting others go first, without being kept from going on.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;

/// Lets those go first that are ready to run on this thread.
///
/// tokio's `yield_now` keeps the task for its worker, which wakes it when it has nothing else to do or
/// looks for new events. If what runs next there blocks the thread, the task waits for that, however
/// many other workers are idle. This one goes to the end of the worker's queue, from which others take.
pub(crate) async fn make_way() {
    let mut made = false;
    poll_fn(|context| {
        if made {
            return Poll::Ready(());
        }
        made = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lets others have so many turns, also those that yield themselves: by tokio's `yield_now`, which comes
/// back after them. If that keeps the task for a worker that is blocked, the rest of the turns is given up
/// after the bound, and another worker goes on.
pub(crate) async fn turns(number: u32, bound: Duration) {
    let turns = async {
        for _ in 0..number {
            yield_now().await;
        }
    };
    drop(timeout(bound, turns).await);
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{make_way, turns};

    /// Waits in this way while what lies in the slot of its thread, from which no other worker takes,
    /// blocks that until it is over.
    async fn goes_on(waits: impl Future<Output = ()> + Send + 'static) {
        let (go_on, may_go_on) = mpsc::channel();
        let waits = async move {
            let blocks =
                tokio::spawn(async move { may_go_on.recv_timeout(Duration::from_secs(30)) });
            waits.await;
            go_on.send(()).unwrap();
            blocks.await.unwrap()
        };
        assert_eq!(tokio::spawn(waits).await.unwrap(), Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_makes_way_goes_on_while_the_next_one_blocks_its_thread() {
        for _ in 0..100 {
            goes_on(make_way()).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_waits_for_turns_goes_on_too() {
        for _ in 0..5 {
            goes_on(turns(8, Duration::from_millis(1))).await;
        }
    }

    #[tokio::test]
    async fn others_go_first() {
        let (done, told) = mpsc::channel();
        let other = tokio::spawn(async move { done.send(()) });
        make_way().await;
        assert_eq!(told.try_recv(), Ok(()));
        other.await.unwrap().unwrap();
    }
}
