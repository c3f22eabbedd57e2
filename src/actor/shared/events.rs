//! Of how many starts the root has been told, and how many it has read.
//!
//! ractor tells the root of a start on the session's own thread, where the root may be the next to
//! run (R47 in `docs/ractor.md`). The session's first callback may block that thread, so the
//! session yields before it. Once the root has read of all starts that it was told of, it has had
//! its turn, and the session need not yield. Nor need it if its start was told in an earlier poll of its
//! task: after that poll the thread ran what was in the slot.
//!
//! While the root waits for a batch of starts ([`Batch`]), the event of a start does not wake it, but a
//! message or a stop that the session sends may. So the session yields while the root waits, too.
//!
//! A session that unlinks itself from the root while it starts is counted as told and never as read. From
//! then on the root of that supervisor does not wait for batches, and looks at the name of each session.
//!
//! Invariants:
//! 1. a start is counted as told before ractor tells the root;
//! 2. no more are counted as read than as told, whatever events others send to the root.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Naming;
use super::batch::{Batch, SIZE};

thread_local! {
    /// The actor whose start was told on this thread last.
    static TOLD_HERE: Cell<u64> = const { Cell::new(0) };
}

/// The root's wait for further starts. It is boxed, since ractor moves the future of the root's handler
/// for each event, and the root does not wait after most of them.
pub(in crate::actor) type MoreStarts<'a> = Box<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>;

/// The starts of the sessions of one supervisor. Those of a static supervisor's children are not
/// counted as read.
#[derive(Debug)]
pub(in crate::actor) struct Events {
    starts_told: AtomicU64,
    starts_read: AtomicU64,
    /// The actors whose starts were told last, each in the place of its number.
    told: Box<[AtomicU64]>,
    batch: Batch,
}

impl Events {
    pub(super) fn of(children: Naming) -> Self {
        let kept = if children == Naming::Sessions {
            SIZE
        } else {
            0
        };
        Self {
            starts_told: AtomicU64::new(0),
            starts_read: AtomicU64::new(0),
            told: (0..kept).map(|_| AtomicU64::new(0)).collect(),
            batch: Batch::default(),
        }
    }

    /// The `post_start` of a session went well, so ractor tells the root of its start next.
    pub(in crate::actor) fn start_told(&self, actor: u64) {
        let number = self.starts_told.fetch_add(1, Ordering::SeqCst);
        if let Some(told) = self.place(number) {
            told.store(actor, Ordering::Relaxed);
        }
        TOLD_HERE.set(actor);
        if (number + 1).is_multiple_of(SIZE) {
            self.batch.end();
        }
    }

    /// Whether the start of this actor may have been told in the poll of its task that asks. It was not
    /// if it was told on another thread, or before another one on this thread.
    pub(in crate::actor) fn may_be_told_just_now(actor: u64) -> bool {
        TOLD_HERE.get() == actor
    }

    fn place(&self, number: u64) -> Option<&AtomicU64> {
        self.told.get(usize::try_from(number % SIZE).ok()?)
    }

    /// Whether this actor's start is the next one that the root reads, if it reads starts in the order in
    /// which they were told. False if the root is more than [`SIZE`] behind. It saves a look at the actor's
    /// name.
    pub(in crate::actor) fn is_next(&self, actor: u64) -> bool {
        let next = self.place(self.starts_read.load(Ordering::Relaxed));
        next.is_some_and(|told| told.load(Ordering::Relaxed) == actor)
    }

    /// The root has read the event of a session's start. Only the root calls it, and awaits what it returns.
    /// `messages`: whether a message for the root is under way.
    ///
    /// Any actor can send such an event (R46). So no more are counted than the root was told of, and the root
    /// does not wait after one that is not counted.
    pub(in crate::actor) fn start_read<'a>(
        &'a self,
        messages: impl Fn() -> bool + Send + Sync + 'a,
    ) -> Option<MoreStarts<'a>> {
        let read = self.starts_read.load(Ordering::Relaxed);
        // The event came after the count, so that is seen here.
        if read >= self.starts_told.load(Ordering::Relaxed) {
            return None;
        }
        self.starts_read.store(read + 1, Ordering::Release);
        let all_read = move || self.all_starts_read() && !messages();
        if all_read() && self.batch.is_due() {
            Some(Box::new(Box::pin(self.batch.wait(all_read))))
        } else {
            None
        }
    }

    /// The root has read a message. Only the root calls it.
    pub(in crate::actor) fn message_read(&self) {
        self.batch.skip_one();
    }

    /// The root was sent messages. They were counted before.
    pub(in crate::actor) fn message_sent(&self) {
        self.batch.end();
    }

    /// Whether the root has read of all starts.
    ///
    /// `starts_read` is read first. So a start that is told meanwhile can only make the answer
    /// `false`, which costs a session a needless yield.
    pub(in crate::actor) fn all_starts_read(&self) -> bool {
        let read = self.starts_read.load(Ordering::Acquire);
        read >= self.starts_told.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::{Events, SIZE};
    use crate::actor::clock::Clock;
    use crate::actor::shared::Naming;

    fn told(starts: u64) -> Events {
        let events = Events::of(Naming::Sessions);
        (1..=starts).for_each(|actor| events.start_told(actor));
        events
    }

    fn read(events: &Events) {
        // There is a message, so the root does not wait.
        assert!(events.start_read(|| true).is_none());
    }

    #[test]
    fn all_are_read_when_as_many_were_read_as_told() {
        let events = told(2);
        read(&events);
        assert!(!events.all_starts_read());
        read(&events);
        assert!(events.all_starts_read());
    }

    #[test]
    fn starts_that_were_not_told_count_for_no_later_start_and_have_the_root_wait_for_nothing() {
        let events = told(0);
        assert!(events.start_read(|| false).is_none());
        assert!(events.start_read(|| false).is_none());
        events.start_told(1);
        assert!(!events.all_starts_read());
        read(&events);
        assert!(events.start_read(|| false).is_none());
        events.start_told(2);
        assert!(!events.all_starts_read());
    }

    #[test]
    fn which_start_comes_next_is_known_as_long_as_the_root_is_less_than_a_batch_behind() {
        let events = told(SIZE);
        assert!(events.is_next(1));
        assert!(!events.is_next(2));
        read(&events);
        assert!(events.is_next(2));
        events.start_told(SIZE + 1);
        events.start_told(SIZE + 2);
        assert!(!events.is_next(2));
        assert!(!Events::of(Naming::Children).is_next(0));
    }

    /// How long the root waits after the only start so far, while this is done.
    async fn waits(meanwhile: impl FnOnce(&Events)) -> Duration {
        let (events, clock) = (told(1), Clock::start());
        let wait = events.start_read(|| false).expect("it has read all");
        tokio::join!(wait, async {
            assert!(events.batch.root_waits());
            meanwhile(&events);
        });
        assert!(!events.batch.root_waits());
        clock.now().since_start()
    }

    #[tokio::test(start_paused = true)]
    async fn the_root_waits_for_a_batch_for_a_message_and_else_for_a_moment() {
        let batch = |events: &Events| (1..SIZE).for_each(|actor| events.start_told(actor));
        let less = |events: &Events| (2..SIZE).for_each(|actor| events.start_told(actor));
        assert_eq!(waits(batch).await, Duration::ZERO);
        assert_eq!(waits(Events::message_sent).await, Duration::ZERO);
        assert_eq!(waits(less).await, Duration::from_millis(5));
    }

    /// It came, or was told, after the root had looked.
    #[tokio::test(start_paused = true)]
    async fn the_root_does_not_wait_while_there_is_anything_to_read() {
        let clock = Clock::start();
        let events = told(2);
        assert!(events.start_read(|| false).is_none(), "it is behind");
        let wait = events.start_read(|| false).expect("it has read all");
        events.start_told(3);
        wait.await;
        let (events, message) = (told(1), AtomicBool::new(false));
        let wait = events.start_read(|| message.load(Ordering::Relaxed));
        message.store(true, Ordering::Relaxed);
        wait.expect("it has read all").await;
        assert_eq!(clock.now().since_start(), Duration::ZERO);
    }

    /// In between it asks for what nobody has told it of.
    #[tokio::test(start_paused = true)]
    async fn the_root_does_not_wait_twice_in_a_row() {
        let events = told(4);
        for _ in 0..3 {
            read(&events);
        }
        events.start_read(|| false).expect("it has read all").await;
        for actor in 5..10 {
            events.start_told(actor);
            let wait = events.start_read(|| false);
            assert_eq!(wait.is_some(), actor % 2 == 0, "{actor}");
        }
    }

    /// Where a message follows each start, a wait would be ended each time.
    #[tokio::test(start_paused = true)]
    async fn the_root_does_not_wait_after_the_first_start_behind_a_message() {
        let events = told(0);
        for actor in 0..10 {
            events.message_read();
            events.start_told(actor);
            assert!(events.start_read(|| false).is_none());
        }
        events.start_told(10);
        assert!(events.start_read(|| false).is_some());
    }

    /// A root that is killed waits no more, and keeps nothing of its task.
    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_cut_off_is_over() {
        let events = told(1);
        let mut wait = events.start_read(|| false).expect("it has read all");
        assert!(
            !std::future::poll_fn(|context| {
                let over = wait.as_mut().as_mut().poll(context).is_ready();
                std::task::Poll::Ready(over)
            })
            .await
        );
        assert!(events.batch.root_waits());
        drop(wait);
        assert!(!events.batch.root_waits());
    }
}
