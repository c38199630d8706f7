# Leaves the version out of the request for a WebSocket.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins ws-handshake
from lib.wamp import Service, WebSocket, serve



class Plain(WebSocket):
    def send_request(self, host, port):
        self.socket.sendall((
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n").encode())


class Answer(Service):
    websocket = Plain


serve(Answer)
