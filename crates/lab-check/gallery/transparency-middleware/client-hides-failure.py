# Ends with exit code 0 when there is no router.
# check: transparency-middleware --client "python3 {file} {host} {port}"
# fails: no-router silent-failure
from lib.wamp import Caller

import sys

try:
    caller = Caller(sys.argv[1], int(sys.argv[2]))
except ConnectionRefusedError as error:
    print(f"no router: {error}")
else:
    try:
        caller.call()
    except OSError as error:
        sys.exit(f"the call was not answered: {error}")
