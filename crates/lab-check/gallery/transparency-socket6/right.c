// A right answer in C.
// check: transparency-socket6 --client "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    (void)argc;
    char thanks[1024];
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address)) {
        perror("cannot connect");
        return 1;
    }
    ssize_t count = recv(server, thanks, sizeof thanks, 0);
    if (count <= 0) return 1;
    printf("%.*s\n", (int)count, thanks);
    return 0;
}
