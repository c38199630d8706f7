// A right answer in Rust. The standard library makes a socket only together with bind or connect.
// check: transparency-socket2 --program "{file}"
use std::net::TcpListener;

fn main() {
    match TcpListener::bind("127.0.0.1:0") {
        Ok(_socket) => println!("Socket Created"),
        Err(error) => {
            println!("Failed to create socket. {error}");
            std::process::exit(1);
        }
    }
}
