# Imports the module and names the constants, but makes no socket.
# check: transparency-socket1 --program "python3 {file}"
# fails: asks socket-none
import socket

family, kind = socket.AF_INET, socket.SOCK_STREAM
