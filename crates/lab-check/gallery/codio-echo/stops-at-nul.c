// Takes what it received for a C string: strlen stops at the first NUL.
// check: codio-echo --server "{file} {port}"
// fails: bytes stops-at-nul
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char buffer[1025];
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
    while ((count = recv(connection, buffer, sizeof buffer - 1, 0)) > 0) {
        buffer[count] = '\0';
        send(connection, buffer, strlen(buffer), MSG_NOSIGNAL);
    }
    close(connection);
    close(listener);
    return 0;
}
