# Serves all clients in one thread and does not catch ConnectionResetError: one broken connection
# ends the server.
# check: dsd-eof --server "python3 {file} {port}"
# fails: reset dies-on-reset
# fails: connect-and-leave dies-on-reset
import selectors
import socket
import sys

TOKEN = b"<EOF>"
selector = selectors.DefaultSelector()
buffers = {}


def answer(text):
    return b'I got "' + text + b'" from you and I am sending it back.' + TOKEN


def serve(connection):
    piece = connection.recv(65536)
    if not piece:
        selector.unregister(connection)
        connection.close()
        del buffers[connection]
        return
    buffer = buffers[connection] + piece
    while TOKEN in buffer:
        text, buffer = buffer.split(TOKEN, 1)
        connection.sendall(answer(text))
    buffers[connection] = buffer


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, peer = listener.accept()
                print(f"Connected by {peer}")
                buffers[connection] = b""
                selector.register(connection, selectors.EVENT_READ)
            else:
                serve(key.fileobj)
