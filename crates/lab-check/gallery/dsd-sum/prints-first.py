# Prints a line again and again before it listens, and so keeps its clients waiting.
# check: dsd-sum --server "python3 {file} {port}"
# fails: whole floods
import time

for _ in range(400_000):
    print("waiting for clients")
time.sleep(3600)
