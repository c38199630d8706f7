# Sets a reserved bit in each frame, as if compression had been agreed on.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins ws-bad-frame
from lib.wamp import Service, WebSocket, serve



class Compressing(WebSocket):
    def send(self, text):
        self.send_frame(0x41, text.encode())


class Answer(Service):
    websocket = Compressing


serve(Answer)
