//! Finds a web server's address and connects to it.
//!
//! Python:     `socket_3.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket3`
//! You see:    `Socket Created`, `Ip address of www.google.co.uk is 142.250.180.3` and
//!             `Socket Connected to www.google.co.uk on ip 142.250.180.3`
//! Safety:     connects to a web server on the Internet and sends it nothing; --host names another

use labnet::{Cannot, Hint, say};
use socket2::{Domain, Socket, Type};

fn main() -> labnet::MainResult {
    let args = labnet::client_args("Finds a web server's address and connects to it.")
        .host("www.google.co.uk")
        .port(80)
        .parse()?;
    let host = &args.host;

    // region: exercise
    // 1. Create the socket
    let server = Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;
    say!("Socket Created")?;

    // 2. Resolve the host name: the system asks its hosts file, then a name server
    // An IPv4 socket needs an IPv4 address. The first one is taken, as gethostbyname() does.
    let address = match args.address() {
        Ok(address) => address,
        Err(error) => {
            say!("Hostname could not be resolved. Exiting")?;
            return Err(error.into());
        }
    };
    let ip = address.ip();
    say!("Ip address of {host} is {ip}")?;

    // 3. Connect to the web server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is there a web server? cargo lab run transparency-socket3 starts one")?;
    say!("Socket Connected to {host} on ip {ip}")?;
    Ok(())
    // endregion: exercise
} // The socket is closed here: the server receives FIN, and never a request.
