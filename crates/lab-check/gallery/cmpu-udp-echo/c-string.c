// Takes the datagram for a C string: strlen ends at the first NUL.
// check: cmpu-udp-echo --server "{file} {port}"
// fails: same-bytes stops-at-nul
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    (void)argc;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address)) return 1;
    for (;;) {
        static char message[65536];
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(server, message, sizeof message - 1, 0, (struct sockaddr *)&client, &size);
        if (count < 0) continue;
        message[count] = 0;
        sendto(server, message, strlen(message), 0, (struct sockaddr *)&client, size);
    }
}
