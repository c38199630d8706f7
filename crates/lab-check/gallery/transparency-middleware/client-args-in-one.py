# Sends its two arguments as one list within the list.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: calls wrong-answer
from lib.wamp import Caller, call



class Answer(Caller):
    args = [[2, 3]]


call(Answer)
