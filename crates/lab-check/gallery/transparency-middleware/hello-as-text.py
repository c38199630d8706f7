# Sends a text where a message of WAMP belongs.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins wamp-no-message
from lib.wamp import Service, serve



class Answer(Service):
    def join(self):
        self.wire.send("HELLO realm1")
        self.hear()


serve(Answer)
