# Calculates the result itself, since it knows how.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: prints not-printed
from lib.wamp import Caller, call



class Answer(Caller):
    def call(self):
        self.say(48, self.next(), {}, self.procedure, self.args)
        self.hear()
        print(sum(self.args))
        self.leave()


call(Answer)
