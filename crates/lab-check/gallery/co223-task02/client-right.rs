// A right client in Rust, with the standard library alone.
// check: co223-task02 --client "{file} {port}"
use std::io::Read;
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut message = Vec::new();
    TcpStream::connect(("127.0.0.1", port))?.read_to_end(&mut message)?;
    println!("{}", String::from_utf8_lossy(&message));
    Ok(())
}
