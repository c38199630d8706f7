// A right answer in Rust, with the standard library alone.
// check: dsd-eof --server "{file} {port}"
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const TOKEN: &[u8] = b"<EOF>";

fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    // The standard library's listener sets SO_REUSEADDR itself.
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for connection in listener.incoming() {
        let connection = connection?;
        // A client may have broken the connection off by now: then it has no address any more.
        if let Ok(peer) = connection.peer_addr() {
            println!("Connected by {peer}");
        }
        std::thread::spawn(move || serve(connection));
    }
    Ok(())
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    let mut searched = 0;
    let mut piece = [0; 65536];
    loop {
        let count = connection.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        buffer.extend_from_slice(&piece[..count]);
        while let Some(at) = find(&buffer[searched..]).map(|at| at + searched) {
            let text: Vec<u8> = buffer.drain(..at + TOKEN.len()).take(at).collect();
            searched = 0;
            let answer = [b"I got \"", &text[..], b"\" from you and I am sending it back.", TOKEN].concat();
            connection.write_all(&answer)?;
        }
        searched = buffer.len().saturating_sub(TOKEN.len() - 1);
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(TOKEN.len()).position(|window| window == TOKEN)
}
