// A right client in Rust.
// check: cmpu-udp-echo --client "{file} {port} {message}"
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let message = arguments[2].as_bytes();
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(format!("127.0.0.1:{}", arguments[1]))?;
    println!("Sending {}", arguments[2]);
    let mut buffer = vec![0; 65535];
    for _ in 0..4 {
        client.send(message)?;
        let deadline = Instant::now() + Duration::from_millis(500);
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            client.set_read_timeout(Some(left))?;
            match client.recv(&mut buffer) {
                Ok(count) if &buffer[..count] == message => {
                    println!("received {}", arguments[2]);
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Err(std::io::Error::other("no echo came"))
}
