# Says that it has a socket and has none.
# check: transparency-socket2 --program "python3 {file}"
# fails: asks socket-none
print("Socket Created")
