//! Baseline of `scripts/bench-serving.sh`: a server with the same HTTP library that reads the body
//! and returns a constant.
//!
//! The argument is the port to listen on.

use std::env;
use std::io;

use actix_web::rt::System;
use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer};

/// Larger than any body that the benchmark sends.
const BODY_BYTES: usize = 16 * 1024 * 1024;

fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| io::Error::other("the argument must be a port"))?;
    System::new().block_on(serve(port))
}

async fn serve(port: u16) -> io::Result<()> {
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
    // The answer depends on the body, so that the compiler cannot leave out the read.
    let answer = if body.is_empty() { "0" } else { "1" };
    HttpResponse::Ok().content_type("text/plain").body(answer)
}
