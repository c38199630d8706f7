// A right answer in C; fflush, since printf keeps a line back where stdout is not a terminal.
// check: co223-task01 --server "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 1234)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 5) < 0) {
        perror("bind or listen");
        return 1;
    }
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int connection = accept(listener, (struct sockaddr *)&peer, &size);
        printf("Connection from ('%s', %d) has been established.\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        fflush(stdout);
        close(connection);
    }
}
