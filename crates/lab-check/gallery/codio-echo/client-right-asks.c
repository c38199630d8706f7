// A right client that asks for address, port and message with printf and scanf, and flushes
// nothing.
// check: codio-echo --client "{file}"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    char ip[64], message[256], answer[1024];
    int port;
    printf("Enter server IP: ");
    if (scanf("%63s", ip) != 1) return 1;
    printf("Enter port number: ");
    if (scanf("%d", &port) != 1) return 1;
    getchar();
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, ip, &address.sin_addr);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("connect");
        return 1;
    }
    printf("Connected to the server.\nEnter a message: ");
    if (!fgets(message, sizeof message, stdin)) return 1;
    message[strcspn(message, "\n")] = 0;
    send(server, message, strlen(message), 0);
    ssize_t count = recv(server, answer, sizeof answer, 0);
    if (count <= 0) {
        fprintf(stderr, "no answer\n");
        return 1;
    }
    printf("Server says: %.*s", (int)count, answer);
    close(server);
    return 0;
}
