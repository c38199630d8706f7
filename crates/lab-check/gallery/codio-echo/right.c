// A right answer in C: send in a loop, until all of the piece has gone.
// check: codio-echo --server "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char buffer[1024];
    ssize_t count;
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 65432)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0) {
        perror("bind or listen");
        return 1;
    }
    int connection = accept(listener, NULL, NULL);
    while ((count = recv(connection, buffer, sizeof buffer, 0)) > 0) {
        for (ssize_t sent = 0, more; sent < count; sent += more) {
            more = send(connection, buffer + sent, count - sent, MSG_NOSIGNAL);
            if (more < 0) {
                perror("send");
                return 1;
            }
        }
    }
    close(connection);
    close(listener);
    return 0;
}
