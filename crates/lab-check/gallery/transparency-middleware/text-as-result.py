# Gives an error as a text in the place of the result.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: errors wamp-no-error
from lib.wamp import Service, serve



class Answer(Service):
    def invoked(self, request, name, args):
        try:
            super().invoked(request, name, args)
        except (TypeError, ValueError) as error:
            self.answer(request, str(error))

    def calculate(self, name, args):
        a, b = args
        if name == "divide" and b == 0:
            return "nothing can be divided by 0"
        return {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": b and a / b}[name]


serve(Answer)
