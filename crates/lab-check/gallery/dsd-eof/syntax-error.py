# Does not even start.
# check: dsd-eof --server "python3 {file} {port}"
# fails: whole syntax-error
import socket
import sys
import threading

TOKEN = b"<EOF>"


def serve(connection)
    pass
