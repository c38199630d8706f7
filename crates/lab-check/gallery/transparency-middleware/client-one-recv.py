# Treats one recv as one frame.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: bytes one-recv
from lib.wamp import Caller, WebSocket, call



class Hasty(WebSocket):
    def read_frame(self):
        if not self.received:
            self.receive()
        first, length = self.received[0], self.received[1] if len(self.received) > 1 else 0
        start = 4 if length == 126 else 2
        length = int.from_bytes(self.received[2:4], "big") if length == 126 else length
        content, self.received = self.received[start:start + length], self.received[start + length:]
        return first, content


class Answer(Caller):
    websocket = Hasty


call(Answer)
