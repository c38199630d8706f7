# Opens the WebSocket without saying that it will speak WAMP.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins ws-subprotocol
from lib.wamp import Service, WebSocket, serve



class Plain(WebSocket):
    def send_request(self, host, port):
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        self.socket.sendall((
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())


class Answer(Service):
    websocket = Plain


serve(Answer)
