# Keeps its total in memory only.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: keeps forgets
from lib.wamp import Service, serve



class Answer(Service):
    def save(self):
        pass


serve(Answer)
