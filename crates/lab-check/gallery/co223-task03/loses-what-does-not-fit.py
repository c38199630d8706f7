# Serves all clients with selectors, and drops what there is no room for at the moment.
# check: co223-task03 --server "python3 {file} {port}"
# fails: slow-reader send-for-sendall
import selectors
import socket
import sys

selector = selectors.DefaultSelector()


def serve(connection):
    try:
        data = connection.recv(1024)
        if data:
            connection.send(data)
    except BlockingIOError:
        return
    except ConnectionError:
        data = b""
    if not data:
        selector.unregister(connection)
        connection.close()


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, peer = listener.accept()
                print(f"Connection from {peer} has been established.")
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
            else:
                serve(key.fileobj)
