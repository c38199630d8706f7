"""classroom50's runner calls this in the student's checkout, once a submission. It leaves
result.json there.
"""

import sys

import grade

sys.exit(grade.main(["classroom50", ".", "result.json"]))
