# A right caller: calls by name, prints the result, leaves the realm, fails with an exit code.
# check: transparency-middleware --client "python3 {file} {host} {port}"
from lib.wamp import Caller, call

call(Caller)
