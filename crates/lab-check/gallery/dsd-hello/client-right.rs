// A right client in Rust, with the standard library alone.
// check: dsd-hello --client "{file} {port} {message}"
use std::io::{Read, Write};
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().unwrap();
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.write_all(arguments[2].as_bytes())?;
    let mut answer = [0; 1024];
    let count = server.read(&mut answer)?;
    println!("Server says: {}", String::from_utf8_lossy(&answer[..count]));
    Ok(())
}
