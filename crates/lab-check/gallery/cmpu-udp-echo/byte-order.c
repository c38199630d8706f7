// Leaves out htons: the two bytes of its port are swapped.
// check: cmpu-udp-echo --server "{file} {port}"
// fails: whole udp-not-bound
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    (void)argc;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = (unsigned short)atoi(argv[1])};
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0) {
        return 1;
    }
    static char buffer[65536];
    for (;;) {
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(server, buffer, sizeof buffer, 0, (struct sockaddr *)&client, &size);
        if (count >= 0) {
            sendto(server, buffer, (size_t)count, 0, (struct sockaddr *)&client, size);
        }
    }
}
