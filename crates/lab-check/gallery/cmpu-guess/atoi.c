// Turns the guess into a number with atoi, which gives 0 for a word.
// check: cmpu-guess --server "{file} {port}"
// fails: not-a-number guess-no-number
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv) {
    (void)argc;
    srand((unsigned)time(NULL));
    int number = rand() % 100 + 1;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(server, (struct sockaddr *)&address, sizeof address)) return 1;
    for (;;) {
        char text[1024];
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t count = recvfrom(server, text, sizeof text - 1, 0, (struct sockaddr *)&client, &size);
        if (count < 0) continue;
        text[count] = 0;
        int guess = atoi(text);
        const char *answer = number > guess ? "HIGHER" : number < guess ? "LOWER" : "CORRECT";
        sendto(server, answer, strlen(answer), 0, (struct sockaddr *)&client, size);
    }
}
