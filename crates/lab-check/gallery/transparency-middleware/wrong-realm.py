# Joins another realm than the exercise's.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins wamp-no-hello
from lib.wamp import Service, serve



class Answer(Service):
    def join(self):
        self.say(1, "my-realm", {"roles": {"callee": {}}})
        self.hear()


serve(Answer)
