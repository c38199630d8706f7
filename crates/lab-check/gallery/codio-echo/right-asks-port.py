# A right answer that asks for the port on which to listen.
# check: codio-echo --server "python3 {file}"
import socket

port = int(input("Port number: "))
with socket.create_server(("", port)) as listener:
    print(f"Listening on port {port} ...")
    client, address = listener.accept()
    with client:
        print("Connected by", address)
        try:
            while piece := client.recv(1024):
                client.sendall(piece)
        except ConnectionError as error:
            print("the client is gone:", error)
