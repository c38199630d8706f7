# Treats one recv as one frame.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: bytes one-recv
from lib.wamp import Service, WebSocket, serve



class Hasty(WebSocket):
    def read_frame(self):
        # Two bytes of head, and two more when the length needs them.
        if not self.received:
            self.receive()
        first, length = self.received[0], self.received[1] if len(self.received) > 1 else 0
        start = 4 if length == 126 else 2
        length = int.from_bytes(self.received[2:4], "big") if length == 126 else length
        content, self.received = self.received[start:start + length], self.received[start + length:]
        return first, content


class Answer(Service):
    websocket = Hasty


serve(Answer)
