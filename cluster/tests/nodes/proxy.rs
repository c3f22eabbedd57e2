//! A wire between two processes that a test can cut, in both directions or in one.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Whole,
    /// Nothing: what is sent is neither taken nor refused.
    Cut,
    /// What comes back from the target is lost on the way.
    OneWay,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

struct State {
    wire: Mutex<Wire>,
    changed: Condvar,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(State {
            wire: Mutex::new(Wire::Whole),
            changed: Condvar::new(),
        });
        let of_threads = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, target) = (Arc::clone(&of_threads), target.clone());
                thread::spawn(move || connect(&state, stream, &target));
            }
        });
        Self { address, state }
    }

    pub(crate) fn set(&self, wire: Wire) {
        *self.state.lock() = wire;
        self.state.changed.notify_all();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passes(&self, way: Way) {
        let blocked = |wire: &mut Wire| match (*wire, way) {
            (Wire::Cut, _) | (Wire::OneWay, Way::Back) => true,
            (Wire::Whole, _) | (Wire::OneWay, Way::There) => false,
        };
        drop(self.changed.wait_while(self.lock(), blocked));
    }
}

fn connect(state: &Arc<State>, stream: TcpStream, target: &str) {
    state.passes(Way::There);
    let Ok(other) = TcpStream::connect(target) else {
        return;
    };
    let (Ok(stream_back), Ok(other_back)) = (stream.try_clone(), other.try_clone()) else {
        return;
    };
    let of_thread = Arc::clone(state);
    thread::spawn(move || copy(&of_thread, Way::Back, other_back, stream_back));
    copy(state, Way::There, stream, other);
}

fn copy(state: &State, way: Way, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer);
        state.passes(way);
        match read {
            Ok(count @ 1..) if to.write_all(&buffer[..count]).is_ok() => {}
            _ => break,
        }
    }
    // Both ends learn of it.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
