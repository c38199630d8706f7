# Works on a call and keeps the result for itself.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: calculates no-answer
from lib.wamp import Service, serve



class Answer(Service):
    def answer(self, request, result):
        print(result)


serve(Answer)
