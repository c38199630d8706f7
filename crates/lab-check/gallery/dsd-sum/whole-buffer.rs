// Makes text of the whole buffer instead of the part that was filled: the last word ends with bytes
// of value 0.
// check: dsd-sum --server "{file} {port}"
// fails: whole whole-buffer
use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    loop {
        let mut buffer = [0; 1024];
        if connection.read(&mut buffer)? == 0 {
            return Ok(());
        }
        let request = String::from_utf8_lossy(&buffer);
        let mut sum = 0_i64;
        let mut answer = None;
        for word in request.split_whitespace() {
            match word.parse::<i64>() {
                Ok(number) => sum += number,
                Err(error) => answer = Some(format!("error: {error}")),
            }
        }
        let answer = answer.unwrap_or_else(|| sum.to_string());
        connection.write_all(answer.as_bytes())?;
    }
}

fn main() -> std::io::Result<()> {
    let port = env::args().nth(1).expect("a port").parse::<u16>().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for connection in listener.incoming() {
        if let Err(error) = connection.and_then(serve) {
            eprintln!("{error}");
        }
    }
    Ok(())
}
