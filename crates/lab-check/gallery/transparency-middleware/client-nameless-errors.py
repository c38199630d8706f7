# Says that it failed, and not how.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: error not-printed
from lib.wamp import Caller, call



class Answer(Caller):
    def failed(self, name):
        raise SystemExit("that did not work")


call(Answer)
