// Never clears its buffer and asks strlen how much to send: a shorter message comes back with the
// rest of a longer one before it.
// check: cmpu-tcp-echo --server "{file} {port}"
// fails: bytes stops-at-nul
// fails: reset old-bytes
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[2049];

int main(int argc, char **argv) {
    (void)argc;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 5) != 0) {
        return 1;
    }
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (recv(connection, buffer, sizeof buffer - 1, 0) > 0) {
            printf("Data: %s\n", buffer);
            send(connection, buffer, strlen(buffer), MSG_NOSIGNAL);
        }
        close(connection);
    }
}
