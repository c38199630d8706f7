# Does not announce that the total has changed.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: tells wamp-no-event
from lib.wamp import Service, serve



class Answer(Service):
    def publish(self):
        pass


serve(Answer)
