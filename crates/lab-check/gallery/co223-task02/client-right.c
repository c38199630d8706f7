// A right client in C.
// check: co223-task02 --client "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char piece[1024];
    ssize_t count;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 1234)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    while ((count = recv(server, piece, sizeof piece, 0)) > 0)
        fwrite(piece, 1, count, stdout);
    if (count < 0) {
        perror("recv");
        return 1;
    }
    printf("\n");
    return 0;
}
