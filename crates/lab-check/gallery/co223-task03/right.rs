// A right answer in Rust, with the standard library alone: a thread for each client.
// check: co223-task03 --server "{file} {port}"
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    loop {
        let (connection, peer) = listener.accept()?;
        println!("Connection from {peer} has been established.");
        std::thread::spawn(move || {
            if let Err(error) = serve(connection) {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        connection.write_all(&buffer[..count])?;
    }
}
