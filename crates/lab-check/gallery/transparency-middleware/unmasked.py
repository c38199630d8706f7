# Sends its frames without a mask, as a server does.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
# fails: joins ws-unmasked
from lib.wamp import Service, WebSocket, serve



class Unmasked(WebSocket):
    def send_frame(self, opcode, content):
        length = len(content)
        head = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
        self.socket.sendall(bytes([0x80 | opcode]) + head + content)


class Answer(Service):
    websocket = Unmasked


serve(Answer)
