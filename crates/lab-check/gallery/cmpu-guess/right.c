// A right answer in C: strtol tells where the number ends.
// check: cmpu-guess --server "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    srand((unsigned)time(NULL) ^ (unsigned)getpid());
    long number = rand() % 100 + 1;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address)) return 1;
    for (;;) {
        static char text[65536];
        char answer[128], *end;
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(server, text, sizeof text - 1, 0, (struct sockaddr *)&client, &size);
        if (count < 0) continue;
        text[count] = 0;
        long guess = strtol(text, &end, 10);
        if (end == text || *end != 0)
            snprintf(answer, sizeof answer, "ERROR: \"%.64s\" is not a whole number", text);
        else
            strcpy(answer, number > guess ? "HIGHER" : number < guess ? "LOWER" : "CORRECT");
        sendto(server, answer, strlen(answer), 0, (struct sockaddr *)&client, size);
    }
}
