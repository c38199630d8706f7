// Connects to the machine of a friend, whose address is in the program, and ignores the result.
// check: codio-echo --client "{file}"
// fails: sends other-address
// may fail: sends never-connects
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(65432)};
    inet_pton(AF_INET, "192.168.1.50", &address.sin_addr);
    connect(server, (struct sockaddr *)&address, sizeof address);
    const char *message = "Hello, world";
    send(server, message, strlen(message), MSG_NOSIGNAL);
    char buffer[1024];
    ssize_t count = recv(server, buffer, sizeof buffer, 0);
    if (count > 0)
        printf("Received %.*s\n", (int)count, buffer);
    close(server);
    return 0;
}
