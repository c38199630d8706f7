# Sends one pong after another, which nobody asked for, and never calls.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: calls wamp-floods
from lib.wamp import Caller, call



class Answer(Caller):
    def call(self):
        while True:
            self.wire.pong(b"here")


call(Answer)
