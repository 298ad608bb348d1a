//! Connections that can be cut from outside, and the server that listens for them.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Edge, app};
use crate::actors::Line;

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of its request.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to close its end.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A client's connection. Its line tells whether it moves, and breaks it.
struct Connection {
    stream: TcpStream,
    line: Arc<Line>,
    is_bounded: bool,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        // Events are short, and are to be seen at once.
        let _ = stream.set_nodelay(true);
        Self { stream, line: Arc::default(), is_bounded: false }
    }

    fn refuse_when_cut(&self, context: &Context<'_>) -> io::Result<()> {
        if !self.line.poll_cut(context) {
            return Ok(());
        }
        // What the client has not taken is thrown away with the connection; otherwise the system would keep it.
        let _ = self.stream.set_zero_linger();
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it was cut"))
    }

    /// From the first byte of a session on, only so much may wait in the operating system.
    fn bound(&mut self) {
        if self.is_bounded {
            return;
        }
        if let Some(bytes) = self.line.session_bytes() {
            self.is_bounded = true;
            if let Err(error) = SockRef::from(&self.stream).set_send_buffer_size(bytes) {
                tracing::debug!(%error, "the buffer of a connection stays as it is");
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.line.note_gone();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.refuse_when_cut(context)?;
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == filled {
            self.line.note_hang_up();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.refuse_when_cut(context)?;
        self.bound();
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.line.note_write(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse_when_cut(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Serves `edge` on `listener` until the server is stopped; signals are the caller's.
///
/// # Errors
///
/// Where the listener cannot be used.
pub fn serve(edge: Edge, listener: TcpListener) -> io::Result<Server> {
    let stop_timeout = edge.config.limits.stop_timeout;
    let address = listener.local_addr()?;
    let server = Server::build().disable_signals().shutdown_timeout(stop_timeout.as_secs());
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("discovery", listener, move || {
        let edge = edge.clone();
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || stopped(stopping.clone()))
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(REQUEST_HEAD_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data: &mut actix_http::Extensions| {
                data.insert(Arc::clone(&connection.line));
            })
            .finish(map_config(app(&edge), |()| AppConfig::default()));
        let accept = |stream: TcpStream| async move {
            let peer = stream.peer_addr().ok();
            Ok((Connection::new(stream), Protocol::Http1, peer))
        };
        fn_service(accept).and_then(http)
    })?;
    Ok(server.run())
}

async fn stopped(signal: GracefulShutdownSignal) {
    signal.notified().await;
}
