//! Limits the work that a worker does itself in one round over its ready connections.
//!
//! A worker computes small predictions itself. Many of them at once would delay all of its other
//! connections. Therefore a round has room for a number of bytes, and further requests wait for the
//! next round.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use actix_web::rt;
use actix_web::rt::task::yield_now;

/// Bytes of bodies in one round, which take some milliseconds.
const BYTES_OF_A_ROUND: usize = 256 * 1024;
/// Smaller bodies are not counted: they cost as little as any other request.
const UNCOUNTED_BYTES: usize = 4 * 1024;

thread_local! {
    static ROUND: Rc<Round> = Rc::default();
}

/// A round of a worker.
#[derive(Default)]
struct Round {
    bytes: Cell<usize>,
    is_running: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

/// A request that waits for a round with room.
struct Waiter {
    bytes: usize,
    waker: RefCell<Waker>,
    is_let_in: Cell<bool>,
}

/// Waits for a round with room for this many bytes on this worker.
pub(crate) async fn for_bytes(bytes: usize) {
    if bytes < UNCOUNTED_BYTES {
        return;
    }
    let round = ROUND.with(Rc::clone);
    round.start();
    if round.waiting.borrow().is_empty() && round.take_room(bytes) {
        return;
    }
    let mut waiter: Option<Rc<Waiter>> = None;
    poll_fn(|context| match &waiter {
        None => {
            let new = Rc::new(Waiter {
                bytes,
                waker: RefCell::new(context.waker().clone()),
                is_let_in: Cell::new(false),
            });
            round.waiting.borrow_mut().push_back(Rc::clone(&new));
            waiter = Some(new);
            Poll::Pending
        }
        Some(waiter) if waiter.is_let_in.get() => Poll::Ready(()),
        Some(waiter) => {
            waiter.waker.borrow_mut().clone_from(context.waker());
            Poll::Pending
        }
    })
    .await;
}

impl Round {
    /// Takes room for a body of this size; returns false if the round has none. The first body of a round may
    /// have any size.
    fn take_room(&self, bytes: usize) -> bool {
        let before = self.bytes.get();
        let has_room = before == 0 || before + bytes <= BYTES_OF_A_ROUND;
        if has_room {
            self.bytes.set(before + bytes);
        }
        has_room
    }

    /// Starts rounds, which go on until no work is left.
    fn start(self: &Rc<Self>) {
        if self.is_running.replace(true) {
            return;
        }
        let round = Rc::clone(self);
        rt::spawn(async move {
            while round.bytes.get() > 0 || !round.waiting.borrow().is_empty() {
                // Everything else that is ready runs in between.
                yield_now().await;
                round.bytes.set(0);
                round.admit_waiting();
            }
            round.is_running.set(false);
        });
    }

    fn admit_waiting(&self) {
        loop {
            let mut waiting = self.waiting.borrow_mut();
            // Only the queue still holds a waiter whose request was dropped.
            let is_gone = |first: &Rc<Waiter>| Rc::strong_count(first) == 1;
            let Some(first) = waiting.front() else { break };
            if !is_gone(first) && !self.take_room(first.bytes) {
                break;
            }
            let first = waiting.pop_front();
            drop(waiting);
            if let Some(first) = first {
                first.is_let_in.set(true);
                first.waker.borrow().wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;

    #[test]
    fn other_requests_have_their_turn_between_rounds() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let computed = Rc::new(Cell::new(0));
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let computed = Rc::clone(&computed);
                    rt::spawn(async move {
                        for_bytes(64 * 1024).await;
                        computed.set(computed.get() + 1);
                    })
                })
                .collect();
            let mut rounds = 0;
            while computed.get() < 100 {
                let before = computed.get();
                yield_now().await;
                rounds += 1;
                let between = computed.get() - before;
                assert!(between <= 8, "{between} in one round");
                assert!(rounds < 1000, "{} in {rounds} rounds", computed.get());
            }
            for task in tasks {
                task.await.unwrap();
            }
            // An abandoned request keeps nobody waiting, and small requests do not wait at all.
            for _ in 0..10 {
                let given_up = rt::spawn(for_bytes(BYTES_OF_A_ROUND));
                yield_now().await;
                given_up.abort();
            }
            for_bytes(1).await;
            for_bytes(10 * BYTES_OF_A_ROUND).await;
        });
    }
}
