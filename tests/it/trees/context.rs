//! What children know of where they are: what they are told at a start, and how they ask their own
//! tree.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::StartChildError;
use session_supervisor::{
    ChildSpec, ChildState, Exit, Options, StartContext, Supervisor, TreeSpec,
};

use super::scenery::{Notes, child, child_of, noted, start, those, three};
use crate::support::{
    Order, Probe, Worker, answered, back_tree, died, end, sessions_of, supervisor,
};

/// What the children were told, in the order of their launches.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<StartContext>>>);

impl Told {
    fn spec(&self, probe: &Probe, fails: fn(&StartContext) -> bool) -> ChildSpec<Worker> {
        let told = self.clone();
        let script = probe.script().launch(move |start| {
            let fails = fails(&start);
            told.0.lock().unwrap().push(start);
            async move {
                if fails {
                    Err("not yet".into())
                } else {
                    Ok(true)
                }
            }
        });
        script.spec()
    }

    fn last(&self) -> StartContext {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

const fn never(_: &StartContext) -> bool {
    false
}

async fn until_idle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_session_is_told_its_session_its_role_and_its_own_lives() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let told = Told::default();
    let (inner, tell) = (probe.clone(), told.clone());
    let spec = ChildSpec::tree(move |start| {
        assert_eq!((start.key(), start.attempt), ("s", 1));
        assert!(start.role.is_none());
        assert!(start.tree.is_none());
        let deep = TreeSpec::one_for_one().child("deep", tell.spec(&inner, never));
        TreeSpec::one_for_all()
            .child("a", tell.spec(&inner, |start| start.incarnation == 2))
            .child("nested", Supervisor::child_spec(deep))
    });
    let tree = sessions.start_session("s", spec).await.unwrap();
    let first = told.0.lock().unwrap().clone();
    assert_eq!(first.len(), 2);
    for (start, role) in first.iter().zip(["a", "deep"]) {
        assert_eq!((start.key(), start.role.as_deref()), ("s", Some(role)));
        assert_eq!((start.incarnation, start.attempt), (1, 1));
        assert!(start.last_exit.is_none());
        assert_eq!(sessions_of(start).name(), sessions.name());
        let root = sessions_of(start).find_session("s").unwrap();
        assert_eq!(root.get_id(), tree.get_cell().get_id());
    }
    let of = |start: &StartContext| start.tree.as_ref().unwrap().get_cell().get_id();
    assert_eq!(of(&first[0]), tree.get_cell().get_id());
    let nested = tree.find_child("nested").unwrap();
    assert_eq!(of(&first[1]), nested.get_id());

    // The second attempt is the third life; what it follows is the crash.
    end(&child_of(&sessions, "s", "a"), Order::Crash).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = told.0.lock().unwrap().split_off(2);
    let lives: Vec<_> = again
        .iter()
        .map(|start| {
            (
                start.role.as_deref().unwrap(),
                start.incarnation,
                start.attempt,
            )
        })
        .collect();
    assert_eq!(lives, [("a", 2, 1), ("a", 3, 2), ("deep", 1, 1)]);
    for start in &again[..2] {
        assert!(
            matches!(&start.last_exit, Some(Exit::Failed { cause }) if cause.to_string() == "told to crash")
        );
    }
    // In a new tree all lives begin anew.
    tree.get_cell().kill();
    died(&tree.get_cell()).await;
    let tree = back_tree(&sessions, "s").await;
    let start = told.last();
    assert_eq!((start.key(), start.role.as_deref()), ("s", Some("deep")));
    assert_eq!((start.incarnation, start.attempt), (1, 1));
    assert_eq!(tree.which_children().await.unwrap()[0].incarnation, 1);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_outside_a_session_has_no_session_supervisor() {
    let probe = Probe::default();
    let told = Told::default();
    let tree = start(TreeSpec::one_for_one().child("a", told.spec(&probe, never))).await;
    let context = told.last();
    assert_eq!((context.key(), context.role.as_deref()), ("a", Some("a")));
    let own = context.tree.unwrap();
    assert_eq!(own.get_cell().get_id(), tree.get_cell().get_id());
    assert!(context.id.is_none() && context.supervisor.is_none());
    until_idle().await;
    assert_eq!(those(&tree, ChildState::Running).await, ["a"]);
    tree.stop().await.unwrap();
}

/// The tree of the child whose handler this is.
fn own_tree(myself: &ActorRef<Order>) -> Supervisor {
    let parent = myself.try_get_supervisor().expect("a child is linked");
    Supervisor::try_from(parent).expect("to its tree")
}

#[tokio::test(start_paused = true)]
async fn a_child_asks_its_tree_from_its_handler() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = super::scenery::session(&probe, TreeSpec::one_for_all);
    sessions.start_session("s", spec).await.unwrap();
    let a = child_of(&sessions, "s", "a");
    let mut notes = Notes::of(&probe);
    let (inner, done) = (probe.clone(), probe.clone());
    let ask = Order::run(move |myself: ActorRef<Order>| async move {
        let tree = own_tree(&myself);
        assert_eq!(tree.which_children().await?.len(), 3);
        assert_eq!(tree.count_children().await?.active, 3);
        tree.start_child("agent", noted(&inner)).await?;
        assert_eq!(tree.terminate_child("b").await?, Exit::Shutdown);
        tree.restart_child("b").await?;
        tree.terminate_child("c").await?;
        tree.delete_child("c").await?;
        done.note("done");
        Ok(())
    });
    a.cast(ask).unwrap();
    probe
        .until(|tally| tally.notes.iter().any(|note| note == "done"))
        .await;
    assert_eq!(notes.fresh(), ["+s/agent", "-s/b", "+s/b", "-s/c", "done"]);
    // One that awaits its own end waits for itself, until it is killed.
    let suicide = Order::run(|myself: ActorRef<Order>| async move {
        own_tree(&myself).terminate_child("a").await?;
        Ok(())
    });
    let began = tokio::time::Instant::now();
    a.cast(suicide).unwrap();
    died(&a.get_cell()).await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    sessions.stop().await.unwrap();
}

/// A child that asks its tree in its `pre_start`.
fn asking<F, Fut>(probe: &Probe, ask: F) -> ChildSpec<Worker>
where
    F: Fn(Supervisor, Probe) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ractor::ActorProcessingErr>> + Send + 'static,
{
    let inner = probe.clone();
    let script = probe
        .script()
        .pre_start(move |start, _| ask(start.tree.expect("a child"), inner.clone()));
    script.spec()
}

#[tokio::test(start_paused = true)]
async fn a_child_asks_its_tree_while_it_begins() {
    let probe = Probe::default();
    let asks = asking(&probe, |tree, probe| async move {
        let children = tree.which_children().await?;
        let states: Vec<_> = children.iter().map(|child| child.state).collect();
        assert_eq!(
            states,
            [
                ChildState::Running,
                ChildState::Starting,
                ChildState::Starting
            ]
        );
        assert_eq!(tree.count_children().await?.starting, 2);
        assert!(tree.find_child("a").is_some());
        // What changes something waits until all have begun: it is not to be awaited here.
        let agent = tree.start_child("agent", noted(&probe));
        tokio::spawn(async move {
            agent.await.expect("when all have begun");
            probe.note("agent is told");
        });
        Ok(())
    });
    let tree = start(
        TreeSpec::one_for_one()
            .child("a", noted(&probe))
            .child("b", asks)
            .child("c", noted(&probe)),
    )
    .await;
    probe.until(|tally| tally.notes.len() == 4).await;
    assert_eq!(probe.notes(), ["+a", "+c", "+agent", "agent is told"]);
    assert_eq!(
        those(&tree, ChildState::Running).await,
        ["a", "b", "c", "agent"]
    );
    tree.stop().await.unwrap();
}

/// It waits for itself, as in OTP; here its start timeout ends that.
#[tokio::test(start_paused = true)]
async fn a_child_that_awaits_a_start_in_its_own_begin_times_out() {
    let probe = Probe::default();
    let outcome = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&outcome);
    let asks = asking(&probe, move |tree, probe| {
        let kept = Arc::clone(&kept);
        let call = tree.start_child("agent", noted(&probe));
        let call = tokio::spawn(async move {
            *kept.lock().unwrap() = Some(call.await);
        });
        async move {
            call.await?;
            Ok(())
        }
    });
    let tree = three(TreeSpec::one_for_one().name("trees-context-waits"), &probe);
    let tree = Supervisor::start(tree.child("d", asks));
    let tree = answered("the start", tree).await;
    assert!(tree.is_err(), "{tree:?}");
    until_idle().await;
    let told = outcome.lock().unwrap().take();
    assert!(
        matches!(told, Some(Err(StartChildError::SupervisorDown))),
        "{told:?}"
    );
    assert_eq!(probe.alive(), 0);
}

/// A child that is restarted alone holds up no request, so it may await what it asks.
#[tokio::test(start_paused = true)]
async fn a_child_that_is_restarted_alone_may_await_the_start_of_another() {
    let probe = Probe::default();
    let inner = probe.clone();
    let script = probe.script().pre_start(move |start, _| {
        let inner = inner.clone();
        async move {
            if start.incarnation == 2 {
                let tree = start.tree.expect("a child");
                tree.start_child("agent", noted(&inner)).await?;
            }
            Ok(())
        }
    });
    let tree = start(TreeSpec::one_for_one().child("a", script.spec())).await;
    end(&child(&tree, "a"), Order::Crash).await;
    until_idle().await;
    assert_eq!(those(&tree, ChildState::Running).await, ["a", "agent"]);
    tree.stop().await.unwrap();
}
