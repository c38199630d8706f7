# The program of the sheet, typed in as it is.
# check: dsd-hello --server "python3 {file}"
# fails: cut-character half-character
# fails: restart no-reuseaddr

import socket

HOST = "127.0.0.1"
PORT = 65432

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.bind((HOST, PORT))
    listener.listen()
    service, address = listener.accept()
    with service:
        print("Connected by", address)
        while True:
            data = service.recv(1024)
            if not data:
                break
            text = data.decode("utf-8")
            answer = f'I got "{text}" from you and I am sending it back.'
            service.sendall(answer.encode("utf-8"))
