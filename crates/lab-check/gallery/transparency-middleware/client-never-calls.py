# Joins the realm and waits for somebody to call.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: calls no-answer
from lib.wamp import Caller, call



class Answer(Caller):
    def call(self):
        print(self.hear())


call(Answer)
