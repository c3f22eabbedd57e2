//! Calls with a watch beside them: each is answered in time, or that is a contradiction. And
//! callers who do not wait.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::drop_kinds::drop_answer;
use crate::rng::Rng;
use crate::tally::{self, Deed};
use crate::verdict::contradiction;

/// No call takes that long, however many wait for the same id.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for an answer.
pub(crate) async fn ask<T>(deed: Deed, call: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = within(call, || format!("{deed:?} is not answered")).await;
    tally::answered(deed, began.elapsed());
    answer
}

/// Waits for something that must come.
pub(crate) async fn within<T>(call: impl Future<Output = T>, what: impl Fn() -> String) -> T {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer,
        Err(_) => contradiction(&format!("{} within {PATIENCE:?}", what())),
    }
}

/// Makes a call and goes away without having asked anything.
pub(crate) fn never_ask<T>(call: impl Future<Output = T>) {
    tally::UNPOLLED.one();
    drop(call);
}

/// Asks and goes away at once. What is asked is asked when this returns.
pub(crate) async fn ask_and_leave<T>(deed: Deed, call: impl Future<Output = T>) {
    tally::did(deed);
    tally::GIVEN_UP.one();
    let mut call = pin!(call);
    std::future::poll_fn(|context| {
        // On a busy machine the answer may be there already, with the last of an error that panics.
        drop_answer(call.as_mut().poll(context));
        Poll::Ready(())
    })
    .await;
}

/// What came of a call whose caller may lose patience.
pub(crate) async fn ask_for_a_while<T>(
    rng: &mut Rng,
    deed: Deed,
    call: impl Future<Output = T>,
) -> Option<T> {
    match rng.below(16) {
        0 => {
            never_ask(call);
            None
        }
        1 | 2 => {
            ask_and_leave(deed, call).await;
            None
        }
        3..6 => {
            let wait = Duration::from_micros(rng.next() % 8_000);
            let answer = tokio::time::timeout(wait, call).await.ok();
            tally::did(deed);
            if answer.is_none() {
                tally::GIVEN_UP.one();
            }
            answer
        }
        _ => Some(ask(deed, call).await),
    }
}
