//! A mail server: as much of RFC 5321 as a message needs, and whatever a test wants it to do wrong.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Receiver as Told;

use crate::listener::Listener;
use crate::tls;

/// What it does in one place instead of what a mail server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does<'a> {
    /// Answers this.
    Says(&'a str),
    /// Answers a byte at a time for a long time.
    Drips,
    /// Answers without end.
    Pours(&'a str),
    /// Says nothing until it is left.
    Hangs,
    /// Closes the connection.
    Closes,
}

/// A kind of mail server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    /// Speaks TLS from the beginning.
    pub(crate) tls: bool,
    /// The lines of its answer to `EHLO` behind the first.
    pub(crate) offers: &'static [&'static str],
    /// At the command that begins so; an empty one is the greeting, `.` the end of the message.
    pub(crate) odd: Option<(&'static str, Does<'static>)>,
}

impl Server {
    pub(crate) const PLAIN: Self = Self { tls: false, offers: &["8BITMIME"], odd: None };

    pub(crate) fn that(self, command: &'static str, does: Does<'static>) -> Self {
        Self { odd: Some((command, does)), ..self }
    }

    pub(crate) fn start(self) -> (Listener, Told<Heard>) {
        Listener::that(move |stream| self.serve(stream))
    }

    fn serve(self, stream: TcpStream) -> Heard {
        let mut heard = Heard::default();
        if self.tls {
            let mut secured = tls::secured(stream);
            if secured.conn.complete_io(&mut secured.sock).is_ok() {
                self.talk(&mut secured, &mut heard);
            }
            return heard;
        }
        let mut stream = stream;
        if self.talk(&mut stream, &mut heard) == Next::Secure {
            let mut secured = tls::secured(stream);
            let inside = Self { offers: &["AUTH PLAIN LOGIN"], ..self };
            if secured.conn.complete_io(&mut secured.sock).is_ok() {
                inside.after_greeting(&mut secured, &mut heard);
            }
        }
        heard
    }

    fn talk(self, stream: &mut impl Duplex, heard: &mut Heard) -> Next {
        match self.answer(stream, "", "220 mail.example.com ESMTP\r\n", heard) {
            Next::Line => self.after_greeting(stream, heard),
            next @ (Next::Secure | Next::End) => next,
        }
    }

    fn after_greeting(self, stream: &mut impl Duplex, heard: &mut Heard) -> Next {
        loop {
            let Some(line) = line(stream) else { return Next::End };
            let reply = self.reply(&line);
            let done = line == "QUIT";
            heard.lines.push(line);
            let command = heard.lines.last().cloned().unwrap_or_default();
            match self.answer(stream, &command, &reply, heard) {
                Next::Line if done => return Next::End,
                Next::Line if command == "DATA" && self.odd_at(&command).is_none() => {
                    let Some(message) = message(stream) else { return Next::End };
                    heard.message = Some(message);
                    if self.answer(stream, ".", "250 2.0.0 taken\r\n", heard) != Next::Line {
                        return Next::End;
                    }
                }
                Next::Line if command == "STARTTLS" => return Next::Secure,
                Next::Line => {}
                next @ (Next::Secure | Next::End) => return next,
            }
        }
    }

    fn reply(self, line: &str) -> String {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let mut lines = vec!["mail.example.com"];
                lines.extend(self.offers);
                let last = lines.len() - 1;
                let numbered = lines.iter().enumerate();
                numbered
                    .map(|(n, line)| format!("250{}{line}\r\n", if n == last { ' ' } else { '-' }))
                    .collect()
            }
            "DATA" => "354 go on\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            "AUTH" if line == "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".to_owned(),
            "AUTH" => "235 welcome\r\n".to_owned(),
            // What `AUTH LOGIN` is answered with: a user, then a password.
            USER => "334 UGFzc3dvcmQ6\r\n".to_owned(),
            PASSWORD => "235 welcome\r\n".to_owned(),
            _ => "250 2.0.0 ok\r\n".to_owned(),
        }
    }

    fn odd_at(self, command: &str) -> Option<Does<'static>> {
        let at = |at: &str| if at.is_empty() { command.is_empty() } else { command.starts_with(at) };
        self.odd.filter(|(place, _)| at(place)).map(|(_, does)| does)
    }

    fn answer(self, stream: &mut impl Duplex, command: &str, reply: &str, heard: &mut Heard) -> Next {
        match self.odd_at(command).unwrap_or(Does::Says(reply)) {
            Does::Says(reply) => stream.write_all(reply.as_bytes()).map_or(Next::End, |()| Next::Line),
            Does::Drips => {
                heard.left = (0..3_000).any(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    stream.write_all(b"2").and_then(|()| stream.flush()).is_err()
                });
                Next::End
            }
            Does::Pours(piece) => {
                let piece = piece.repeat(1_000);
                heard.left =
                    (0..(256 << 20) / piece.len()).any(|_| stream.write_all(piece.as_bytes()).is_err());
                Next::End
            }
            Does::Hangs => {
                let mut rest = [0; 1_024];
                while matches!(stream.read(&mut rest), Ok(1..)) {}
                heard.left = true;
                Next::End
            }
            Does::Closes => Next::End,
        }
    }
}

const USER: &str = "c2tlaW4=";
const PASSWORD: &str = "dGVsbHRhbGUtcGFzc3dvcmQ=";

#[derive(PartialEq, Eq)]
enum Next {
    Line,
    Secure,
    End,
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// What was said to it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Commands.
    pub(crate) lines: Vec<String>,
    /// The message, dots undone.
    pub(crate) message: Option<Vec<u8>>,
    /// Whether the other side went away from somebody who would have gone on.
    pub(crate) left: bool,
}

fn line(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    bytes.truncate(bytes.len() - 2);
    Some(String::from_utf8(bytes).unwrap())
}

fn message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let mut reader = BufReader::with_capacity(1, stream);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok()?;
        match line.as_slice() {
            b"" => return None,
            b".\r\n" => return Some(whole),
            [b'.', rest @ ..] => whole.extend_from_slice(rest),
            other => whole.extend_from_slice(other),
        }
    }
}
