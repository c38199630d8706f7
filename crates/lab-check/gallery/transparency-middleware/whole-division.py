# Divides without a rest: 1 / 4 is 0.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: calculates wrong-answer
from lib.wamp import Failed, Service, serve



class Answer(Service):
    def divide(self, a, b):
        if b == 0:
            raise Failed("org.example.error.division_by_zero")
        return a // b


serve(Answer)
