// A right answer in Rust.
// check: portscan --program "{file} {host} {first} {last}"
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port = |at: usize| arguments[at].parse::<u16>().expect("a port");
    let host = (arguments[1].as_str(), 0).to_socket_addrs().expect("a host");
    let mut address = host.into_iter().find(|address| address.is_ipv4()).expect("an IPv4 address");
    for port in port(2)..=port(3) {
        address.set_port(port);
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            println!("Port {port}: open");
        }
    }
}
