// A right answer in Rust.
// check: transparency-socket4 --client "{file} {host} {port}"
use std::io::{Read, Write};
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (host, port) = (&arguments[1], &arguments[2]);
    let mut server = TcpStream::connect(format!("{host}:{port}"))?;
    server.write_all(format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut buffer = [0; 4096];
    let count = server.read(&mut buffer)?;
    if count == 0 {
        return Err(std::io::Error::other("the server left without a page"));
    }
    println!("{}", buffer[..count].escape_ascii());
    Ok(())
}
