//! The request, with and without a port in its Host line.

use super::request;

#[test]
fn the_host_line_names_the_port_unless_it_is_80() {
    let rest = "\r\nConnection: close\r\n\r\n";
    assert_eq!(
        request("www.google.co.uk", 80),
        format!("GET / HTTP/1.1\r\nHost: www.google.co.uk{rest}")
    );
    assert_eq!(
        request("localhost", 8000),
        format!("GET / HTTP/1.1\r\nHost: localhost:8000{rest}")
    );
}
