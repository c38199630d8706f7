# Closes the connection when the router says goodbye, without a word.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: goodbye wamp-no-goodbye
from lib.wamp import Service, serve

import sys


class Answer(Service):
    def goodbye(self):
        self.wire.socket.close()
        sys.exit()


serve(Answer)
