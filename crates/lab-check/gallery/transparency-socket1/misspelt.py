# Misspells a constant: the program ends with an AttributeError.
# check: transparency-socket1 --program "python3 {file}"
# fails: ends crashes
import socket

with socket.socket(socket.AF_INET, socket.STREAM):
    pass
