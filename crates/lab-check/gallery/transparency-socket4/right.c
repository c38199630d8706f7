// A right answer in C.
// check: transparency-socket4 --client "{file} {host} {port}"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    char text[4096];
    if (getaddrinfo(argv[1], argv[2], &hints, &found)) return 1;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, found->ai_addr, found->ai_addrlen)) {
        perror("cannot connect");
        return 1;
    }
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", argv[1], argv[2]);
    send(server, text, strlen(text), MSG_NOSIGNAL);
    ssize_t count = recv(server, text, sizeof text, 0);
    if (count <= 0) {
        fprintf(stderr, "no page came\n");
        return 1;
    }
    fwrite(text, 1, (size_t)count, stdout);
    return 0;
}
