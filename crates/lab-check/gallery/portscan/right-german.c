// A right answer in C that speaks German, with a line for every port.
// check: portscan --program "{file} {host} {first} {last}"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_open(struct in_addr host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(probe, (struct sockaddr *)&address, sizeof address) < 0) {
        error = errno;
        if (error == EINPROGRESS) {
            struct pollfd wait = {.fd = probe, .events = POLLOUT};
            error = ETIMEDOUT;
            if (poll(&wait, 1, 300) == 1) {
                getsockopt(probe, SOL_SOCKET, SO_ERROR, &error, &size);
            }
        }
    }
    close(probe);
    return error == 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "Aufruf: %s RECHNER VON BIS\n", argv[0]);
        return 2;
    }
    struct hostent *found = gethostbyname(argv[1]);
    if (found == NULL) {
        fprintf(stderr, "%s ist nicht bekannt\n", argv[1]);
        return 1;
    }
    struct in_addr host;
    memcpy(&host, found->h_addr_list[0], sizeof host);
    for (int port = atoi(argv[2]); port <= atoi(argv[3]); port++) {
        printf("Port %d ist %s\n", port, is_open(host, port) ? "offen" : "geschlossen");
    }
    return 0;
}
