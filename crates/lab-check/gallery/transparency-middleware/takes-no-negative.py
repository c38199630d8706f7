# Counts up and never down.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: counts wrong-answer
from lib.wamp import Service, serve



class Answer(Service):
    def count(self, amount, key=None):
        super().count(abs(amount), key)


serve(Answer)
