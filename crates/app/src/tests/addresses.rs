//! Tests of addresses: where the server listens, and what it answers to whom.

use std::net::SocketAddr;

use common::exit;

use super::client::send_as_stranger;
use super::service::Service;
use crate::Application;

#[test]
fn unknown_addresses_and_wrong_methods_are_different_problems() {
    let service = Service::deployed();
    let unknown = service.send("GET /no%3Cb%3E%0d%0aX", &["X-Request-Id: a b"], "");
    assert_eq!(unknown.problem(), "404 not-found");
    assert_eq!(unknown.json()["instance"], "/no%3Cb%3E%0d%0aX");
    assert_ne!(unknown.header("x-request-id"), Some("a b"));
    for (request, allowed) in [
        ("GET /prediction", "POST, OPTIONS"),
        ("POST /scoring", "GET, HEAD, OPTIONS"),
        ("DELETE /livez", "GET, HEAD, OPTIONS"),
    ] {
        let answer = service.send(request, &[], "");
        assert_eq!(answer.problem(), "405 method-not-allowed", "{request}");
        assert_eq!(answer.header("allow"), Some(allowed), "{request}");
        let method = request.split(' ').next().unwrap();
        let detail = format!("the method {method} is not allowed here; allowed: {allowed}");
        assert_eq!(answer.json()["detail"], detail.as_str());
    }
    let options = service.send("OPTIONS /prediction", &[], "");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("POST, OPTIONS"))
    );
    let head = service.send("HEAD /scoring", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        service.get("/scoring?x=1").problem(),
        "400 unknown-parameter"
    );
}

#[test]
fn a_port_in_use_and_a_public_address_are_rejected() {
    let service = Service::new();
    let taken: SocketAddr = service.server.url()["http://".len()..].parse().unwrap();
    let error = Application::build(service.config.clone(), taken)
        .err()
        .unwrap();
    assert_eq!(exit::classify(&error), exit::Exit::InputOutput);
    assert!(error.to_string().contains(&taken.to_string()), "{error:#}");
    let public = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Application::build(service.config.clone(), public)
        .err()
        .unwrap();
    assert_eq!(exit::classify(&error), exit::Exit::Configuration);
}

#[test]
fn the_server_of_a_run_accepts_only_its_own_key() {
    let (service, other) = (Service::deployed(), Service::new());
    assert_ne!(service.server.key(), other.server.key());
    for (key, status) in [
        ("", 401),
        (other.server.key(), 401),
        (service.server.key(), 200),
    ] {
        let header = format!("Authorization: Bearer {key}");
        let answer = send_as_stranger(service.server.url(), "GET /version", &[&header]);
        assert_eq!(answer.status, status, "{key:?}");
    }
}

#[test]
fn a_stopped_server_has_freed_its_port() {
    let service = Service::new();
    let address: SocketAddr = service.server.url()["http://".len()..].parse().unwrap();
    assert_eq!(service.get("/livez").status, 200);
    service.server.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
