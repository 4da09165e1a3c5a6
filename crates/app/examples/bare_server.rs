//! The ceiling of `scripts/bench-serving.sh`: a server of the same HTTP library that reads the body
//! and answers a constant.
//!
//! Listens on the port of this machine that its argument names.

use std::env;
use std::io;

use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer};

/// Larger than any body that the benchmark sends.
const BODY_BYTES: usize = 16 * 1024 * 1024;

#[actix_web::main]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other("the argument must be a port"))?;
    HttpServer::new(|| {
        App::new()
            .app_data(PayloadConfig::new(BODY_BYTES))
            .route("/prediction", web::post().to(answer))
            .route("/readyz", web::get().to(HttpResponse::Ok))
    })
    .bind(("127.0.0.1", port))?
    .run()
    .await
}

async fn answer(body: Bytes) -> HttpResponse {
    // The body is used, so that reading it cannot be left out.
    let answer = if body.is_empty() { "0" } else { "1" };
    HttpResponse::Ok().content_type("text/plain").body(answer)
}
