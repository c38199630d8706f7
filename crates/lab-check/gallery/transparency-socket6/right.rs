// A right answer in Rust, which reads to the end.
// check: transparency-socket6 --client "{file} {port}"
use std::io::Read;
use std::net::TcpStream;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let mut thanks = Vec::new();
    TcpStream::connect(format!("127.0.0.1:{port}"))?.read_to_end(&mut thanks)?;
    if thanks.is_empty() {
        return Err(std::io::Error::other("the server left without a word"));
    }
    println!("{}", thanks.escape_ascii());
    Ok(())
}
