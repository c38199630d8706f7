// A right answer in Rust.
// check: transparency-socket5 --server "{file} {port}"
use std::io::Write;
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    for connection in listener.incoming() {
        let thanked = connection.and_then(|mut client| client.write_all(b"Thank you for connecting"));
        if let Err(error) = thanked {
            eprintln!("{error}");
        }
    }
    Ok(())
}
