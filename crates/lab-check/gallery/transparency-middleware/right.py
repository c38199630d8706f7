# A right service: puts frames together, answers each call by its number, keeps its state on the
# disk, comes back.
# check: transparency-middleware --server "python3 {file} {host} {port} {scratch}/state"
from lib.wamp import Service, serve

serve(Service)
