// A right answer in Rust.
// check: transparency-socket3 --client "{file} {host} {port}"
use std::net::{TcpStream, ToSocketAddrs};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (host, port) = (&arguments[1], arguments[2].parse().expect("a port"));
    let Some(address) = (host.as_str(), port).to_socket_addrs().ok().and_then(|mut all| all.find(|one| one.is_ipv4())) else {
        println!("Hostname could not be resolved. Exiting");
        std::process::exit(1);
    };
    println!("Ip address of {host} is {}", address.ip());
    TcpStream::connect(address)?;
    println!("Socket Connected to {host} on ip {}", address.ip());
    Ok(())
}
