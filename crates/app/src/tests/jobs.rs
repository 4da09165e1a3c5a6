//! Jobs that wait for a thread: what counts meanwhile, and what is answered without one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;

use actix_web::App;
use actix_web::dev::Service as _;
use actix_web::test::{TestRequest, init_service};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

use super::service::{CSV, Service};
use crate::routes;

/// A runtime with so many threads for jobs.
pub(crate) fn runtime(threads: usize) -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .unwrap()
}

/// Keeps a thread for jobs until what is returned first is dropped.
fn hold_thread() -> (Sender<()>, JoinHandle<bool>) {
    let (go_on, held_up) = channel();
    (go_on, spawn_blocking(move || held_up.recv().is_err()))
}

#[test]
fn a_request_that_was_given_up_counts_until_its_job_is_over() {
    let service = Service::deployed();
    let state = service.state();
    let has_room = || state.in_flight.held() == 0;
    runtime(1).block_on(async {
        let app = App::new().app_data(state.clone());
        let app = init_service(app.configure(routes::configure)).await;
        let (go_on, before) = hold_thread();
        let body = format!("{CSV}{}", "c,1,2,3\n".repeat(20_000));
        let request = TestRequest::post().uri("/prediction").set_payload(body);
        {
            let mut call = pin!(app.call(request.to_request()));
            poll_fn(|context| {
                assert!(call.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            assert!(!has_room());
        }
        assert!(!has_room(), "its job still waits");
        drop(go_on);
        assert!(before.await.unwrap());
        spawn_blocking(|| {}).await.unwrap();
        assert!(has_room());
    });
}

#[test]
fn whether_the_server_is_ready_is_answered_while_all_threads_are_busy() {
    let service = Service::deployed();
    let state = service.state();
    runtime(1).block_on(async {
        let app = App::new().app_data(state.clone());
        let app = init_service(app.configure(routes::configure)).await;
        let (go_on, before) = hold_thread();
        for _ in 0..2 {
            let ready = app
                .call(TestRequest::get().uri("/readyz").to_request())
                .await;
            assert_eq!(ready.unwrap().status(), 200);
            let may_queue = state.models.may_queue_look();
            assert!(!may_queue, "one look waits, and no other");
        }
        drop(go_on);
        assert!(before.await.unwrap());
        spawn_blocking(|| {}).await.unwrap();
        assert!(state.models.may_queue_look());
    });
}
