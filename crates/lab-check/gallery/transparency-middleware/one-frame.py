# Takes one frame for one message.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: frames ws-frame-for-message
from lib.wamp import Service, WebSocket, serve



class Hasty(WebSocket):
    def read(self):
        while True:
            first, content = self.read_frame()
            if first & 0x0F == 9:
                self.pong(content)
            else:
                return content.decode()


class Answer(Service):
    websocket = Hasty


serve(Answer)
