# Keeps the number of the call in one place for all calls, and answers when it has time.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: many wamp-wrong-id
from lib.wamp import Service, serve


import select


class Answer(Service):
    results = []

    def answer(self, request, result):
        # The next call may be here before this one has been answered.
        self.latest = request
        self.results.append(result)

    def serve(self):
        while True:
            self.handle(self.hear())
            while not self.wire.received and not select.select([self.wire.socket], [], [], 0)[0] and self.results:
                super().answer(self.latest, self.results.pop(0))


serve(Answer)
