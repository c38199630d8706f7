// A right client with getopt: -p for the port, -m for the message; it prints the echo at once.
// check: cmpu-tcp-echo --client "{file} -p {port} -m {message}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int port = 9900, option;
    const char *message = "";
    while ((option = getopt(argc, argv, "p:m:")) != -1) {
        if (option == 'p') port = atoi(optarg);
        else if (option == 'm') message = optarg;
        else return 2;
    }
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    char echo[1024];
    size_t length = strlen(message), got = 0;
    send(server, message, length, 0);
    while (got < length) {
        ssize_t count = recv(server, echo + got, sizeof echo - 1 - got, 0);
        if (count <= 0) {
            fprintf(stderr, "the echo is not complete\n");
            return 1;
        }
        got += (size_t)count;
    }
    echo[got] = 0;
    printf("Echo: %s\n", echo);
    return 0;
}
