//! An HTTP server that can also close or reset the connection instead of sending a response.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::{Router, body::Body, response::Response};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use lambda_http::Service;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    url: String,
    task: JoinHandle<()>,
    end_of_connections: watch::Sender<End>,
}

/// What happens to open connections while a function is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They are closed normally.
    Closed,
    /// They stay open, but the server never reads or responds again, as if every packet were lost.
    Forgotten,
}

/// Marks a response that is replaced by closing the connection.
#[derive(Clone, Copy, Debug)]
struct HangUp {
    /// Whether to reset the connection (RST) instead of closing it.
    reset: bool,
}

impl Server {
    /// Serves these routes.
    ///
    /// # Errors
    ///
    /// If the listener's local address cannot be read.
    pub fn start(listener: TcpListener, routes: Router) -> io::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        let end_of_connections = watch::Sender::new(End::Closed);
        let ends = end_of_connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let routes = routes.clone();
                let mut end = ends.subscribe();
                tokio::spawn(async move {
                    let is_reset = AtomicBool::new(false);
                    let service = service_fn(|request| {
                        let answer = routes.clone().call(request);
                        async {
                            let response = answer.await.unwrap_or_else(|never| match never {});
                            let Some(hang_up) = response.extensions().get::<HangUp>() else { return Ok(response) };
                            is_reset.store(hang_up.reset, Ordering::SeqCst);
                            Err(io::Error::other("hung up on purpose"))
                        }
                    });
                    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        // Ignore the result: a connection that the client or a hang-up closes is not a server error.
                        _ = &mut connection => {}
                        Ok(()) = end.changed() => {
                            if *end.borrow() == End::Forgotten {
                                std::future::pending::<()>().await;
                            }
                        }
                    }
                    if is_reset.load(Ordering::SeqCst) {
                        let _ = connection.into_parts().io.into_inner().set_zero_linger();
                    }
                });
            }
        });
        Ok(Self { url, task, end_of_connections })
    }

    /// Serves these routes on a free port of this machine.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start_on_free_port(routes: Router) -> io::Result<Self> {
        Self::start(TcpListener::bind("127.0.0.1:0").await?, routes)
    }

    /// Ends all open connections. New ones are served.
    pub fn end_connections(&self, end: End) {
        self.end_of_connections.send_replace(end);
    }

    /// The URL it listens on.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A response that makes [`Server`] close the connection instead.
#[must_use]
pub fn hang_up() -> Response {
    end_by(HangUp { reset: false })
}

/// A response that makes [`Server`] reset the connection instead.
#[must_use]
pub fn reset() -> Response {
    end_by(HangUp { reset: true })
}

fn end_by(hang_up: HangUp) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(hang_up);
    response
}
