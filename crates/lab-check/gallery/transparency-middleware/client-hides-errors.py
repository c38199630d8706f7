# Prints every answer as if it were a result, and ends with exit code 0.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: error silent-failure
from lib.wamp import Caller, call



class Answer(Caller):
    def failed(self, name):
        print(name)
        raise SystemExit(0)


call(Answer)
