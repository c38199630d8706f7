# Reads over pings.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: ping ws-no-pong
from lib.wamp import Service, WebSocket, serve



class Deaf(WebSocket):
    def pong(self, content):
        pass


class Answer(Service):
    websocket = Deaf


serve(Answer)
