//! Connections over TLS, through a proxy on the loopback address.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use cluster::{Cell, Connection, FlightConnection, FlightSettings};
use common::exit::Exit;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A certificate authority, drawn for one test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(parameters, key);
        Self { pem, issuer }
    }

    /// Settings of a server at the loopback address, with a certificate of this authority.
    fn server(&self) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder().with_no_client_auth();
        let chain = vec![certificate.der().clone()];
        let mut config = config.with_single_cert(chain, key.into()).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// Starts a server that decrypts TLS, and passes the bytes on to another address. Returns its own address.
fn proxy_to(address: SocketAddr, authority: &Authority) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let own = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // It ends with the test program.
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut engine = tokio::net::TcpStream::connect(address).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
    });
    own
}

fn over_tls(proxy: SocketAddr, authority: &Authority) -> FlightConnection {
    let url = format!("grpc+tls://{proxy}");
    let settings = FlightSettings {
        tls_ca: Some(authority.pem.clone().into_bytes()),
        ..crate::settings(&url, Duration::from_secs(60))
    };
    FlightConnection::new(settings).unwrap()
}

/// An address of the loopback interface at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn an_engine_is_trusted_only_with_a_certificate_of_the_authority() {
    let authority = Authority::new();
    let proxy = proxy_to(nobody(), &authority);
    let ask = |authority: &Authority| {
        let connection = over_tls(proxy, authority);
        connection.ask("the answer", "SELECT 42", 1).unwrap_err()
    };
    let failure = ask(&Authority::new());
    assert_eq!(failure.exit, Exit::Configuration, "{failure}");
    for part in ["the answer", "invalid peer certificate", "engine.tls_ca"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    // The proxy is trusted, and has no engine behind it.
    let failure = ask(&authority);
    assert_eq!(failure.exit, Exit::InputOutput, "{failure}");
}

#[test]
fn an_engine_answers_over_tls() {
    let Some(url) = crate::engine_url() else {
        return;
    };
    let engine = url.strip_prefix("grpc://").unwrap().parse().unwrap();
    let authority = Authority::new();
    let connection = over_tls(proxy_to(engine, &authority), &authority);
    let answer = connection.ask("the answer", "SELECT CAST(42 AS BIGINT)", 1);
    assert_eq!(answer.unwrap().lines, [[Cell::Whole(42)]]);
}
