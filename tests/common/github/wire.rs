//! The listener under the fake: it lets an answer be replaced by raw bytes or by a reset connection, which no honest
//! HTTP server would send.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What goes over the wire in place of the answer; the connection ends behind it.
#[derive(Clone, Debug)]
pub enum Raw {
    Bytes(Vec<u8>),
    Reset,
}

/// One connection, as its handler knows it.
#[derive(Clone, Debug, Default)]
pub struct Connection(Arc<Mutex<Option<Raw>>>);

impl Connection {
    pub fn sabotage(&self, raw: Raw) {
        *self.0.lock().expect("no holder panicked") = Some(raw);
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Connection {
        stream.remote_addr().clone()
    }
}

pub struct Door(pub TcpListener);

impl Listener for Door {
    type Io = Wire;
    type Addr = Connection;

    async fn accept(&mut self) -> (Wire, Connection) {
        loop {
            if let Ok((stream, _)) = self.0.accept().await {
                let connection = Connection::default();
                return (Wire { stream, sent: 0, connection: connection.clone() }, connection);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection::default())
    }
}

pub struct Wire {
    stream: TcpStream,
    /// How much of the raw bytes is out.
    sent: usize,
    connection: Connection,
}

impl Wire {
    /// Sends the raw bytes, then fails, so that the server gives the connection up.
    fn send_raw(&mut self, raw: Raw, context: &mut Context<'_>) -> Poll<io::Error> {
        let end = io::Error::from(io::ErrorKind::ConnectionAborted);
        let Raw::Bytes(bytes) = raw else {
            return Poll::Ready(self.stream.set_zero_linger().err().unwrap_or(end));
        };
        while self.sent < bytes.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[self.sent..])) {
                Ok(count) => self.sent += count,
                Err(error) => return Poll::Ready(error),
            }
        }
        Poll::Ready(end)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let raw = self.connection.0.lock().expect("no holder panicked").clone();
        match raw {
            Some(raw) => self.send_raw(raw, context).map(Err),
            None => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
