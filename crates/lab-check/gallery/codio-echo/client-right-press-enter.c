// A right client that waits for the Enter key before it connects, and before it ends.
// check: codio-echo --client "{file} {port}"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char answer[1024];
    if (argc < 2) return 2;
    printf("Press Enter to connect...");
    getchar();
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    send(server, "Hello, world", 12, 0);
    ssize_t count = recv(server, answer, sizeof answer - 1, 0);
    if (count > 0) {
        answer[count] = 0;
        printf("Received: %s\n", answer);
    }
    close(server);
    puts("Press any key to continue . . .");
    getchar();
    return count > 0 ? 0 : 1;
}
