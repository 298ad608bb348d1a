//! A connection by hand, for clients that do what no decent client does.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Discovery, PATIENCE};

/// A client that reads only when it is told to.
pub(crate) struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Asks for `path`; the system keeps about `receive_bytes` for the client.
    pub(crate) async fn ask(discovery: &Discovery, path: &str, headers: &str, receive_bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(receive_bytes).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], discovery.port()).into()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream }
    }

    /// Asks for a WebSocket, and does not read the answer.
    pub(crate) async fn upgrade(discovery: &Discovery, path: &str) -> Self {
        let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        Self::ask(discovery, path, headers, 4_096).await
    }

    /// Asks for an event stream, and does not read the answer.
    pub(crate) async fn stream(discovery: &Discovery, path: &str) -> Self {
        Self::ask(discovery, path, "Accept: text/event-stream\r\n", 4_096).await
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// All that comes until the connection ends, and whether it broke.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut read = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match timeout(PATIENCE, self.stream.read(&mut chunk)).await.expect("the connection stays open") {
                Ok(0) => return (read, Ok(())),
                Ok(bytes) => read.extend_from_slice(&chunk[..bytes]),
                Err(error) => return (read, Err(error)),
            }
        }
    }
}
