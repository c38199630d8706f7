# Gives each client a thread, but answers to the one variable for the connection that they all
# share.
# check: dsd-sum --server "python3 {file} {port}"
# fails: two-at-once mixes-clients
import socket
import sys
import threading


def serve(client):
    with client:
        try:
            while request := client.recv(1024):
                try:
                    answer = str(sum(int(word) for word in request.split()))
                except ValueError as error:
                    answer = f"error: {error}"
                connection.sendall(answer.encode())
        except OSError as error:
            print(error, file=sys.stderr)


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    while True:
        connection, peer = listener.accept()
        print(f"Connected by {peer}")
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
