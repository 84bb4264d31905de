//! A connection on which every wait ends and nothing is read without bound.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::deadline::Deadline;

/// Of one reply; RFC 5321 has 512 for a line.
const REPLY_BYTES_MAX: usize = 16 << 10;

/// A socket whose reads and writes share one end. However slowly bytes come, the end stays.
#[derive(Debug)]
struct Timed {
    socket: TcpStream,
    deadline: Deadline,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.deadline.left().ok_or(io::ErrorKind::TimedOut)?))?;
        self.socket.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.deadline.left().ok_or(io::ErrorKind::TimedOut)?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[derive(Debug)]
enum Channel {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
    /// TLS did not come about.
    Broken,
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Broken => Ok(()),
        }
    }
}

/// Lines there and replies back.
#[derive(Debug)]
pub(super) struct Wire {
    channel: Channel,
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, deadline: Deadline) -> Self {
        Self { channel: Channel::Plain(Timed { socket, deadline }), unread: Vec::new() }
    }

    /// Goes on over TLS. What came before it is not to be believed after it: whoever was in between may have said it.
    pub(super) fn secure(&mut self, config: &Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<()> {
        let Channel::Plain(mut timed) = std::mem::replace(&mut self.channel, Channel::Broken) else {
            return Err(io::Error::other("TLS within TLS"));
        };
        if !self.unread.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "words before TLS began"));
        }
        let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut timed)?;
        }
        self.channel = Channel::Tls(Box::new(StreamOwned::new(connection, timed)));
        Ok(())
    }

    /// From here on there is no more time than this.
    pub(super) fn hurry(&mut self, patience: Duration) {
        let timed = match &mut self.channel {
            Channel::Plain(timed) => timed,
            Channel::Tls(stream) => &mut stream.sock,
            Channel::Broken => return,
        };
        timed.deadline = timed.deadline.within(patience);
    }

    /// Ours, on the way to the server.
    pub(super) fn own_address(&self) -> io::Result<IpAddr> {
        let timed = match &self.channel {
            Channel::Plain(timed) => timed,
            Channel::Tls(stream) => &stream.sock,
            Channel::Broken => return Err(io::ErrorKind::NotConnected.into()),
        };
        Ok(timed.socket.local_addr()?.ip().to_canonical())
    }

    pub(super) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.channel.write_all(bytes)?;
        self.channel.flush()
    }

    /// A whole reply: its last line has a space behind the number, those before it a `-`.
    pub(super) fn reply(&mut self) -> io::Result<String> {
        let mut begins = 0;
        loop {
            while let Some(end) = line_end(&self.unread, begins) {
                let last = self.unread.get(begins + 3) != Some(&b'-');
                begins = end;
                if last {
                    let rest = self.unread.split_off(end);
                    let reply = std::mem::replace(&mut self.unread, rest);
                    return String::from_utf8(reply).map_err(|_| io::ErrorKind::InvalidData.into());
                }
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        if self.unread.len() >= REPLY_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut piece = [0; 2_048];
        let read = self.channel.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&piece[..read]);
        Ok(())
    }
}

/// Where the line that begins at `start` is over.
fn line_end(bytes: &[u8], start: usize) -> Option<usize> {
    let line = bytes.get(start..)?;
    line.windows(2).position(|pair| pair == b"\r\n").map(|at| start + at + 2)
}
