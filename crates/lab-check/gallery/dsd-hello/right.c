// A right answer in C.
// check: dsd-hello --server "{file} {port}"
#include <arpa/inet.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char BEFORE[] = "I got \"";
static const char AFTER[] = "\" from you and I am sending it back.";

int main(int argc, char **argv) {
    char buffer[1024], answer[1024 + sizeof BEFORE + sizeof AFTER];
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
        size_t size = strlen(BEFORE);
        memcpy(answer, BEFORE, size);
        memcpy(answer + size, buffer, count);
        memcpy(answer + size + count, AFTER, strlen(AFTER));
        // An answer of a kilobyte fits into the system's buffer:
        // a client that reads nothing is not expected here.
        send(connection, answer, size + count + strlen(AFTER), MSG_NOSIGNAL);
    }
    return 0;
}
