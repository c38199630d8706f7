# Takes one frame for one message.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: frames ws-frame-for-message
from lib.wamp import Caller, WebSocket, call



class Hasty(WebSocket):
    def read(self):
        while True:
            first, content = self.read_frame()
            if first & 0x0F == 9:
                self.pong(content)
            else:
                return content.decode()


class Answer(Caller):
    websocket = Hasty


call(Answer)
