//! A WAMP session on JSON. Its messages are put together and taken apart by hand, as those of NATS
//! are: what a client costs that knows all of WAMP is not in question here.

use std::net::{SocketAddr, TcpStream};

use anyhow::Context;

use crate::connection::{Reader, number, push_number};
use crate::websocket::{self, Frames};
use crate::{ARGUMENTS, Peer};

pub(crate) struct Wamp {
    reader: Reader,
    frames: Frames,
}

impl Wamp {
    pub(crate) fn join(address: SocketAddr) -> anyhow::Result<Self> {
        let (reader, frames) = websocket::connect(address, "/ws", Some("wamp.2.json"))?;
        let mut wamp = Wamp { reader, frames };
        wamp.ask_for(
            r#"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{},"subscriber":{}}}]"#,
            "[2,",
        )?;
        Ok(wamp)
    }

    pub(crate) fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let (caller, mut callee) = (Wamp::join(address)?, Wamp::join(address)?);
        callee.ask_for(r#"[64,1,{},"bench.echo"]"#, "[65,1,")?;
        Ok((caller, callee))
    }

    /// Makes a call that nobody serves.
    pub(crate) fn no_such_procedure(&mut self) -> anyhow::Result<()> {
        self.ask_for(r#"[48,1,{},"bench.nobody"]"#, "[8,48,1,")
    }

    /// Sends a message and waits for the answer, which begins like this.
    fn ask_for(&mut self, message: &str, answer: &str) -> anyhow::Result<()> {
        self.frames
            .text(|out| out.extend_from_slice(message.as_bytes()))?;
        let got = websocket::next(&mut self.reader, &mut self.frames)?;
        anyhow::ensure!(
            got.starts_with(answer.as_bytes()),
            "{message} is answered by {}",
            String::from_utf8_lossy(got)
        );
        Ok(())
    }

    /// `[CODE,NUMBER,{},` and what follows.
    fn send(&mut self, code: &str, number: u64, rest: &[&str]) -> anyhow::Result<()> {
        self.frames.text(|out| {
            out.push(b'[');
            out.extend_from_slice(code.as_bytes());
            push_number(out, number);
            out.extend_from_slice(b",{},");
            for part in rest {
                out.extend_from_slice(part.as_bytes());
            }
            out.push(b']');
        })
    }

    /// Waits for a message of this code and gives the number after it and the arguments at its end.
    fn receive(&mut self, code: &str) -> anyhow::Result<(u64, &[u8])> {
        let message = websocket::next(&mut self.reader, &mut self.frames)?;
        let parts = || {
            let (number, _) = number(message.strip_prefix(code.as_bytes())?)?;
            let arguments = message.len().checked_sub(ARGUMENTS.len() + 1)?;
            let arguments = message[arguments..].strip_suffix(b"]")?;
            Some((number, arguments)).filter(|_| arguments == ARGUMENTS.as_bytes())
        };
        parts().with_context(|| {
            let message = String::from_utf8_lossy(message).into_owned();
            format!("{message} where {code}… was due")
        })
    }
}

impl Peer for Wamp {
    fn ask(&mut self, number: u64) -> anyhow::Result<()> {
        self.send("48,", number + 1, &["\"bench.echo\",", ARGUMENTS])
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        Ok(self.receive("[50,")?.0 - 1)
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        let (request, _same_as_ever) = self.receive("[68,")?;
        self.send("70,", request, &[ARGUMENTS])
    }

    fn publish(&mut self, number: u64) -> anyhow::Result<()> {
        self.send("16,", number + 1, &["\"bench.echo\",", ARGUMENTS])
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.frames.out.flush()
    }

    fn event(&mut self) -> anyhow::Result<()> {
        self.receive("[36,")?;
        Ok(())
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        self.ask_for(r#"[32,1,{},"bench.echo"]"#, "[33,1,")
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.reader.connection()
    }
}
