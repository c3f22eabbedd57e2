//! The pages of this node, in the order of the ids.

use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::Local;
use crate::wire::{Answer, Done, Row};

/// The most rows of one page.
const PAGE: u32 = 1_000;

/// So many rows are asked of the supervisor at once. Others who ask it wait for these at most.
const AT_ONCE: usize = 250;

impl Local {
    /// What this node runs and keeps, in the order of the ids.
    pub(super) async fn list(&self, after: Option<&str>, most: u32) -> Answer {
        let most = usize::try_from(most.clamp(1, PAGE)).unwrap_or(1);
        let (ids, more) = self.ids(after, most);
        // Some of them may end meanwhile: the page is up to the last of them all the same.
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let found = ids.iter().map(|id| self.row(id)).collect();
            rows.extend(at_once(found).await.into_iter().flatten());
        }
        let more = ids.last().filter(|_| more).map(ToString::to_string);
        Answer::Done(Done::Page { rows, more })
    }

    /// The next ids, at most so many, and whether there are more.
    fn ids(&self, after: Option<&str>, most: usize) -> (Vec<Arc<str>>, bool) {
        // One more says whether there are more.
        let mut first = BinaryHeap::with_capacity(most + 2);
        for info in self.sessions.list_remembered() {
            let wanted = after.is_none_or(|after| &*info.id > after)
                && (first.len() <= most || first.peek().is_some_and(|last| info.id < *last));
            // What is on its way to another node is in no page of this one, and takes no place in it.
            if wanted && self.admission.owned(&info.id).is_ok() {
                first.push(info.id);
                if first.len() > most + 1 {
                    first.pop();
                }
            }
        }
        let mut ids = first.into_sorted_vec();
        let more = ids.len() > most;
        ids.truncate(most);
        (ids, more)
    }

    async fn row(&self, id: &Arc<str>) -> Option<Row> {
        let epoch = self.admission.owned(id).ok()?;
        let found = self.found(id, epoch).await?;
        Some(Row {
            id: id.to_string(),
            found,
        })
    }
}

/// Begins all of them, and then waits for each: what they ask is there at once, and is answered in one turn
/// of who answers it.
async fn at_once<F: Future>(wait: Vec<F>) -> Vec<F::Output> {
    let mut waits: Vec<Pin<Box<F>>> = wait.into_iter().map(Box::pin).collect();
    let mut early: Vec<_> = waits.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (wait, early) in waits.iter_mut().zip(&mut early) {
            if let Poll::Ready(done) = wait.as_mut().poll(context) {
                *early = Some(done);
            }
        }
        Poll::Ready(())
    })
    .await;
    let mut all = Vec::with_capacity(waits.len());
    for (wait, early) in waits.into_iter().zip(early) {
        all.push(match early {
            Some(done) => done,
            None => wait.await,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::at_once;

    /// Who answers sees all questions before one of them is waited for.
    #[tokio::test]
    async fn all_is_asked_before_one_is_waited_for() {
        let (sender, mut asked) = mpsc::unbounded_channel::<(usize, oneshot::Sender<usize>)>();
        let answers = tokio::spawn(async move {
            let mut turns = Vec::new();
            let mut questions = Vec::new();
            while asked.recv_many(&mut questions, 1_000).await > 0 {
                turns.push(questions.len());
                for (number, reply) in questions.drain(..) {
                    reply.send(number).expect("it is waited for");
                }
            }
            turns
        });
        let ask = async |number| {
            let (reply, answer) = oneshot::channel();
            sender.send((number, reply)).expect("it is there");
            answer.await.expect("an answer")
        };
        let all = at_once((0..100).map(ask).collect()).await;
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        drop(sender);
        assert_eq!(answers.await.expect("no panic"), [100]);
    }
}
