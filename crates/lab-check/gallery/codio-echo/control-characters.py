# Prints and sends control characters, half a character and what XML forbids, and no echo.
# check: codio-echo --server "python3 {file} {port}"
# fails: whole wrong-answer
import os
import socket
import sys

os.write(1, b"\x1b[31mred\x1b[0m \x00 \xff\xfe ]]> <&> \x0b\x08 \xed\xa0\x80 \xef\xbf\xbf end\r\n")
os.write(2, b"\x1b]0;title\x07 \x01 error ]]>\n")
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    connection, peer = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"\x00\xff\x1b[2J]]>&<\xef\xbf\xbf")
