# Takes whatever the router says first for a welcome, and ends well whatever happens next.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: refused silent-failure
from lib.wamp import Caller, call



class Answer(Caller):
    def refused(self):
        print("not let in")
        raise SystemExit(0)


call(Answer)
