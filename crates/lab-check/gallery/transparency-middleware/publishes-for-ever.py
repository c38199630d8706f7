# Publishes its total again and again, and never comes to register.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: registers wamp-floods
from lib.wamp import Service, serve


class Answer(Service):
    def register(self):
        while True:
            self.say(16, self.next(), {}, "org.example.counter.changed", [0])


serve(Answer)
