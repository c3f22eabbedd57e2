//! Frames that are good, torn, changed and made of random bytes; and that no length in one makes it
//! allocate more than it has.

#![expect(
    unsafe_code,
    reason = "an allocator that notes the largest request cannot be written without"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor_cluster::engine::{Incarnation, NodeName};
use session_supervisor_cluster::wire::{
    Answer, Ask, Done, Figures, Found, FrameError, Hello, How, MAX_FRAME, Payload, Refusal,
    RefusalKind, Request, Row, StartedHow, VERSION, Wanted, decode_answer, decode_request,
    encode_answer, encode_request,
};

/// Notes the largest request since it was last asked.
struct Largest;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands everything through to the system's allocator.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Largest = Largest;

fn node(text: &str) -> NodeName {
    NodeName::try_from(text).expect("a name")
}

fn hello() -> Hello {
    Hello {
        cluster: "4c1f0f6e-7c1d".to_owned(),
        protocol: 1,
        shards: 512,
        hash: 1,
        node: node("node-1"),
        incarnation: Incarnation::new(u64::MAX),
    }
}

fn requests() -> Vec<Request> {
    let id = || "tenant/7/chat/ünïcödé".to_owned();
    let asks = [
        Ask::Hello(hello()),
        Ask::Start {
            id: id(),
            kind: "chat".to_owned(),
            arguments: br#"{"topic":"a"}"#.to_vec().into(),
            how: How::Ensure,
        },
        Ask::Lookup { id: id() },
        Ask::Stop { id: id() },
        Ask::Call {
            id: id(),
            protocol: String::new(),
            request: vec![0xff; 300].into(),
            reply: Wanted::No,
        },
        Ask::List {
            after: Some(id()),
            most: u32::MAX,
        },
        Ask::List {
            after: None,
            most: 0,
        },
        Ask::Leave,
        Ask::Figures,
    ];
    let request = |ask| {
        let mut request = Request::new(ask);
        request.from = Some(node("a.b_c-1"));
        request.deadline_ms = 12_345;
        request
    };
    let mut requests: Vec<_> = asks.into_iter().map(request).collect();
    requests.push(Request::again([9; 16], Ask::Leave));
    requests
}

fn found() -> Found {
    Found {
        kind: "chat".to_owned(),
        incarnation: 3,
        epoch: u64::MAX,
        state: "running".to_owned(),
    }
}

fn answers() -> Vec<Answer> {
    let row = |n| Row {
        id: format!("session-{n}"),
        found: found(),
    };
    let refusal = Refusal::new(RefusalKind::Limit, "session limit of 100 reached");
    vec![
        Answer::Done(Done::Hello(hello())),
        Answer::Done(Done::Started {
            incarnation: 1,
            epoch: 2,
            how: StartedHow::Joined,
        }),
        Answer::Done(Done::Found(Some(found()))),
        Answer::Done(Done::Found(None)),
        Answer::Done(Done::Stopped("normal".to_owned())),
        Answer::Done(Done::Reply(Payload::from(vec![1, 2, 3]))),
        Answer::Done(Done::Delivered),
        Answer::Done(Done::Page {
            rows: (0..100).map(row).collect(),
            more: Some("session-99".to_owned()),
        }),
        Answer::Done(Done::Leaving),
        Answer::Done(Done::Figures(Figures {
            sessions: u64::MAX,
            lease_age_ms: Some(1_200),
        })),
        Answer::Done(Done::Figures(Figures {
            sessions: 0,
            lease_age_ms: None,
        })),
        Answer::NotMine {
            ask: Some(node("b")),
            epoch: 77,
        },
        Answer::NotMine {
            ask: None,
            epoch: 0,
        },
        Answer::NobodyNow {
            retry_after_ms: 100,
        },
        Answer::Refused(refusal.clone()),
        Answer::Refused(refusal.retry_after(1_000)),
    ]
}

fn frames() -> Vec<Vec<u8>> {
    let requests = requests();
    let requests = requests
        .iter()
        .map(|request| encode_request(request).expect("it fits"));
    let answers = answers();
    let answers = answers
        .iter()
        .map(|answer| encode_answer(answer).expect("it fits"));
    requests.chain(answers).collect()
}

/// Reads it as both. Answers whether it is either.
fn read(frame: &[u8]) -> bool {
    let request = decode_request(frame);
    let answer = decode_answer(frame);
    request.is_ok() || answer.is_ok()
}

#[test]
fn what_is_written_is_read() {
    for request in requests() {
        let frame = encode_request(&request).expect("it fits");
        assert_eq!(frame[0], VERSION);
        assert_eq!(decode_request(&frame), Ok(request));
    }
    for answer in answers() {
        let frame = encode_answer(&answer).expect("it fits");
        assert_eq!(frame[0], VERSION);
        assert_eq!(decode_answer(&frame), Ok(answer));
    }
}

/// A running cluster must be able to read what an older node of this version writes. If this changes,
/// the version does too.
#[test]
fn version_1_is_written_like_this() {
    let mut request = Request::again(
        [1; 16],
        Ask::Lookup {
            id: "ab".to_owned(),
        },
    );
    request.from = Some(node("n"));
    request.deadline_ms = 300;
    let frame = encode_request(&request).expect("it fits");
    let mut expected = vec![1];
    expected.extend([1; 16]);
    expected.extend([1, 1, b'n', 0xac, 2, 2, 2, b'a', b'b']);
    assert_eq!(frame, expected);
    let answer = Answer::Done(Done::Reply(vec![9, 8].into()));
    assert_eq!(encode_answer(&answer), Ok(vec![1, 0, 4, 2, 9, 8]));
    let answer = Answer::NotMine {
        ask: Some(node("b")),
        epoch: 7,
    };
    assert_eq!(encode_answer(&answer), Ok(vec![1, 1, 1, 1, b'b', 7]));
}

#[test]
fn another_version_and_what_is_too_long_or_too_short_is_told() {
    let frame = encode_request(&requests()[0]).expect("it fits");
    for theirs in [0, 2, 255] {
        let mut other = frame.clone();
        other[0] = theirs;
        assert_eq!(decode_request(&other), Err(FrameError::Version { theirs }));
    }
    assert_eq!(decode_request(&[]), Err(FrameError::Empty));
    let longer = [&frame[..], &[0, 0]].concat();
    assert_eq!(
        decode_request(&longer),
        Err(FrameError::Trailing { bytes: 2 })
    );
    let size = MAX_FRAME + 1;
    assert_eq!(
        decode_request(&vec![1; size]),
        Err(FrameError::TooLarge { size })
    );
}

#[test]
fn a_frame_has_a_largest_size() {
    let of = |bytes: usize| {
        encode_request(&Request::new(Ask::Call {
            id: "a".to_owned(),
            protocol: String::new(),
            request: vec![0; bytes].into(),
            reply: Wanted::Yes,
        }))
    };
    let over = of(1_000).expect("it fits").len() - 1_000 + 1;
    assert_eq!(of(MAX_FRAME - over).expect("it fits").len(), MAX_FRAME);
    let size = MAX_FRAME + 1;
    assert_eq!(of(MAX_FRAME - over + 1), Err(FrameError::TooLarge { size }));
}

#[test]
fn a_torn_frame_is_none() {
    for request in requests() {
        let frame = encode_request(&request).expect("it fits");
        (0..frame.len()).for_each(|length| assert!(decode_request(&frame[..length]).is_err()));
    }
    for answer in answers() {
        let frame = encode_answer(&answer).expect("it fits");
        (0..frame.len()).for_each(|length| assert!(decode_answer(&frame[..length]).is_err()));
    }
}

#[test]
fn a_changed_frame_is_read_or_refused() {
    for frame in frames() {
        for at in 0..frame.len().min(400) {
            for bit in 0..8 {
                let mut changed = frame.clone();
                changed[at] ^= 1 << bit;
                read(&changed);
            }
        }
    }
}

/// The next of a series of random numbers (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn random_bytes_are_read_or_refused() {
    let mut state = 1;
    let mut good = 0;
    for _ in 0..200_000 {
        let length = next(&mut state) % 64;
        let mut frame = vec![VERSION];
        // Small numbers are variants and lengths that make sense, so that it gets far.
        let small = next(&mut state).is_multiple_of(2);
        frame.extend((0..length).map(|_| {
            let byte = next(&mut state).to_be_bytes()[0];
            if small { byte % 8 } else { byte }
        }));
        good += u32::from(read(&frame));
    }
    assert!(good > 100, "some of them are frames by chance: {good}");
}

#[test]
fn a_length_that_is_not_there_allocates_nothing() {
    // Each varint of 2^62, at each place of each frame.
    let length = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for frame in frames() {
        for at in 1..frame.len().min(400) {
            let changed = [&frame[..at], &length, &frame[at..]].concat();
            LARGEST.store(0, Ordering::Relaxed);
            read(&changed);
            let largest = LARGEST.load(Ordering::Relaxed);
            // serde takes no length at its word beyond 1 MiB; the other tests allocate as well.
            assert!(largest <= 2 * MAX_FRAME, "{largest} bytes at {at}");
        }
    }
}
