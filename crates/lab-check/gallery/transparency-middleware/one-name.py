# Registers the calculator and forgets the counter.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: registers wamp-not-registered
from lib.wamp import Service, serve



class Answer(Service):
    def register(self):
        for name in ("add", "subtract", "multiply", "divide"):
            self.register_name("org.example.calculator." + name)


serve(Answer)
