//! Tests of jobs that wait for a thread: their memory, and answers without a thread.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::Service as _;
use actix_web::rt::time::timeout;
use actix_web::test::{TestRequest, init_service};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking, yield_now};

use super::service::{CSV, Service};
use crate::routes;
use crate::work::{MAX_WAITING, MonitoringCheck};

/// A runtime with this many threads for jobs.
pub(crate) fn runtime(threads: usize) -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .unwrap()
}

/// Blocks a thread for jobs until the returned sender is dropped.
fn hold_thread() -> (Sender<()>, JoinHandle<bool>) {
    let (go_on, held_up) = channel();
    (go_on, spawn_blocking(move || held_up.recv().is_err()))
}

#[test]
fn an_abandoned_request_counts_until_its_job_ends() {
    let service = Service::deployed();
    let state = service.state();
    let has_room = || state.in_flight.used() == 0;
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
fn readiness_is_answered_while_all_threads_are_busy() {
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
            assert!(
                state.models.check.is_begun(),
                "one look waits, and no other"
            );
        }
        drop(go_on);
        assert!(before.await.unwrap());
        spawn_blocking(|| {}).await.unwrap();
        assert!(!state.models.check.is_begun());
    });
}

#[test]
fn monitoring_waits_briefly_while_anything_else_runs() {
    const HALF_A_SECOND: Duration = Duration::from_millis(500);
    let service = Service::deployed();
    let state = service.state();
    runtime(4).block_on(async {
        let of_itself = state.metrics.begin();
        let is_soon = async || {
            let check = MonitoringCheck::default();
            let (go_on, held_up) = channel::<()>();
            let work = move || assert!(held_up.recv().is_err());
            let checked = check.run(|| state.is_busy(), work);
            let is_soon = timeout(HALF_A_SECOND, checked).await.is_ok();
            drop(go_on);
            is_soon
        };
        assert!(!is_soon().await, "what is new is waited for");
        let turn = state.work.some_turns(1);
        assert!(is_soon().await, "one job");
        drop(turn);
        let turn = state.streams.turn();
        assert!(is_soon().await, "one stream");
        drop(turn);
        let other = state.metrics.begin();
        assert!(is_soon().await, "one other request");
        drop((other, of_itself));
    });
}

#[test]
fn a_check_that_hangs_blocks_one_thread_however_often_it_is_requested() {
    let begun = Arc::new(AtomicUsize::new(0));
    runtime(4).block_on(async {
        let check = MonitoringCheck::default();
        let (go_on, held_up) = channel::<()>();
        let counted = Arc::clone(&begun);
        let hang = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            assert!(held_up.recv().is_err());
        };
        check.run(|| true, hang).await.unwrap();
        let work = || {
            let counted = Arc::clone(&begun);
            move || {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        for _ in 0..3 {
            check.run(|| false, work()).await.unwrap();
            assert!(check.is_begun());
            assert!(begun.load(Ordering::Relaxed) <= 1);
        }
        drop(go_on);
        while check.is_begun() {
            yield_now().await;
        }
        check.run(|| false, work()).await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn waiting_work_is_bounded_and_monitoring_does_not_wait() {
    let service = Service::deployed();
    let state = service.state();
    // One thread for the check of the release, one for the history.
    runtime(2).block_on(async {
        let app = App::new().app_data(state.clone());
        let app = init_service(app.configure(routes::configure)).await;
        let ask = |path: &str| app.call(TestRequest::get().uri(path).to_request());
        let turns = state.work.all_turns();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(ask("/v1/releases")))
            .collect();
        poll_fn(|context| {
            for asked in &mut waiting {
                assert!(asked.as_mut().poll(context).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        for path in [
            "/v1/releases",
            "/v1/runs",
            "/diagnostics",
            "/summarystats",
            "/scoring",
        ] {
            let refused = ask(path).await.unwrap();
            assert_eq!(refused.status(), 503, "{path}");
        }
        for path in ["/livez", "/readyz", "/metrics", "/version", "/v1/model"] {
            assert_eq!(ask(path).await.unwrap().status(), 200, "{path}");
        }
        // An abandoned request makes room for another one.
        waiting.truncate(1);
        let mut late = pin!(ask("/v1/runs"));
        poll_fn(|context| {
            assert!(late.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(turns);
        for asked in waiting {
            assert_eq!(asked.await.unwrap().status(), 200);
        }
        assert_eq!(late.await.unwrap().status(), 200);
    });
}
