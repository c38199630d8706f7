// Sends to a client that has gone without a look at what send returns: the second time SIGPIPE ends
// the program.
// check: co223-task03 --server "{file} {port}"
// fails: reset dies-on-reset
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int connection) {
    char buffer[1024];
    ssize_t count;
    // A blocking send takes all of it, so this is right while the client is there.
    while ((count = recv(connection, buffer, sizeof buffer, 0)) > 0)
        send(connection, buffer, count, 0);
}

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
        int connection = accept(listener, NULL, NULL);
        serve(connection);
        close(connection);
    }
}
