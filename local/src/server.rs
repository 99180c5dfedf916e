//! An HTTP server that can also do what servers do when they break: close the connection without an answer.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::{Router, body::Body, response::Response};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use lambda_http::Service;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A running server, which stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    url: String,
    task: JoinHandle<()>,
    end_of_connections: watch::Sender<End>,
}

/// What becomes of connections that are open while a function is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They are closed in due form.
    Closed,
    /// They are forgotten on the way: what is written is taken, and nobody answers.
    Forgotten,
}

/// Marks a response that is not sent: the connection closes instead.
#[derive(Clone, Copy, Debug)]
struct HangUp {
    /// Whether with a reset (RST).
    reset: bool,
}

impl Server {
    /// Serves these routes.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
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
                        // The client closing its side, or ours by a hang-up, is no failure of the server.
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
    /// If there is none.
    pub async fn start_anywhere(routes: Router) -> io::Result<Self> {
        Self::start(TcpListener::bind("127.0.0.1:0").await?, routes)
    }

    /// Ends all connections that are open. New ones are served.
    pub fn end_connections(&self, end: End) {
        self.end_of_connections.send_replace(end);
    }

    /// Where it listens.
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

/// A response for which [`Server`] closes the connection.
#[must_use]
pub fn hang_up() -> Response {
    end_by(HangUp { reset: false })
}

/// A response for which [`Server`] resets the connection.
#[must_use]
pub fn reset() -> Response {
    end_by(HangUp { reset: true })
}

fn end_by(hang_up: HangUp) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(hang_up);
    response
}
