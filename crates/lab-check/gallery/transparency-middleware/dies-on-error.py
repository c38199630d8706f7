# Does not catch what goes wrong in a procedure: one bad call ends the service.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: errors wamp-no-error
from lib.wamp import Service, serve



class Answer(Service):
    def divide(self, a, b):
        return a / b


serve(Answer)
