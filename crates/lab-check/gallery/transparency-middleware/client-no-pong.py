# Reads over pings.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: ping ws-no-pong
from lib.wamp import Caller, WebSocket, call



class Deaf(WebSocket):
    def pong(self, content):
        pass


class Answer(Caller):
    websocket = Deaf


call(Answer)
