# Tries to read forever when the connection is broken.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: router-breaks hangs
from lib.wamp import Caller, WebSocket, call

import threading


class Stubborn(WebSocket):
    def receive(self):
        try:
            super().receive()
        except ConnectionError:
            # "It will come back."
            threading.Event().wait()


class Answer(Caller):
    websocket = Stubborn


call(Answer)
