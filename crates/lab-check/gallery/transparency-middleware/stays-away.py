# Ends when the router has gone.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: comes-back stays-away
from lib.wamp import Service, serve

import sys


class Answer(Service):
    def serve(self):
        try:
            super().serve()
        except ConnectionError as error:
            sys.exit(f"lost: {error}")


serve(Answer)
