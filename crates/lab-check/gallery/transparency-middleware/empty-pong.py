# Answers a ping with an empty pong.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: ping ws-no-pong
from lib.wamp import Service, WebSocket, serve



class Brief(WebSocket):
    def pong(self, content):
        self.send_frame(10, b"")


class Answer(Service):
    websocket = Brief


serve(Answer)
