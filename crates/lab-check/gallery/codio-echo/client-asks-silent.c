// Asks for its message, says what it sends, and never shows the echo.
// check: codio-echo --client "{file} {port}"
// fails: prints not-printed
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char message[256], answer[1024];
    if (argc < 2) return 2;
    printf("Message: ");
    if (!fgets(message, sizeof message, stdin)) return 1;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    printf("Sending %s", message);
    send(server, message, strlen(message), 0);
    ssize_t count = recv(server, answer, sizeof answer, 0);
    printf("Received %zd bytes\n", count);
    close(server);
    return count > 0 ? 0 : 1;
}
