// A right client in C.
// check: cmpu-guess --client "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// A fresh socket for each guess. 1 when an answer has come.
static int ask(const struct sockaddr_in *server, const char *guess, char *answer, size_t room) {
    int client = socket(AF_INET, SOCK_DGRAM, 0), answered = 0;
    struct timeval limit = {.tv_usec = 500000};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(client, (const struct sockaddr *)server, sizeof *server) == 0) {
        for (int attempt = 0; attempt < 4 && !answered; attempt++) {
            send(client, guess, strlen(guess), 0);
            ssize_t count = recv(client, answer, room - 1, 0);
            answered = count >= 0;
            answer[answered ? count : 0] = 0;
        }
    }
    close(client);
    return answered;
}

int main(int argc, char **argv) {
    (void)argc;
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char guess[1024], answer[1024];
    while (fgets(guess, sizeof guess, stdin)) {
        guess[strcspn(guess, "\r\n")] = 0;
        if (!ask(&server, guess, answer, sizeof answer)) {
            fprintf(stderr, "the server does not answer\n");
            return 1;
        }
        puts(answer);
        if (strcmp(answer, "CORRECT") == 0) return 0;
    }
    fprintf(stderr, "the input ended before the number was found\n");
    return 1;
}
