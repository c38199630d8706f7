// A right answer in Rust. Without a library for it the number is drawn from a hash that the system
// seeds.
// check: cmpu-guess --server "{file} {port}"
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::net::UdpSocket;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).expect("a port");
    let number = (RandomState::new().hash_one(0) % 100 + 1) as i64;
    let server = UdpSocket::bind(format!("127.0.0.1:{port}"))?;
    let mut buffer = vec![0; 65535];
    loop {
        let Ok((count, client)) = server.recv_from(&mut buffer) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..count]);
        let answer = match text.trim().parse::<i64>().map(|guess| number.cmp(&guess)) {
            Ok(Ordering::Greater) => "HIGHER",
            Ok(Ordering::Less) => "LOWER",
            Ok(Ordering::Equal) => "CORRECT",
            Err(_) => "ERROR: this is not a whole number",
        };
        if let Err(error) = server.send_to(answer.as_bytes(), client) {
            eprintln!("{client}: {error}");
        }
    }
}
