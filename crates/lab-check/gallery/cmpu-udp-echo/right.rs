// A right answer in Rust, which only the standard library is needed for.
// check: cmpu-udp-echo --server "{file} {port}"
use std::net::UdpSocket;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let server = UdpSocket::bind(format!("127.0.0.1:{port}"))?;
    let mut buffer = vec![0; 65535];
    loop {
        let Ok((count, client)) = server.recv_from(&mut buffer) else {
            continue;
        };
        println!("received {count} bytes from {client}");
        if let Err(error) = server.send_to(&buffer[..count], client) {
            eprintln!("{client}: {error}");
        }
    }
}
