// Sends its whole buffer back, and not only the part that recvfrom has filled.
// check: cmpu-udp-echo --server "{file} {port}"
// fails: whole whole-buffer
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    (void)argc;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address)) return 1;
    for (;;) {
        char message[512] = {0};
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(server, message, sizeof message, 0, (struct sockaddr *)&client, &size);
        if (count >= 0) sendto(server, message, sizeof message, 0, (struct sockaddr *)&client, size);
    }
}
