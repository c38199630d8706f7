// Shows only what it sends, without a line end: printf keeps that back until the program ends.
// check: cmpu-udp-echo --client "{file} {port} {message}"
// fails: prints not-printed
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    static char answer[65536];
    size_t length = strlen(argv[2]);
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(client, (struct sockaddr *)&server, sizeof server)) return 1;
    // Each receive waits so long at most. A stream of wrong
    // datagrams could make a try longer, so they are counted.
    struct timeval limit = {.tv_usec = 500000};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    printf("Sending %s ... ", argv[2]);
    for (int attempt = 0; attempt < 4; attempt++) {
        if (send(client, argv[2], length, 0) < 0) break;
        for (int wrong = 0; wrong < 10; wrong++) {
            ssize_t count = recv(client, answer, sizeof answer, 0);
            if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
            if (count < 0) {
                perror("no echo");
                return 1;
            }
            if ((size_t)count == length && memcmp(answer, argv[2], length) == 0) {
                return 0;
            }
        }
    }
    fprintf(stderr, "no echo came\n");
    return 1;
}
