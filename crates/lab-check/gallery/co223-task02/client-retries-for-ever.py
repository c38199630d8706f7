# A client that tries again forever, whatever happens.
# check: co223-task02 --client "python3 {file} {port}"
# fails: server-resets hangs
# fails: no-server hangs
import socket
import sys
import time

message = None
while message is None:
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
            pieces = []
            while piece := server.recv(1024):
                pieces.append(piece)
            message = b"".join(pieces)
    except OSError as error:
        print(error, file=sys.stderr)
        time.sleep(0.2)
print(message.decode(errors="replace"))
