# Calls without joining the realm.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: joins wamp-no-hello
from lib.wamp import Caller, call



class Answer(Caller):
    def join(self):
        pass


call(Answer)
