// A right client in C that prints piece by piece, without a line end and without a flush.
// check: co223-task02 --client "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char piece[64];
    ssize_t count;
    if (argc < 2) return 2;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    while ((count = recv(server, piece, sizeof piece, 0)) > 0) fwrite(piece, 1, (size_t)count, stdout);
    if (count < 0) {
        perror("recv");
        return 1;
    }
    return 0;
}
