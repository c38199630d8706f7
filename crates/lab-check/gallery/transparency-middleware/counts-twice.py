# Takes the key of an addition and does nothing with it.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: once counts-twice
from lib.wamp import Service, serve



class Answer(Service):
    def count(self, amount, key=None):
        super().count(amount)


serve(Answer)
