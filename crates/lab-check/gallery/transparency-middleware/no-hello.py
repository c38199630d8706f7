# Registers at once, without joining the realm.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins wamp-no-hello
from lib.wamp import Service, serve



class Answer(Service):
    def join(self):
        pass


serve(Answer)
